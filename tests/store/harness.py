"""Short words for what the tests of the store do all the time. The clock is theirs: it stands still at NOW."""

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import asyncpg

import aqueue
from aqueue.model import lifecycle
from aqueue.model.ending import Ending, Exited, Interrupted, error_of
from aqueue.model.job import Job, State
from aqueue.model.newjob import NewJob
from aqueue.model.selection import Filter
from aqueue.model.settings import Settings
from aqueue.store import line, open_store, reading, sql
from aqueue.store.protocol import Store
from aqueue.store.sqlite import SqliteStore

from .session import PlainSession

NOW = 1_700_000_000.0
ENOUGH = 10.0
"""Seconds after which a test gives up waiting: nothing here depends on how fast anything is."""

DEFAULTS = Settings()
SUCCESS = Exited(0)
REFUSALS = (sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What plain SQL is told of what the schema does not take."""


@contextlib.asynccontextmanager
async def opened(path: Path | str, **options: Any) -> AsyncIterator[Store]:
    """A store that is closed at the end, whatever happens: its threads would keep the tests alive."""
    store = await open_store(str(path), **options)
    try:
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def opened_file(path: Path, **options: Any) -> AsyncIterator[SqliteStore]:
    """The same of a file, where a test looks into it."""
    async with opened(path, **options) as store:
        assert isinstance(store, SqliteStore)
        yield store


async def opens(path: Path | str, **options: Any) -> None:
    """Open a queue and close it again."""
    async with opened(path, **options):
        pass


def new(command: str = "true", **keys: Any) -> NewJob:
    return NewJob.parse({"command": command, **keys}, NOW)


async def enqueue(store: Store, *jobs: NewJob, now: float = NOW) -> Sequence[str]:
    return (await store.write(lambda: sql.enqueue(jobs or [new()], DEFAULTS, now))).ids


async def get(store: Store, job_id: str) -> Job:
    (job,) = await store.read(lambda: reading.find([job_id]))
    return job


async def claim(store: Store, slots: int = 1, worker: str = "w1", now: float = NOW) -> Sequence[Job]:
    return (await store.write(lambda: line.claim(worker, range(slots), now))).jobs


async def claimed(store: Store, *jobs: NewJob, worker: str = "w1") -> Job:
    """The first of these jobs, enqueued and running."""
    await enqueue(store, *jobs)
    (job,) = await claim(store, worker=worker)
    return job


def decision(job: Job, ending: Ending, now: float = NOW) -> sql.Decision:
    transition = lifecycle.settle(job, ending, DEFAULTS, now)
    return sql.Decision(job, transition, sql.EndOfRun(ending, error_of(ending, ""), now))


async def settle(store: Store, job: Job, ending: Ending = SUCCESS, now: float = NOW) -> bool:
    """Settle a run as its worker would that saw the job like this; says whether that was accepted."""
    return not await store.write(lambda: sql.settle([decision(job, ending, now)], now))


async def cancel(store: Store, job: Job) -> Job:
    (job,) = await store.write(lambda: sql.change([job.id], lambda job: lifecycle.cancel(job, NOW), NOW))
    return job


async def retry(store: Store, job: Job, now: float = NOW) -> Job:
    (job,) = await retry_all(store, job.id, now=now)
    return job


async def retry_all(store: Store, *ids: str, now: float = NOW) -> Sequence[Job]:
    return await store.write(lambda: sql.change(ids, lambda job: lifecycle.retry(job, now), now))


async def cancel_all(store: Store, *ids: str) -> None:
    await store.write(lambda: sql.change(ids, lambda job: lifecycle.cancel(job, NOW), NOW))


async def remove(store: Store, *ids: str) -> None:
    await store.write(lambda: sql.remove(ids, lifecycle.check_removable))


async def edit(store: Store, job_id: str, run_at: float | None = None, **changes: Any) -> Job:
    def decide(job: Job) -> lifecycle.Transition | None:
        lifecycle.check_editable(job)
        return None if run_at is None else lifecycle.postpone(job, run_at, NOW)

    (job,) = await store.write(lambda: sql.edit(job_id, changes, decide, NOW))
    return job


async def hold(store: Store, job_id: str) -> Job:
    (job,) = await store.write(lambda: sql.change([job_id], lifecycle.hold, NOW))
    return job


async def state(store: Store, job_id: str) -> State:
    return (await get(store, job_id)).state


async def states(store: Store) -> dict[str, str]:
    """The states of all jobs, by id, in one word each."""
    jobs = await store.read(lambda: reading.select(Filter(), None))
    return {job.id: str(job.state) for job in reversed(jobs)}


async def run(store: Store, job_id: str, ending: Ending = SUCCESS, now: float = NOW) -> None:
    """Run this job, which must be the next of the line or among those beside it, and let it end like this."""
    jobs = await claim(store, 100, now=now)
    for job in jobs:
        await settle(store, job, ending if job.id == job_id else Interrupted(), now)
    assert job_id in {job.id for job in jobs}, f"{job_id} is not in the line"


async def commands(store: Store, slots: int = 10, now: float = NOW) -> list[str]:
    """Claim, and say what was claimed in which order."""
    return [job.command for job in await claim(store, slots, now=now)]


class Plain(Protocol):
    """A plain connection to the queue, which commits each statement at once. Parameters are question marks."""

    @property
    def connection(self) -> sqlite3.Connection:
        """Of a file: Python's own."""

    def do(self, statement: str, *parameters: Any) -> None:
        """Run it."""

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What it finds."""

    def value(self, statement: str, *parameters: Any) -> Any:
        """The one value that it finds."""


class PlainFile:
    """A plain connection to the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def do(self, statement: str, *parameters: Any) -> None:
        self.connection.execute(statement, parameters).fetchall()

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement, parameters).fetchall()

    def value(self, statement: str, *parameters: Any) -> Any:
        ((value,),) = self.rows(statement, *parameters)
        return value


@contextlib.contextmanager
def plain(path: Path | str) -> Iterator[Plain]:
    if str(path).startswith("postgresql:"):
        with PlainSession(str(path)) as session:
            yield session
        return
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        yield PlainFile(connection)


@contextlib.contextmanager
def python(program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A Python in a process of its own; its stdin and stdout are pipes, and it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(aqueue.__file__).parents[1],
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
