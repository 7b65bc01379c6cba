"""The verb that claims: what is due is promoted, and the first jobs of the lines are given to slots."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from aqueue.model.job import Job
from aqueue.model.line import Head, Line, Served, choose
from aqueue.store.queues import bucket_of
from aqueue.store.reading import to_job
from aqueue.store.statement import Rows, Statement, Verb

PROMOTE_AT_ONCE = 1000
"""How many jobs one transaction may promote, so that a million due at one moment do not hold the write lock."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The jobs of a claim in the order of the line, and when to look again: None while there may be more now.

    `turns` is what the next claim is to be told of how many turns each queue has had.
    """

    jobs: Sequence[Job]
    next_run_at: float | None
    turns: Mapping[str, int] = field(default_factory=dict)


def claim(
    worker: str, slots: Sequence[int], now: float, served: Served | None = None, turns: Mapping[str, int] | None = None
) -> Verb[Claimed]:
    """Give the first jobs of the line to these slots of a worker; what is due is promoted before.

    `served` are the queues that the worker serves, None for all of them; see `model/line.py` for the order and `turns`.
    """
    promoted = yield Statement("promote", {"now": now, "limit": PROMOTE_AT_ONCE})
    rows = yield Statement("line", {"most": len(slots)})
    lines = yield from _lines(rows, worker, served)
    rooms = [(line, room) for line in lines if (room := line.room(now, served.get(line.queue) if served else None))]
    choice = choose(rooms, len(slots), turns or {}) if rooms else None
    jobs = (yield from _started(choice.heads, worker, slots, now)) if choice else []
    left = yield from _less_tokens(lines, jobs, now)
    look_at = None if len(jobs) == len(slots) else (yield from _next_look(left, promoted, now))
    return Claimed(jobs, look_at, choice.turns if choice else {})


def _lines(rows: Rows, worker: str, served: Served | None) -> Verb[Sequence[Line]]:
    by_queue = [(name, list(group)) for name, group in groupby(rows, lambda row: row["queue"])]
    lines = [_line(name, group) for name, group in by_queue if served is None or name in served]
    counted = served is not None and any(most is not None for most in served.values())
    if not counted and all(line.limit is None for line in lines):
        return lines
    running = {row["queue"]: row for row in (yield Statement("running", {"worker": worker}))}
    return [
        replace(line, running=row["n"], here=row["here"]) if (row := running.get(line.queue)) else line
        for line in lines
    ]


def _line(name: str, rows: Sequence[Mapping[str, Any]]) -> Line:
    said = rows[0]
    return Line(
        queue=name,
        heads=[Head(row["seq"], row["queue"], row["priority"], row["run_at"]) for row in rows],
        paused=bool(said["paused"]),
        limit=said["max_running"],
        bucket=bucket_of(said),
    )


def _started(heads: Sequence[Head], worker: str, slots: Sequence[int], now: float) -> Verb[Sequence[Job]]:
    chosen = json.dumps({head.seq: slot for head, slot in zip(heads, slots, strict=False)})
    rows = yield Statement("claim", {"worker": worker, "chosen": chosen, "now": now})
    yield Statement("start_runs", {"chosen": chosen})
    jobs = {row["seq"]: to_job(row) for row in rows}
    return [jobs[head.seq] for head in heads]


def _less_tokens(lines: Sequence[Line], jobs: Sequence[Job], now: float) -> Verb[Sequence[Line]]:
    """Take a token for each start; the lines with what is left."""
    left = []
    for line in lines:
        starts = sum(job.queue == line.queue for job in jobs) if line.bucket else 0
        if line.bucket and starts:
            bucket = line.bucket.less(starts, now)
            yield Statement("keep_tokens", {"name": line.queue, "tokens": bucket.tokens, "at": bucket.at})
            left.append(replace(line, bucket=bucket))
        else:
            left.append(line)
    return left


def _next_look(lines: Sequence[Line], promoted: Rows, now: float) -> Verb[float | None]:
    if len(promoted) == PROMOTE_AT_ONCE:
        return now
    (earliest,) = yield Statement("next_run_at")
    moments = [earliest["run_at"], *(line.opens_at(now) for line in lines)]
    return min((moment for moment in moments if moment is not None), default=None)
