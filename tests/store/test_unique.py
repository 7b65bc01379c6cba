"""At most one unfinished job has a key, whoever enqueues, retries or edits."""

from pathlib import Path

import pytest

from aqueue.model.ending import Exited
from aqueue.model.errors import Cycle, DuplicateId, KeyHeld, NoSuchJob
from aqueue.model.ids import Ids
from aqueue.model.job import State
from aqueue.model.newjob import Alike, NewJob
from aqueue.model.unique import Enqueued
from aqueue.store import sql
from aqueue.store.batch import Batch
from aqueue.store.enqueueing import enqueue_batch
from aqueue.store.protocol import Store

from .harness import (
    DEFAULTS,
    NOW,
    REFUSALS,
    Plain,
    cancel,
    claim,
    edit,
    enqueue,
    get,
    hold,
    new,
    plain,
    python,
    retry_all,
    run,
    settle,
)

MANY = 100

ENQUEUERS = """
import asyncio, os, sys
from aqueue.queue import Queue
from aqueue.model.newjob import Alike, NewJob

database, many = sys.argv[1], int(sys.argv[2])
gate, opener = os.pipe()

async def enqueue(number):
    async with Queue.open(database) as queue:
        os.read(gate, 1)
        enqueued = await queue.enqueue_many([NewJob(command=str(number), unique="k")])
        os.write(1, f"{number} {enqueued.ids[0]} {len(enqueued.existing)}\\n".encode())

for number in range(many):
    if not os.fork():
        os.close(opener)
        asyncio.run(enqueue(number))
        os._exit(0)
os.close(opener)
for _ in range(many):
    os.wait()
"""
"""Processes that enqueue when all of them are there. Each tells its number, the id, and whether that is another's."""


async def add(store: Store, *jobs: NewJob) -> Enqueued:
    return await store.write(lambda: sql.enqueue(jobs, DEFAULTS, NOW))


async def test_while_a_job_with_the_key_is_unfinished_none_is_made_and_its_id_is_returned(
    store: Store, client: Plain
) -> None:
    instead = Enqueued(Ids(["a"]), frozenset({0}))
    assert await add(store, new(id="a", unique="k")) == Enqueued(Ids(["a"]))
    assert await add(store, new(unique="k")) == instead
    await claim(store)
    assert await add(store, new(unique="k")) == instead
    assert client.rows("SELECT id, state FROM jobs") == [("a", "processing")]


async def test_a_held_job_and_one_that_waits_for_its_retry_have_their_keys(store: Store) -> None:
    await enqueue(store, new(unique="k"), new(unique="l"))
    await hold(store, "2")
    await run(store, "1", Exited(1))
    assert (await add(store, new(unique="l"), new(unique="k"))).ids == ["2", "1"]


@pytest.mark.parametrize("code", [0, 1])
async def test_the_key_is_free_when_the_job_has_ended(store: Store, code: int) -> None:
    await enqueue(store, new(unique="k", max_retries=0))
    await run(store, "1", Exited(code))
    assert await add(store, new(unique="k")) == Enqueued(Ids(["2"]))
    await cancel(store, await get(store, "2"))
    assert await add(store, new(unique="k")) == Enqueued(Ids(["3"]))


async def test_in_a_batch_the_others_are_made_and_the_order_is_kept(store: Store, client: Plain) -> None:
    await enqueue(store, new(id="holder", unique="k"))
    batch = [new("1", unique="k"), new("2"), new("3", unique="l"), new("4", unique="l"), new("5")]
    assert await add(store, *batch) == Enqueued(Ids(["holder", "2", "3", "3", "4"]), frozenset({0, 3}))
    assert client.rows("SELECT command FROM jobs WHERE seq > 1 ORDER BY seq") == [("2",), ("3",), ("5",)]


async def test_a_whole_batch_whose_keys_are_held_makes_nothing(store: Store, client: Plain) -> None:
    await enqueue(store, new(id="a", unique="a"), new(id="b", unique="b"))
    before = client.rows("SELECT * FROM aqueue_events")
    again = await add(store, new(id="b", unique="b"), new(id="a", unique="a"))
    assert again == Enqueued(Ids(["b", "a"]), frozenset({0, 1})), "their own ids are no duplicates"
    assert client.rows("SELECT * FROM aqueue_events") == before


async def test_many_that_are_alike_but_for_their_commands_are_one_if_they_have_a_key(store: Store) -> None:
    with Batch() as batch:
        batch.add([Alike(new(unique="k"), ["a", "b", "c"]), new("d"), Alike(new(), ["e"])], NOW)
        enqueued = await store.write(lambda: enqueue_batch(batch, DEFAULTS, NOW))
    assert enqueued == Enqueued(Ids(["1", "1", "1", "2", "3"]), frozenset({1, 2}))


async def test_an_error_names_the_place_also_where_some_before_it_were_not_made(store: Store) -> None:
    await enqueue(store, new(id="taken"), new(unique="k"))
    held = [new(unique="k"), new(), new(unique="k")]
    with pytest.raises(DuplicateId) as duplicate:
        await add(store, *held, new(id="a"), new(id="taken"))
    with pytest.raises(NoSuchJob) as missing:
        await add(store, *held, new(), new(after=["nobody"]))
    with pytest.raises(Cycle) as cycle:
        await add(store, *held, new(id="x", after=["y"]), new(unique="k"), new(id="y", after=["x"]))
    assert [caught.value.place for caught in (duplicate, missing, cycle)] == [4, 4, 3]


async def test_an_id_of_a_finished_job_stays_taken_when_its_key_is_free(store: Store) -> None:
    await enqueue(store, new(id="a", unique="k"))
    await run(store, "a")
    with pytest.raises(DuplicateId):
        await add(store, new(id="a", unique="k"))


async def test_what_is_to_wait_for_a_job_that_is_not_made_waits_for_the_one_that_has_its_key(
    store: Store,
) -> None:
    await enqueue(store, new(id="old", unique="k"))
    await add(store, new(id="child", after=["new", "other"]), new(id="new", unique="k"), new(id="other"))
    child = await get(store, "child")
    assert (child.state, child.after) == (State.BLOCKED, ("old", "other"))
    await run(store, "old")
    await run(store, "other")
    assert (await get(store, "child")).state is State.PENDING


async def test_a_retry_that_would_make_two_of_them_is_refused(store: Store) -> None:
    await enqueue(store, new(unique="k"))
    await run(store, "1")
    await enqueue(store, new(unique="k"), new())
    await run(store, "3")
    with pytest.raises(KeyHeld, match=r"^job 2, which is not finished, has the unique key 'k' of job 1$") as caught:
        await retry_all(store, "3", "1")
    assert caught.value.reasons.keys() == {"1"}
    assert (await get(store, "3")).state is State.COMPLETED
    await run(store, "2")
    await retry_all(store, "1")
    with pytest.raises(KeyHeld, match=r"^job 1, which is not finished, has the unique key 'k' of job 2$"):
        await retry_all(store, "2")


async def test_of_two_with_one_key_only_one_can_be_retried(store: Store) -> None:
    for number in "12":
        await enqueue(store, new(unique="k"))
        await run(store, number)
    with pytest.raises(KeyHeld, match=r"^job 1, which is not finished, has the unique key 'k' of job 2$"):
        await retry_all(store, "1", "2")
    await retry_all(store, "1")


async def test_a_key_can_be_given_and_taken_off(store: Store) -> None:
    await enqueue(store, new(), new(unique="k"))
    with pytest.raises(KeyHeld, match=r"^job 2, which is not finished, has the unique key 'k' of job 1$"):
        await edit(store, "1", unique="k")
    assert (await edit(store, "1", unique="l")).unique == "l"
    assert (await edit(store, "1", unique="l", priority=5)).priority == 5
    assert (await edit(store, "2", unique=None)).unique is None
    assert (await edit(store, "1", unique="k")).unique == "k"


async def test_a_finished_job_may_be_given_a_key_that_another_has_but_not_be_retried_with_it(
    store: Store,
) -> None:
    await enqueue(store, new(), new(unique="k"))
    (job, _) = await claim(store, 2)
    await settle(store, job)
    await edit(store, "1", unique="k")
    with pytest.raises(KeyHeld):
        await retry_all(store, "1")


async def test_plain_sql_cannot_make_two_of_them(store: Store, client: Plain) -> None:
    await enqueue(store, new(unique="k"), new())
    with pytest.raises(REFUSALS, match=r"an unfinished job has this unique key|jobs_unique"):
        client.do("INSERT INTO jobs (command, unique_key) VALUES ('x', 'k')")
    with pytest.raises(REFUSALS, match=r"UNIQUE constraint failed: jobs\.unique_key|jobs_unique"):
        client.do("UPDATE jobs SET unique_key = 'k' WHERE seq = 2")
    await run(store, "1")
    client.do("INSERT INTO jobs (command, unique_key) VALUES ('x', 'k')")
    holder = client.value("SELECT id FROM jobs WHERE command = 'x'")
    assert (await add(store, new(unique="k"))).ids == [holder]


@pytest.mark.long
def test_of_a_hundred_that_enqueue_at_once_one_makes_a_job_and_all_are_told_its_id(database: Path | str) -> None:
    many = MANY if isinstance(database, Path) else MANY // 8
    with python(ENQUEUERS, str(database), str(many)) as enqueuers:
        out, _ = enqueuers.communicate()
    answers = [line.split() for line in out.splitlines()]
    assert [job_id for _, job_id, _ in answers] == ["1"] * many
    makers = [number for number, _, existing in answers if existing == "0"]
    with plain(database) as client:
        assert client.rows("SELECT command FROM jobs") == [(makers[0],)]
    assert len(makers) == 1
