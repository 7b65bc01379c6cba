"""A hook comes with the end that it tells of: in the same transaction, once, and only with an end that was accepted."""

import json

import pytest

from aqueue.model import lifecycle
from aqueue.model.ending import Ending, Exited, Lost
from aqueue.model.errors import StoreError
from aqueue.model.hooks import hook
from aqueue.model.job import Job, State
from aqueue.model.selection import Filter
from aqueue.model.settings import Settings
from aqueue.store import reading, sql
from aqueue.store.protocol import Store

from .harness import NOW, Plain, claim, claimed, get, new, retry, settle

TELLING = Settings(on_dead="mail root", on_completed="echo done")
FAILED = Exited(1)


def decided(job: Job, ending: Ending) -> sql.Decision:
    transition = lifecycle.settle(job, ending, TELLING, NOW)
    return sql.Decision(job, transition, sql.EndOfRun(ending, None, NOW), hook(job, transition, TELLING))


async def end(store: Store, *jobs: Job, ending: Ending = FAILED) -> int:
    """End these runs in one transaction as a worker does that has hooks; returns how many were refused."""
    return len(await store.write(lambda: sql.settle([decided(job, ending) for job in jobs], NOW)))


async def hooks(store: Store) -> list[Job]:
    return list(await store.read(lambda: reading.select(Filter(tag="hook"), None)))


async def test_a_hook_is_a_pending_job_that_knows_of_whom_it_tells(store: Store) -> None:
    job = await claimed(store, new(id="a", queue="mail", priority=5, max_retries=0))
    await end(store, job)
    (told,) = await hooks(store)
    assert (told.id, told.hook_of, told.command, told.state) == ("2", "a", "mail root", State.PENDING)
    assert (told.queue, told.priority, told.max_retries, told.timeout) == ("mail", 5, 3, None)
    assert (told.created_at, told.run_at, told.cwd) == (NOW, NOW, None)
    assert told.env["AQUEUE_HOOK_JOB_ID"] == "a"
    assert (await get(store, "a")).hook_of is None


async def test_each_of_many_ends_in_one_transaction_has_its_hook(store: Store, client: Plain) -> None:
    await claimed(store, new(max_retries=0), new())
    (second,) = await claim(store)
    (first,) = await store.read(lambda: reading.find(["1"]))
    await store.write(lambda: sql.settle([decided(first, FAILED), decided(second, Exited(0))], NOW))
    assert [(job.hook_of, job.command) for job in await hooks(store)] == [("2", "echo done"), ("1", "mail root")]
    assert client.rows("SELECT state, n FROM aqueue_counts WHERE n <> 0 ORDER BY state") == [
        ("completed", 1),
        ("dead", 1),
        ("pending", 2),
    ]


async def test_an_end_that_loses_has_no_hook(store: Store) -> None:
    job = await claimed(store, new(max_retries=0))
    assert await end(store, job) == 0
    assert await end(store, job, ending=Lost("w1")) == 1
    assert await end(store, job, ending=Exited(0)) == 1
    assert len(await hooks(store)) == 1


async def test_each_time_that_a_job_dies_is_told(store: Store) -> None:
    job = await claimed(store, new(max_retries=0))
    await end(store, job)
    await retry(store, job, now=NOW - 1)
    (again,) = await claim(store)
    await end(store, again)
    assert [told.env["AQUEUE_HOOK_RUN"] for told in await hooks(store)] == ["2", "1"]


async def test_the_end_of_a_hook_has_none(store: Store) -> None:
    await end(store, await claimed(store, new(max_retries=0)))
    (told,) = await claim(store)
    assert told.hook_of == "1"
    await end(store, told, ending=Exited(0))
    assert len(await hooks(store)) == 1


@pytest.mark.sqlite
async def test_an_end_that_is_not_written_leaves_no_hook(store: Store, client: Plain) -> None:
    job = await claimed(store, new(max_retries=0))
    client.do("CREATE TRIGGER full BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'no more jobs'); END")
    with pytest.raises(StoreError, match="no more jobs"):
        await end(store, job)
    assert (await get(store, job.id)).state is State.PROCESSING
    client.do("DROP TRIGGER full")
    assert await end(store, job) == 0
    assert len(await hooks(store)) == 1


@pytest.mark.sqlite
async def test_whatever_plain_sql_says_of_a_job_can_be_told(store: Store, client: Plain) -> None:
    client.do(
        "INSERT INTO jobs (command, tags, max_retries) VALUES (CAST(x'6c7320e4' AS TEXT), ?, 0)",
        json.dumps(["a\\u0000b", "\ud800", "\udce4", 'quote"', "back\\slash"]),
    )
    (job,) = await claim(store, now=4e9)
    await end(store, job)
    (told,) = await hooks(store)
    assert told.env["AQUEUE_HOOK_COMMAND"].encode(errors="surrogateescape") == b"ls \xe4"
    assert told.env["AQUEUE_HOOK_TAGS"] == 'a\\u0000b,\ufffd,\udce4,quote",back\\slash'


async def test_without_hooks_an_end_enqueues_nothing(store: Store) -> None:
    await settle(store, await claimed(store, new(max_retries=0)), FAILED)
    assert await hooks(store) == []
