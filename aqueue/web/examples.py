"""What jobs, queues, schedules and the rest look like over HTTP, by example; a test holds them to what is answered."""

from typing import Any

from aqueue.web.describe import members

TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
CODES = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 255}}
DURATION = {"type": ["number", "string"], "description": "Seconds, or a text like `90`, `0.5s`, `5m`, `1h30m`, `2d`."}
DURATION_OR_NONE = {**DURATION, "type": ["number", "string", "null"]}

OPTIONS: dict[str, Any] = {
    "queue": {"type": "string", "default": "default"},
    "priority": {"type": "integer", "default": 0, "description": "The higher ones first."},
    "max_retries": {"type": "integer", "minimum": 0, "description": "How many attempts may follow the first."},
    "timeout": {**DURATION_OR_NONE, "description": "How long a run may take; null is any time."},
    "unique": {"type": ["string", "null"], "description": "While a job with this key is unfinished, none is made."},
    "tags": TEXTS,
    "env": {"type": "object", "additionalProperties": TEXT, "description": "Its values are never shown again."},
    "cwd": {"type": "string", "description": "The folder in which it runs; without one, the worker's."},
    "backoff_base": {"type": ["number", "string"], "description": "The wait before retry k is this to the power of k."},
    "backoff_max": DURATION,
    "no_retry_on": {**CODES, "description": "Exit codes after which it is not tried again."},
    "defer_on": {**CODES, "description": "Exit codes after which it is tried again without counting."},
    "nice": {"type": ["integer", "string"], "description": "How much nicer its runs are than the worker: -20 to 19."},
    "memory": {"type": ["integer", "string"], "description": "What a run may have: bytes, or a text like `512MiB`."},
}
"""The keys of a job that is made again and again, but for its command."""

TIMES: dict[str, Any] = {
    "delay": DURATION,
    "run_at": {"type": ["string", "number"], "description": "ISO 8601, `HH:MM`, `+DURATION`, or seconds since 1970."},
    "hold": {"type": "boolean", "default": False, "description": "It waits until it is released."},
    "after": {**TEXTS, "description": "Ids of jobs that must have completed before it."},
    "after_any": {**TEXTS, "description": "Ids of jobs that must have ended before it, in whatever way."},
}

EDITABLE = members(command=TEXT, **OPTIONS, **TIMES)
"""The keys that an edit may change."""

NEW_JOB = members(
    ("command",),
    command={"type": "string", "description": "A command line for the shell.", "examples": ["convert in.png out.webp"]},
    id={"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$", "description": "Not of digits alone."},
    **OPTIONS,
    **TIMES,
)
"""A job as it is asked for."""

NEW_JOBS = {"oneOf": [NEW_JOB, {"type": "array", "items": NEW_JOB}]}

NEW_SCHEDULE = members(
    ("name", "schedule", "command"),
    name=TEXT,
    schedule={"type": "string", "description": "Five fields as in a crontab, six with the seconds first, or `@daily`."},
    timezone={"type": "string", "default": "UTC"},
    missed={"enum": ["skip", "once", "all"], "default": "skip"},
    overlap={"type": "boolean", "default": False},
    command=TEXT,
    **OPTIONS,
)

SELECTION = members(
    (),
    ids=TEXTS,
    all={"type": "boolean"},
    state={"enum": ["scheduled", "blocked", "pending", "processing", "failed", "completed", "dead", "cancelled", None]},
    queue={"type": ["string", "null"]},
    tag={"type": ["string", "null"]},
    search={"type": ["string", "null"]},
    dry_run={"type": "boolean", "default": False},
)

QUEUE_RULES = members(
    (),
    limit={"type": ["integer", "null"], "minimum": 1},
    rate={"type": ["string", "null"], "description": "`5/s`, `30/m` or `100/h`."},
)

COUNTS = {
    "scheduled": 1,
    "blocked": 0,
    "pending": 4,
    "processing": 2,
    "failed": 1,
    "completed": 1280,
    "dead": 3,
    "cancelled": 0,
}

JOB: dict[str, Any] = {
    "id": "7",
    "command": "convert in.png out.webp",
    "state": "failed",
    "queue": "default",
    "priority": 5,
    "attempts": 1,
    "max_retries": 3,
    "timeout": 60.0,
    "run_at": "2026-01-31T18:00:02.000Z",
    "held": False,
    "created_at": "2026-01-31T17:59:58.120Z",
    "updated_at": "2026-01-31T18:00:00.000Z",
    "started_at": "2026-01-31T17:59:58.131Z",
    "finished_at": None,
    "exit_code": 1,
    "signal": None,
    "error": "exit code 1: convert: unable to open image 'in.png'",
    "run": 1,
    "worker": "w3f9a1c2e",
    "slot": 0,
    "tags": ["images"],
    "env": ["MAGICK_THREAD_LIMIT"],
    "cwd": "/srv/images",
    "after": ["6"],
    "after_any": [],
    "unique": None,
    "cron": None,
    "progress": None,
    "backoff_base": None,
    "backoff_max": None,
    "no_retry_on": [2],
    "defer_on": [],
    "nice": None,
    "memory": 536870912,
}

RUN = {
    "run": 1,
    "attempt": 1,
    "worker": "w3f9a1c2e",
    "slot": 0,
    "started_at": "2026-01-31T17:59:58.131Z",
    "finished_at": "2026-01-31T18:00:00.000Z",
    "ending": "exited",
    "exit_code": 1,
    "signal": None,
    "error": "exit code 1: convert: unable to open image 'in.png'",
    "cpu_seconds": 0.02,
    "peak_bytes": 31457280,
}

RELATIVE = {"id": "6", "command": "curl -fsSO https://example.com/in.png", "state": "completed", "error": None}

WHOLE_JOB = {
    **JOB,
    "runs": [RUN],
    "more_runs": 0,
    "why": "it failed (exit code 1: …) and backs off: attempt 2 starts in 2s",
    "parents": [RELATIVE],
    "more_parents": 0,
    "children": [],
    "more_children": 0,
    "events_cursor": 4711,
}

PAGE_OF_JOBS = {"items": [JOB], "next": "n7", "counts": COUNTS}

EVENT = {
    "event": 4711,
    "at": "2026-01-31T18:00:00.000Z",
    "job": "7",
    "from": "processing",
    "to": "failed",
    "run": 1,
    "attempt": 1,
    "worker": "w3f9a1c2e",
    "ending": "exited",
    "error": "exit code 1",
}

OUTPUT = {
    "run": 1,
    "pieces": [{"stream": "stdout", "at": "2026-01-31T18:00:00.000Z", "start": 0, "end": 6, "text": "hello\n"}],
    "next": 6,
    "more": False,
    "ended": True,
}

OUTCOME = {"matched": 12, "done": 12, "skipped": 0}

QUEUE = {
    "name": "mail",
    "paused": False,
    "limit": 2,
    "rate": "30/m",
    "waiting": 4,
    "running": 2,
    "oldest": "2026-01-31T18:00:00.000Z",
    "counts": COUNTS,
}

WORKER = {
    "id": "w3f9a1c2e",
    "pid": 4242,
    "host": "alpha",
    "concurrency": 4,
    "running": 2,
    "started_at": "2026-01-31T12:00:00.000Z",
}

STATUS = {
    "counts": COUNTS,
    "total": 1291,
    "queues": [{"name": "mail", "paused": False, "limit": 2, "rate": "30/m", "counts": COUNTS}],
    "workers": [WORKER],
    "next_run_at": "2026-01-31T18:00:02.000Z",
}

SCHEDULE: dict[str, Any] = {
    "name": "nightly",
    "schedule": "30 2 * * *",
    "timezone": "Europe/Berlin",
    "missed": "once",
    "overlap": False,
    "paused": False,
    "job": {"command": "./backup.sh"},
    "created_at": "2026-01-31T12:00:00.000Z",
    "next": ["2026-02-01T01:30:00.000Z"],
    "last_at": "2026-01-31T01:30:00.000Z",
    "owed_since": None,
    "unfinished": None,
    "last": None,
    "error": None,
}

OVERVIEW = {
    "counts": COUNTS,
    "total": 1291,
    "today": {"completed": 214, "dead": 1},
    "average_attempts": 1.04,
    "minutes": [
        {"at": "2026-01-31T18:00:00.000Z", "completed": 7, "failed": 1, "dead": 0, "wait": 0.01, "duration": 1.2}
    ],
    "workers": [{**WORKER, "queues": None, "slots": [{"slot": 0, "job": JOB}, {"slot": 1, "job": None}]}],
    "queues": [QUEUE],
    "more_queues": 0,
    "next": [JOB],
    "schedules": [SCHEDULE],
    "cursor": 4711,
    "url": "/var/lib/aqueue/queue.db",
    "version": "0.1.0",
}

DEAD = {
    "groups": [
        {"error": "exit code 1", "count": 3, "newest": "2026-01-31T18:00:00.000Z", "ids": ["7", "5", "2"]},
    ],
    "total": 3,
    "of": 3,
}

SESSION = {
    "login": False,
    "token": True,
    "may_enqueue": True,
    "may_change": True,
    "read_only": False,
    "version": "0.1.0",
}

PROBLEM = {
    "type": "about:blank",
    "title": "Conflict",
    "status": 409,
    "detail": "job 7 is running; cancel it first",
}
