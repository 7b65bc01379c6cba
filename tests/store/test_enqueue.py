"""Jobs come in, all or none, and are found again."""

import json
from typing import Any

import pytest

from aqueue.model.command import MAX_COMMAND_BYTES
from aqueue.model.errors import DuplicateId, InvalidInput, NoSuchJob
from aqueue.model.job import State
from aqueue.model.selection import Filter
from aqueue.model.settings import Settings
from aqueue.store import reading, sql, stored
from aqueue.store.protocol import Store

from .harness import NOW, Plain, enqueue, get, new


async def test_ids_are_given_in_the_order_of_the_jobs_from_1_on(store: Store) -> None:
    assert await enqueue(store, new("a"), new("b", id="job1"), new("c")) == ["1", "job1", "3"]
    assert await enqueue(store) == ["4"]
    assert [job.command for job in await store.read(lambda: reading.find(["3", "1", "job1"]))] == ["c", "a", "b"]


async def test_an_id_is_never_given_twice(store: Store) -> None:
    await enqueue(store, new(), new())
    await store.write(lambda: sql.remove(["1", "2"], lambda _: None))
    assert await enqueue(store) == ["3"]


async def test_everything_that_was_asked_for_is_kept(store: Store) -> None:
    asked = new(
        "printf '%s' \"ä\n\x1b[0m\"",
        id="job1",
        queue="mail",
        priority=-(2**63),
        max_retries=7,
        timeout=1.5,
        run_at=NOW + 5.25,
        tags=["a", "ü"],
        env={"A": "1", "Ü": "\n"},
        cwd="/tmp/ä b",
        backoff_base=0.5,
        backoff_max=60,
        no_retry_on=[64],
        defer_on=[75, 99],
        nice=-20,
        memory="512MiB",
    )
    await enqueue(store, asked)
    job = await get(store, "job1")
    kept = {name: getattr(job, name) for name in NEW_JOB_FIELDS}
    assert kept == {name: getattr(asked, name) for name in NEW_JOB_FIELDS}
    assert (job.state, job.held, job.created_at, job.updated_at) == (State.SCHEDULED, False, NOW, NOW)


NEW_JOB_FIELDS = (
    *("id", "command", "queue", "priority", "max_retries", "timeout", "run_at", "tags", "env", "cwd"),
    *("backoff_base", "backoff_max", "no_retry_on", "defer_on", "nice", "memory"),
)


@pytest.mark.parametrize("priority", [2**63 - 1, -(2**63), 2**53 + 1])
async def test_a_priority_is_kept_to_the_last_bit(priority: int, store: Store) -> None:
    await enqueue(store, new(priority=priority))
    assert (await get(store, "1")).priority == priority


async def test_the_longest_command_is_kept(store: Store) -> None:
    command = "ä" * (MAX_COMMAND_BYTES // 2) + "x"
    await enqueue(store, new(command))
    assert (await get(store, "1")).command == command


async def test_what_was_not_asked_for_is_fixed_from_the_settings(store: Store) -> None:
    settings = Settings(max_retries=9, timeout=60.0, backoff_base=7.0)
    await store.write(lambda: sql.enqueue([new(), new(max_retries=0, timeout="none")], settings, NOW))
    first, second = await store.read(lambda: reading.find(["1", "2"]))
    assert (first.max_retries, first.timeout, first.backoff_base) == (9, 60.0, None)
    assert (second.max_retries, second.timeout) == (0, None)


async def test_a_new_job_is_pending_scheduled_or_held(store: Store) -> None:
    ids = await enqueue(store, new(), new(delay=5), new(run_at=NOW - 5), new(hold=True), new(hold=True, delay=5))
    jobs = await store.read(lambda: reading.find(ids))
    assert [(job.state, job.run_at, job.held) for job in jobs] == [
        (State.PENDING, NOW, False),
        (State.SCHEDULED, NOW + 5, False),
        (State.PENDING, NOW - 5, False),
        (State.SCHEDULED, None, True),
        (State.SCHEDULED, None, True),
    ]


async def test_one_id_of_many_that_is_taken_enqueues_none(store: Store, client: Plain) -> None:
    await enqueue(store, new(id="job1"))
    with pytest.raises(DuplicateId, match="a job with the id job1 exists already"):
        await enqueue(store, new(), new(id="job1"), new())
    assert client.value("SELECT count(*) FROM jobs") == 1
    assert await enqueue(store) == ["2"]


async def test_ids_differ_by_case_and_dots(store: Store) -> None:
    ids = ["a", "A", "a.", "a:", "a-", "a_", "x" * 128]
    assert await enqueue(store, *(new(id=one) for one in ids)) == ids


async def test_ten_thousand_jobs_come_in_at_once_in_order(store: Store) -> None:
    ids = await enqueue(store, *(new(f"echo {number}") for number in range(10_000)))
    assert ids == [str(number) for number in range(1, 10_001)]
    assert (await get(store, "10000")).command == "echo 9999"


UNKNOWN = [
    "2",
    "007",
    "01",
    "1 ",
    " 1",
    "+1",
    "1.0",
    "٣",
    "¹",
    "0",
    "-1",
    "9" * 18,
    "9" * 400,
    "",
    "job1",
    "\0",
    "\ud800",
]


@pytest.mark.parametrize("unknown", UNKNOWN)
async def test_an_id_that_is_not_exactly_that_of_a_job_is_unknown(unknown: str, store: Store) -> None:
    await enqueue(store)
    with pytest.raises(NoSuchJob):
        await store.read(lambda: reading.find(["1", unknown]))


async def test_a_job_that_is_asked_for_twice_is_found_twice(store: Store) -> None:
    await enqueue(store, new(), new(id="a"))
    assert [job.id for job in await store.read(lambda: reading.find(["a", "1", "a"]))] == ["a", "1", "a"]


async def test_a_job_with_a_chosen_id_is_not_found_by_its_number(store: Store) -> None:
    await enqueue(store, new(id="a"))
    with pytest.raises(NoSuchJob):
        await get(store, "1")


async def listed(store: Store, limit: int | None = None, **wanted: Any) -> list[str]:
    return [job.id for job in await store.read(lambda: reading.select(Filter(**wanted), limit))]


async def test_a_list_shows_the_newest_first_and_as_many_as_wanted(store: Store) -> None:
    await enqueue(store, new(), new(), new())
    assert (await listed(store), await listed(store, 2), await listed(store, 0)) == (["3", "2", "1"], ["3", "2"], [])


async def test_a_list_shows_what_matches_in_every_way(store: Store, client: Plain) -> None:
    await enqueue(
        store, new("echo 100%", tags=["a"]), new("ECHO", queue="mail", tags=["b", "a"]), new(id="Echo", delay=1)
    )
    client.do("UPDATE jobs SET state = 'completed' WHERE seq = 1")
    assert await listed(store, state=State.COMPLETED) == ["1"]
    assert await listed(store, state=State.PENDING) == ["2"]
    assert await listed(store, state=State.SCHEDULED) == ["Echo"]
    assert await listed(store, state=State.DEAD) == []
    assert await listed(store, queue="mail") == ["2"]
    assert await listed(store, tag="a") == ["2", "1"]
    assert await listed(store, tag="A") == []
    assert await listed(store, search="echo") == ["Echo", "2", "1"]
    assert await listed(store, search="0%") == ["1"]
    assert await listed(store, search="_") == []
    assert await listed(store, state=State.COMPLETED, tag="a", queue="default", search="100") == ["1"]
    assert await listed(store, state=State.PENDING, tag="a", queue="default") == []


async def test_what_is_no_text_cannot_be_searched_for(store: Store) -> None:
    with pytest.raises(InvalidInput, match="valid UTF-8"):
        await listed(store, search="\udcff")


async def test_an_edit_changes_what_a_job_says_of_itself_and_nothing_else(store: Store) -> None:
    await enqueue(store, new(id="a", tags=["x"]))
    before = await get(store, "a")
    changes = {"command": "false", "queue": "mail", "env": {"A": "1"}, "timeout": 5.0, "defer_on": (75,)}
    (after,) = await store.write(lambda: sql.edit("a", changes, lambda _: None, NOW + 1))
    assert {name for name in dir(before) if name in changes} == set(changes)
    assert {name: getattr(after, name) for name in changes} == changes
    assert (after.tags, after.state, after.run_at, after.updated_at) == (("x",), State.PENDING, NOW, NOW + 1)


async def test_settings_are_stored_replaced_and_forgotten(store: Store) -> None:
    await store.write(lambda: stored.set_setting("max_retries", "5"))
    await store.write(lambda: stored.set_setting("max_retries", "6"))
    assert await store.read(stored.settings) == {"max_retries": "6"}
    assert [await store.write(lambda: stored.unset_setting("max_retries")) for _ in range(2)] == [True, False]
    assert await store.read(stored.settings) == {}


async def test_the_row_of_a_job_is_what_any_client_would_expect(store: Store, client: Plain) -> None:
    await enqueue(store, new(id="a", tags=["x"], env={"A": "ä"}))
    ((custom_id, tags, env, held),) = client.rows("SELECT custom_id, tags, env, held FROM jobs")
    assert (custom_id, json.loads(tags), json.loads(env), held) == ("a", ["x"], {"A": "ä"}, 0)
