"""aqueue as it is measured: a queue in a folder of its own, through the command line and plain SQL."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Impossible
from benchmarks.processes import Ended, environment, scratch, timed

PYTHON = Path(sys.executable)
AQUEUE = PYTHON.with_name("aqueue")

PATIENCE = 30.0
"""Seconds that a worker may take to start or to stop."""


@dataclass(frozen=True, slots=True)
class WorkedOff:
    """A line that was worked off: seconds from the first start to the last end, and of the worker as a whole."""

    span: float
    whole: float


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue in a file."""

    database: Path

    @property
    def folder(self) -> Path:
        """Where everything of this measurement may lie."""
        return self.database.parent

    @property
    def log(self) -> Path:
        """What a worker says."""
        return self.folder / "worker.log"

    @property
    def environ(self) -> dict[str, str]:
        """The environment in which `aqueue` uses this queue."""
        return environment(AQUEUE_DB=str(self.database))

    def timed(self, *words: str, stdin: Path | None = None) -> Ended:
        """Call `aqueue` with these words."""
        return timed([AQUEUE, *words], stdin=stdin, environ=self.environ)

    def call(self, *words: str) -> str:
        """Call `aqueue` with these words and return what it prints. Raises Impossible, with its reason, if it fails."""
        done = subprocess.run(
            [AQUEUE, *words], env=self.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Impossible(f"aqueue {words[0]}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
        return done.stdout

    def enqueue(self, jobs: Iterable[str | dict[str, Any]]) -> list[str]:
        """Enqueue commands, or jobs as objects, all at once; returns their ids."""
        lines = self.folder / "lines"
        lines.write_text("".join(f"{_line(job)}\n" for job in jobs), encoding="utf-8")
        with lines.open() as stdin:
            done = subprocess.run(
                [AQUEUE, "enqueue", "-"], env=self.environ, stdin=stdin, capture_output=True, text=True
            )
        if done.returncode != 0:
            raise Impossible(f"aqueue enqueue: {done.stderr.strip()}")
        return done.stdout.split()

    @contextlib.contextmanager
    def sql(self) -> Iterator[sqlite3.Connection]:
        """A connection as an application has it, each statement a transaction of its own."""
        with contextlib.closing(sqlite3.connect(self.database, isolation_level=None, timeout=30)) as connection:
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # that is the worker's to do
            yield connection

    def value(self, query: str, *parameters: object) -> Any:
        """The one value that a query gives."""
        with self.sql() as connection:
            return connection.execute(query, parameters).fetchone()[0]

    def number(self, *states: str) -> int:
        """How many jobs are in these states."""
        marks = ", ".join("?" * len(states))
        return int(self.value(f"SELECT coalesce(sum(n), 0) FROM aqueue_counts WHERE state IN ({marks})", *states))

    def work_off(self, slots: int) -> WorkedOff:
        """Work off all that is there, by a worker that stops by itself: nobody looks on, and so nobody disturbs."""
        newest = self.value("SELECT coalesce(max(event), 0) FROM aqueue_events")
        whole = timed(
            [AQUEUE, "worker", "--concurrency", str(slots), "--burst"],
            stdout=self.folder / "worker.log",
            environ=self.environ,
        ).seconds
        return WorkedOff(self._span(newest), whole)

    def _span(self, after: int) -> float:
        """From the first start to the last end of what has happened after an event, as the history has them."""
        query = (
            "SELECT max(finished_at) - min(started_at), count(*) - count(finished_at) FROM aqueue_runs "
            "WHERE (job, run) IN (SELECT job, run FROM aqueue_events WHERE event > ? AND state = 'processing')"
        )
        with self.sql() as connection:
            span, lost = connection.execute(query, (after,)).fetchone()
        if span is None or lost:
            raise Impossible("not all runs have ended")
        return float(span)

    @contextlib.contextmanager
    def worker(self, slots: int, *options: str) -> Iterator[int]:
        """A worker that takes jobs, for the block; yields its process id. What it says goes to `log`."""
        log = self.log
        with log.open("w", encoding="utf-8") as lines:
            worker = subprocess.Popen(
                [AQUEUE, "worker", "--concurrency", str(slots), "--grace", "0", *options],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_for_words(log, worker)
            yield worker.pid
        finally:
            _stop(worker)


@contextlib.contextmanager
def queue() -> Iterator[Queue]:
    """An empty queue that is thrown away after the block."""
    with scratch() as folder:
        made = Queue(folder / "queue.db")
        made.call("status")
        yield made


def _line(job: str | dict[str, Any]) -> str:
    return job if isinstance(job, str) else json.dumps(job)


def _wait_for_words(log: Path, worker: "subprocess.Popen[bytes]") -> None:
    """A worker says that it has started once it takes jobs."""
    end = time.monotonic() + PATIENCE
    while not log.stat().st_size:
        if worker.poll() is not None or time.monotonic() > end:
            raise Impossible("the worker does not start")
        time.sleep(0.005)


def _stop(worker: "subprocess.Popen[bytes]") -> None:
    worker.send_signal(signal.SIGTERM)
    try:
        worker.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


def cores() -> int:
    """How many CPUs may be used here."""
    return len(os.sched_getaffinity(0))
