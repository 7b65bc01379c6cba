"""Queues that have a past: so many jobs that have ended long ago, with their runs and events.

Each comes into being by plain SQL, in sets, through the same triggers as in life: enqueued, started, ended. Ten million
take some minutes and gigabytes, so they are kept, as long as the schema stays as it is.
"""

import contextlib
import hashlib
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.figures import Impossible
from benchmarks.kept import KEPT
from benchmarks.ours import Queue, queue

SLICE = 500_000
"""Jobs a transaction."""

BYTES_A_JOB = 1000
"""What a job of the past surely takes on the disk, the -wal of its slice included."""

INSERT = """
INSERT INTO jobs (command, cwd, max_retries, timeout, created_at, run_at, updated_at)
WITH RECURSIVE line (place) AS (SELECT 1 UNION ALL SELECT place + 1 FROM line WHERE place < :count)
SELECT 'true # page ' || place, '/', 3, 0, :at, :at, :at FROM line
"""

START = """
UPDATE jobs SET state = 'processing', attempts = 1, run = 1, worker = 'w00000000', slot = seq % 8,
    started_at = :at + 1, updated_at = :at + 1
WHERE seq > :after
"""

HISTORY = """
INSERT INTO aqueue_runs
    (job, run, attempt, worker, slot, started_at, finished_at, ending, exit_code, error, cpu_seconds, peak_bytes)
SELECT seq, 1, 1, worker, slot, started_at, started_at + 1, 'exited', :code, :error, 0.25, 30000000
FROM jobs WHERE seq > :after
"""

END = """
UPDATE jobs SET state = :state, finished_at = :at + 2, updated_at = :at + 2, exit_code = :code, error = :error
WHERE seq > :after
"""


@dataclass(frozen=True, slots=True)
class Past:
    """How many jobs have ended, and how."""

    count: int
    state: str = "completed"

    @property
    def code(self) -> int:
        """The exit code of each."""
        return int(self.state != "completed")

    @property
    def error(self) -> str | None:
        """What is told of each."""
        return None if self.code == 0 else "exit code 1"


def fill(one: Queue, past: Past) -> None:
    """Give an idle queue this past; it all ended an hour ago."""
    at = time.time() - 3600
    with one.sql() as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        for begun in range(0, past.count, SLICE):
            _slice(connection, past, min(SLICE, past.count - begun), at)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _slice(connection: sqlite3.Connection, past: Past, count: int, at: float) -> None:
    (after,) = connection.execute("SELECT coalesce(max(seq), 0) FROM jobs").fetchone()
    given = {"after": after, "count": count, "at": at, "state": past.state, "code": past.code, "error": past.error}
    connection.execute("BEGIN IMMEDIATE")
    for statement in (INSERT, START, HISTORY, END):
        connection.execute(statement, given)
    connection.execute("COMMIT")


@contextlib.contextmanager
def with_past(past: Past) -> Iterator[Queue]:
    """A queue with this past, made when it is first asked for. What is added to it is the caller's to take away."""
    if not past.count:
        with queue() as empty:
            yield empty
        return
    one = Queue(KEPT / f"{past.state}-{past.count}-{_schema()}" / "queue.db")
    if not (one.folder / "whole").exists():
        _make(one, past)
    forget(one, past)  # should the last who used it have been cut short
    yield one


def forget(one: Queue, past: Past, *, scheduled: bool = True) -> None:
    """Take away what has been added to a past; or leave what is scheduled."""
    with one.sql() as connection:
        which = "" if scheduled else " AND state <> 'scheduled'"
        connection.execute(f"DELETE FROM jobs WHERE seq > ?{which}", (past.count,))


def _make(one: Queue, past: Past) -> None:
    KEPT.mkdir(exist_ok=True)
    for stale in KEPT.glob(f"{past.state}-{past.count}-*"):  # of other schemas, too
        shutil.rmtree(stale)
    if shutil.disk_usage(KEPT).free < 2 * BYTES_A_JOB * past.count:
        raise Impossible(f"no room on the disk for {past.count:,} finished jobs")
    one.folder.mkdir(mode=0o700)
    one.call("config", "set", "keep_completed", "none")  # a worker would take the past away after a week
    fill(one, past)
    (one.folder / "whole").touch()


def _schema() -> str:
    """What tells one schema from another."""
    with queue() as empty, empty.sql() as connection:
        text = repr(connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall())
    return hashlib.sha256(text.encode()).hexdigest()[:8]
