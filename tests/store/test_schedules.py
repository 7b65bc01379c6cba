"""Schedules in the store: exactly one job a tick, whoever looks and however often."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from aqueue.model import lifecycle
from aqueue.model.ending import Exited
from aqueue.model.errors import NoSuchSchedule, WrongState
from aqueue.model.job import Job, State
from aqueue.model.schedule import NewSchedule, Schedule
from aqueue.model.selection import Filter
from aqueue.model.settings import Settings
from aqueue.store import reading, schedules, sql
from aqueue.store.protocol import Store
from aqueue.store.schedules import AT_ONCE, NextTick, Ticked, Unread

from .harness import DEFAULTS, NOW, Plain, claim, enqueue, get, hold, new, settle

HOUR = 3600.0
FIRST = NOW - NOW % HOUR + HOUR
"""The first full hour after NOW."""


async def add(
    store: Store, name: str = "x", schedule: str = "@hourly", *, now: float = NOW, **options: Any
) -> Schedule:
    return (await put(store, name, schedule, now=now, **options))[0]


async def put(
    store: Store,
    name: str = "x",
    schedule: str = "@hourly",
    *,
    now: float = NOW,
    missed: str = "skip",
    overlap: bool = False,
    **job: Any,
) -> tuple[Schedule, bool]:
    new = _new(name, schedule, missed=missed, overlap=overlap, now=now, **job)
    return await store.write(lambda: schedules.add(new, now))


def _new(name: str, schedule: str, *, missed: str, overlap: bool, now: float, **job: Any) -> NewSchedule:
    keys = {"command": "true", **job}
    return NewSchedule.parse(name, schedule, keys, timezone="UTC", missed=missed, overlap=overlap, now=now)


async def tick(
    store: Store, now: float, *, since: float = 0.0, settings: Settings = DEFAULTS, unread: Sequence[Unread] = ()
) -> Ticked:
    return await store.write(lambda: schedules.tick(settings, since=since, now=now, unread=unread))


async def jobs(store: Store) -> list[Job]:
    """All jobs, the oldest first."""
    return list(reversed(await store.read(lambda: reading.select(Filter(), None))))


async def due_at(store: Store) -> list[float | None]:
    return [job.run_at for job in await jobs(store)]


async def work_off(store: Store, now: float) -> list[Job]:
    """Run what is pending to its end; returns what was run."""
    done = await claim(store, slots=10, now=now)
    for job in done:
        assert await settle(store, job, Exited(0), now=now)
    return list(done)


async def test_a_tick_makes_a_job_that_is_due_at_that_moment_and_says_when_the_next_is(store: Store) -> None:
    await add(store, command="date", queue="q", tags=["a"], env={"A": "b"}, cwd="/", priority=3)
    ticked = await tick(store, FIRST + 0.25)
    assert ticked == Ticked(NextTick(FIRST + HOUR, owes=False), [])
    (job,) = await jobs(store)
    assert (job.state, job.run_at, job.created_at, job.cron) == (State.PENDING, FIRST, FIRST + 0.25, "x")
    assert (job.command, job.queue, job.tags, job.env, job.cwd, job.priority) == (
        *("date", "q", ("a",), {"A": "b"}, "/", 3),
    )


async def test_the_settings_in_force_at_the_tick_are_those_of_the_job(store: Store) -> None:
    await add(store)
    await add(store, "y", max_retries=7, timeout=None)
    await tick(store, FIRST, settings=Settings(max_retries=1, timeout=5.0))
    assert {(job.cron, job.max_retries, job.timeout) for job in await jobs(store)} == {("x", 1, 5.0), ("y", 7, None)}


async def test_before_its_time_nothing_is_made(store: Store) -> None:
    await add(store)
    assert (await tick(store, FIRST - 0.001)).next == NextTick(FIRST, owes=False)
    assert await jobs(store) == []


async def test_many_that_look_at_one_moment_make_one_job_a_tick(store: Store, other: Store) -> None:
    for name in "abc":
        await add(store, name, overlap=True)
    await asyncio.gather(*[tick(one, FIRST) for one in (store, other) * 5])
    assert sorted(job.cron or "" for job in await jobs(store)) == ["a", "b", "c"]


async def test_a_clock_that_is_set_back_makes_no_tick_twice(store: Store) -> None:
    await add(store, overlap=True)
    await tick(store, FIRST)
    for now in (FIRST - 1, FIRST - HOUR, FIRST, FIRST + 1):
        await tick(store, now)
    await add(store, overlap=True, now=FIRST - 1)
    await tick(store, FIRST + 2)
    assert await due_at(store) == [FIRST]


async def test_no_job_is_made_while_one_is_unfinished_in_whatever_way(store: Store) -> None:
    await add(store)
    await tick(store, FIRST)
    await tick(store, FIRST + HOUR)  # it is pending
    (job,) = await claim(store, now=FIRST + HOUR)
    await tick(store, FIRST + 2 * HOUR)  # it runs
    await settle(store, job, Exited(1), now=FIRST + 2 * HOUR)
    await tick(store, FIRST + 3 * HOUR)  # it waits for its retry
    await hold(store, job.id)
    await tick(store, FIRST + 4 * HOUR)  # it is held
    assert await due_at(store) == [None]
    await store.write(lambda: sql.change([job.id], lambda one: lifecycle.cancel(one, NOW), NOW))
    await tick(store, FIRST + 5 * HOUR)
    assert await due_at(store) == [None, FIRST + 5 * HOUR]


async def test_with_overlap_it_is(store: Store) -> None:
    await add(store, overlap=True)
    for hour in range(3):
        await tick(store, FIRST + hour * HOUR)
    assert await due_at(store) == [FIRST, FIRST + HOUR, FIRST + 2 * HOUR]


async def test_jobs_of_others_are_in_nobodys_way(store: Store) -> None:
    await add(store, "a")
    await add(store, "b")
    await tick(store, FIRST)
    (job,) = [job for job in await jobs(store) if job.cron == "b"]
    await store.write(lambda: sql.change([job.id], lambda one: lifecycle.cancel(one, NOW), NOW))
    await tick(store, FIRST + HOUR)
    assert [job.cron for job in await jobs(store)] == ["a", "b", "b"]


@pytest.mark.parametrize(
    ("missed", "made"),
    [("skip", []), ("once", [FIRST]), ("all", [FIRST, FIRST + HOUR, FIRST + 2 * HOUR])],
)
async def test_what_no_worker_was_there_for_is_made_up_for_as_the_schedule_says(
    store: Store, missed: str, made: list[float]
) -> None:
    await add(store, missed=missed)
    now = FIRST + 2.5 * HOUR
    ticked = await tick(store, now, since=now)
    assert ticked.next.at == FIRST + 3 * HOUR
    run = []
    while done := await work_off(store, now):
        run += [job.run_at for job in done]
        await tick(store, now, since=now)
    assert run == made


async def test_what_is_owed_comes_one_after_the_other(store: Store) -> None:
    await add(store, missed="all")
    now = FIRST + 2.5 * HOUR
    assert (await tick(store, now)).next == NextTick(FIRST + 3 * HOUR, owes=False)  # one of them is unfinished
    assert await due_at(store) == [FIRST]
    assert (await tick(store, now)).next.owes is False
    await work_off(store, now)
    assert (await store.read(schedules.next_tick)).owes is True
    await tick(store, now)
    assert await due_at(store) == [None, FIRST + HOUR]


async def test_with_overlap_all_that_is_owed_comes_in_slices_and_none_is_forgotten(store: Store) -> None:
    await add(store, schedule="* * * * *", missed="all", overlap=True)
    now = FIRST + 24 * HOUR + 30
    sizes = []
    while True:
        before = len(await jobs(store))
        ticked = await tick(store, now, since=now)
        sizes.append(len(await jobs(store)) - before)
        if not ticked.next.owes:
            break
    assert max(sizes) <= 2 * AT_ONCE
    first = NOW - NOW % 60 + 60
    assert await due_at(store) == [first + 60 * minute for minute in range(int((now - first) // 60) + 1)]


async def test_of_thousands_that_are_due_one_look_makes_some_and_says_that_there_are_more(store: Store) -> None:
    new = [_new(f"s{n}", "@hourly", missed="skip", overlap=False, now=NOW) for n in range(2 * AT_ONCE + 1)]

    def all_of_them() -> Any:
        for one in new:
            yield from schedules.add(one, NOW)

    await store.write(all_of_them)
    left = []
    while (await store.read(schedules.next_tick)).at == FIRST:
        await tick(store, FIRST + 1)
        left.append(len(new) - len(await jobs(store)))
    assert left == [AT_ONCE + 1, 1, 0]
    assert len({job.cron for job in await jobs(store)}) == len(new)


async def test_to_add_a_known_name_replaces_it_from_now_on(store: Store) -> None:
    assert (await put(store, missed="all"))[1] is False
    later = FIRST + 2.5 * HOUR
    await tick(store, later)  # it owes two
    again, replaced = await put(store, schedule="30 * * * *", now=later, command="date")
    assert replaced is True
    assert (again.schedule, again.job, again.standing.next_at) == (
        "30 * * * *",
        {"command": "date"},
        FIRST + 3.5 * HOUR,
    )
    assert again.standing.owed == ()
    await work_off(store, later)
    await tick(store, later + 60)
    assert len(await jobs(store)) == 1


async def test_nothing_is_made_for_a_time_before_it_was_added(store: Store) -> None:
    await add(store, missed="all", now=FIRST)
    await tick(store, FIRST)
    assert await jobs(store) == []


async def test_a_paused_schedule_makes_nothing_and_goes_on_from_when_it_is_resumed(store: Store) -> None:
    await add(store, missed="all")
    await tick(store, FIRST + 1.5 * HOUR)  # it owes one
    paused = await store.write(lambda: schedules.pause("x"))
    assert (paused.paused, paused.standing.next_at, paused.standing.owed) == (True, None, ())
    await work_off(store, FIRST + 2 * HOUR)
    assert (await tick(store, FIRST + 5 * HOUR)).next == NextTick(None, owes=False)
    resumed = await store.write(lambda: schedules.resume("x", FIRST + 5.5 * HOUR))
    assert (resumed.paused, resumed.standing.next_at) == (False, FIRST + 6 * HOUR)
    await tick(store, FIRST + 6 * HOUR)
    assert await due_at(store) == [None, FIRST + 6 * HOUR]


async def test_to_resume_what_is_not_paused_loses_no_tick(store: Store) -> None:
    await add(store)
    await store.write(lambda: schedules.resume("x", FIRST + 1))
    await tick(store, FIRST + 2)
    assert await due_at(store) == [FIRST]


async def test_what_is_replaced_while_it_is_paused_stays_paused(store: Store) -> None:
    await add(store)
    await store.write(lambda: schedules.pause("x"))
    again = await add(store)
    assert (again.paused, again.standing.next_at) == (True, None)


async def test_a_removed_schedule_makes_nothing_and_its_jobs_stay(store: Store) -> None:
    await add(store)
    await tick(store, FIRST)
    removed = await store.write(lambda: schedules.remove("x"))
    assert removed.unfinished is not None
    assert (await tick(store, FIRST + HOUR)).next == NextTick(None, owes=False)
    assert await due_at(store) == [FIRST]


async def test_to_trigger_makes_a_job_now_and_none_while_one_is_unfinished(store: Store) -> None:
    await add(store)
    job_id = await store.write(lambda: schedules.trigger("x", DEFAULTS, NOW + 1))
    job = await get(store, job_id)
    assert (job.run_at, job.cron, job.state) == (NOW + 1, "x", State.PENDING)
    with pytest.raises(WrongState, match="job 1 of schedule x is pending, and x runs one at a time"):
        await store.write(lambda: schedules.trigger("x", DEFAULTS, NOW + 2))
    await work_off(store, NOW + 3)
    assert await store.write(lambda: schedules.trigger("x", DEFAULTS, NOW + 4)) == "2"
    await add(store, "y", overlap=True)
    assert [await store.write(lambda: schedules.trigger("y", DEFAULTS, NOW)) for _ in range(2)] == ["3", "4"]


async def test_a_schedule_whose_jobs_have_a_unique_key_makes_none_while_another_has_it(store: Store) -> None:
    await add(store, unique="k", overlap=True)
    await enqueue(store, new(unique="k"))
    await tick(store, FIRST)
    with pytest.raises(WrongState, match="job 1, which is not finished, has the unique key of schedule x"):
        await store.write(lambda: schedules.trigger("x", DEFAULTS, FIRST))
    assert [job.cron for job in await jobs(store)] == [None]
    await work_off(store, FIRST)
    assert await store.write(lambda: schedules.trigger("x", DEFAULTS, FIRST)) == "2"


@pytest.mark.parametrize(
    "verb",
    [
        lambda: schedules.find("no"),
        lambda: schedules.remove("no"),
        lambda: schedules.pause("no"),
        lambda: schedules.resume("no", NOW),
        lambda: schedules.trigger("no", DEFAULTS, NOW),
    ],
)
async def test_a_schedule_that_does_not_exist_is_refused(store: Store, verb: Any) -> None:
    with pytest.raises(NoSuchSchedule, match="no such schedule: no"):
        await store.write(verb)


async def test_schedules_are_listed_by_name_with_what_their_jobs_came_to(store: Store) -> None:
    await add(store, "b")
    await add(store, "a", overlap=True)
    await tick(store, FIRST)
    for job in await claim(store, slots=2, now=FIRST):
        await settle(store, job, Exited(0), now=FIRST + 5)
    await tick(store, FIRST + HOUR)
    a, b = await store.read(schedules.schedules)
    assert [a.name, b.name] == ["a", "b"]
    for one in (a, b):
        assert one.last is not None
        assert one.unfinished is not None
        assert (one.last.state, one.last.run_at, one.last.finished_at) == (State.COMPLETED, None, FIRST + 5)
        assert (one.unfinished.state, one.unfinished.run_at) == (State.PENDING, FIRST + HOUR)
        assert one.last_at == FIRST + HOUR


async def test_one_that_cannot_be_read_is_told_and_disturbs_no_other(store: Store, client: Plain) -> None:
    for name in "abc":
        await add(store, name, missed="all")
    client.do("UPDATE aqueue_schedules SET timezone = 'Mars/Olympus' WHERE name = 'b'")
    client.do("UPDATE aqueue_schedules SET owed = json_array(json_array(next_at, next_at + 1)) WHERE name = 'b'")
    ticked = await tick(store, FIRST)
    (unread,) = ticked.unread
    assert (unread.name, unread.reason) == (
        "b",
        "there is no time zone 'Mars/Olympus'; zones have names like Europe/Berlin",
    )
    assert sorted(job.cron or "" for job in await jobs(store)) == ["a", "c"]
    assert ticked.next == NextTick(FIRST + HOUR, owes=False)  # it is not looked at again and again
    assert (await tick(store, FIRST + 1, unread=ticked.unread)).next == ticked.next
    again = await add(store, "b", now=FIRST + 2)
    assert (await tick(store, FIRST + HOUR, unread=ticked.unread)).next.at == FIRST + 2 * HOUR
    assert again.standing.next_at == FIRST + HOUR
    assert [job.cron for job in await jobs(store)][2:] == ["b"]


async def test_one_with_a_job_that_cannot_be_read_is_told_too(store: Store, client: Plain) -> None:
    await add(store)
    client.do('UPDATE aqueue_schedules SET job = \'{"command": "true", "colour": 1}\'')
    (unread,) = (await tick(store, FIRST)).unread
    assert "unknown key 'colour'" in unread.reason
