"""What the ticks of a schedule come to: which make a job, and what is made up for."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.model.errors import InvalidInput
from aqueue.model.schedule import LATE, SET_BACK, Due, Missed, NewSchedule, Schedule, Standing, due, standing_from

HOUR = 3600.0
NOON = 1_700_006_400.0  # a full hour

HOURLY = Schedule(
    name="x",
    schedule="0 * * * *",
    timezone="UTC",
    missed=Missed.SKIP,
    overlap=False,
    paused=False,
    job={"command": "true"},
    created_at=NOON - 100 * HOUR,
    standing=Standing(NOON),
    last_at=None,
)


def look(
    schedule: Schedule, now: float, *, since: float = 0.0, busy: bool = False, room: int = 100, **changes: Any
) -> Due:
    return due(replace(schedule, **changes), now=now, since=since, busy=busy, room=room)


def test_before_its_time_a_tick_makes_nothing() -> None:
    assert look(HOURLY, NOON - 0.001) == Due((), Standing(NOON))


@pytest.mark.parametrize("missed", Missed)
def test_a_tick_makes_one_job_when_its_time_has_come(missed: Missed) -> None:
    assert look(HOURLY, NOON, missed=missed) == Due((NOON,), Standing(NOON + HOUR))
    assert look(HOURLY, NOON + LATE, missed=missed) == Due((NOON,), Standing(NOON + HOUR))


@pytest.mark.parametrize("missed", Missed)
def test_a_tick_makes_no_job_while_one_is_unfinished(missed: Missed) -> None:
    assert look(HOURLY, NOON, busy=True, missed=missed) == Due((), Standing(NOON + HOUR))


def test_with_overlap_it_does() -> None:
    assert look(HOURLY, NOON, busy=True, overlap=True) == Due((NOON,), Standing(NOON + HOUR))


def test_of_two_ticks_at_one_look_the_second_finds_the_job_of_the_first() -> None:
    every_second = replace(HOURLY, schedule="* * * * * *")
    assert look(every_second, NOON + 2.5) == Due((NOON,), Standing(NOON + 3))
    assert look(every_second, NOON + 2.5, overlap=True) == Due((NOON, NOON + 1, NOON + 2), Standing(NOON + 3))


LATER = NOON + 3 * HOUR + 10
"""Three hours and some seconds later: ticks at 0, 1 and 2 hours were missed, the one at 3 hours was not."""


def test_what_is_missed_is_passed_over() -> None:
    assert look(HOURLY, LATER) == Due((NOON + 3 * HOUR,), Standing(NOON + 4 * HOUR))


def test_one_job_for_all_that_is_missed_is_due_since_the_first_of_them() -> None:
    assert look(HOURLY, LATER, missed=Missed.ONCE) == Due((NOON,), Standing(NOON + 4 * HOUR))
    assert look(HOURLY, LATER, missed=Missed.ONCE, overlap=True) == Due(
        (NOON, NOON + 3 * HOUR), Standing(NOON + 4 * HOUR)
    )


def test_an_unfinished_job_is_the_one_for_all_that_is_missed() -> None:
    assert look(HOURLY, LATER, missed=Missed.ONCE, busy=True) == Due((), Standing(NOON + 4 * HOUR))


def test_a_job_for_each_that_is_missed_comes_when_the_one_before_has_ended() -> None:
    missed = replace(HOURLY, missed=Missed.ALL)
    first = look(missed, LATER)
    assert first.ticks == (NOON,)
    assert first.standing.next_at == NOON + 4 * HOUR
    second = look(missed, LATER, standing=first.standing)
    assert second.ticks == (NOON + HOUR,)
    busy = look(missed, LATER, standing=second.standing, busy=True)
    assert busy == Due((), second.standing)
    third = look(missed, LATER, standing=busy.standing)
    assert third.ticks == (NOON + 2 * HOUR,)
    last = look(missed, LATER, standing=third.standing)  # not missed by itself, but it would be lost behind those
    assert last == Due((NOON + 3 * HOUR,), Standing(NOON + 4 * HOUR))


def test_with_overlap_they_come_at_once_as_many_as_there_is_room_for() -> None:
    missed = replace(HOURLY, missed=Missed.ALL, overlap=True)
    first = look(missed, LATER, room=2)
    assert first.ticks == (NOON, NOON + HOUR)
    second = look(missed, LATER, standing=first.standing, room=2)
    assert second == Due((NOON + 2 * HOUR, NOON + 3 * HOUR), Standing(NOON + 4 * HOUR))


def test_what_is_owed_waits_behind_an_unfinished_job_and_what_comes_meanwhile_does_not() -> None:
    missed = replace(HOURLY, missed=Missed.ALL)
    standing = look(missed, LATER, busy=True).standing
    assert standing == Standing(NOON + 4 * HOUR, ((NOON, LATER + 1),))
    assert look(missed, NOON + 4 * HOUR, standing=standing, busy=True) == Due(
        (), Standing(NOON + 5 * HOUR, standing.owed)
    )


def test_what_is_missed_while_something_is_owed_is_owed_too_and_nothing_twice() -> None:
    missed = replace(HOURLY, missed=Missed.ALL)
    standing = look(missed, LATER, busy=True).standing  # owes 0 to 3
    standing = look(missed, NOON + 4 * HOUR, standing=standing, busy=True).standing  # which finds an unfinished job
    standing = look(missed, NOON + 6.5 * HOUR, standing=standing, busy=True).standing
    made: list[float] = []
    while standing.owed:
        one = look(missed, NOON + 6.5 * HOUR, standing=standing)
        made += one.ticks
        standing = one.standing
    assert made == [NOON + hour * HOUR for hour in (0, 1, 2, 3, 5, 6)]


def test_a_tick_before_the_start_of_the_worker_is_missed() -> None:
    assert look(HOURLY, NOON + 5, since=NOON + 4) == Due((), Standing(NOON + HOUR))
    assert look(HOURLY, NOON + 5, since=NOON + 4, missed=Missed.ONCE).ticks == (NOON,)
    assert look(HOURLY, NOON + 5, since=NOON).ticks == (NOON,)


def test_a_tick_looked_at_more_than_a_minute_late_is_missed() -> None:
    assert look(HOURLY, NOON + LATE + 0.001) == Due((), Standing(NOON + HOUR))


def test_a_worker_that_will_start_later_by_its_clock_makes_what_is_due_now_a_missed_one_at_most() -> None:
    assert look(HOURLY, NOON - 1, since=NOON + 5) == Due((), Standing(NOON))


def test_a_year_of_minutes_is_owed_as_one_span() -> None:
    minutely = replace(HOURLY, schedule="* * * * *", missed=Missed.ALL)
    first = look(minutely, NOON + 366 * 24 * HOUR)
    assert first.ticks == (NOON,)
    assert first.standing.owed == ((NOON + 60, NOON + 366 * 24 * HOUR + 1),)


@given(
    st.sampled_from(["* * * * *", "*/7 * * * *", "30 2 * * *"]),
    st.lists(st.tuples(st.floats(0, 9000), st.booleans(), st.booleans()), max_size=30),
    st.integers(1, 5),
)
def test_with_overlap_every_tick_makes_exactly_one_job_whenever_one_looks(
    line: str, looks: list[tuple[float, bool, bool]], room: int
) -> None:
    schedule = replace(HOURLY, schedule=line, timezone="Europe/Berlin", missed=Missed.ALL, overlap=True)
    now, since, standing, made = NOON, NOON, standing_from(schedule.cron, NOON, None), list[float]()
    for pause, is_new_worker, busy in looks:
        now += pause
        since = now if is_new_worker else since
        one = look(schedule, now, since=since, busy=busy, room=room, standing=standing)
        made, standing = [*made, *one.ticks], one.standing
        assert len(one.ticks) <= room
    while standing.owed or (standing.next_at or now) < now:
        one = look(schedule, now, since=since, room=50, standing=standing)
        made, standing = [*made, *one.ticks], one.standing
    assert len(set(made)) == len(made)
    assert sorted(made) == _all_ticks(schedule, NOON, now)


@given(st.sampled_from(Missed), st.lists(st.tuples(st.floats(0, 9000), st.booleans(), st.booleans()), max_size=30))
def test_without_overlap_a_look_makes_one_job_at_most_and_no_tick_twice(
    missed: Missed, looks: list[tuple[float, bool, bool]]
) -> None:
    schedule = replace(HOURLY, schedule="*/7 * * * *", missed=missed)
    now, since, standing, made = NOON, NOON, standing_from(schedule.cron, NOON, None), list[float]()
    for pause, is_new_worker, busy in looks:
        now += pause
        since = now if is_new_worker else since
        one = look(schedule, now, since=since, busy=busy, standing=standing)
        assert len(one.ticks) <= (not busy)
        assert standing.next_at is not None
        assert one.standing.next_at is not None
        assert one.standing.next_at > now
        made, standing = [*made, *one.ticks], one.standing
    assert len(set(made)) == len(made)
    assert set(made) <= set(_all_ticks(schedule, NOON, now))


def _all_ticks(schedule: Schedule, after: float, until: float) -> list[float]:
    found: list[float] = []
    while (tick := schedule.cron.next_after(after)) is not None and tick <= until:
        found.append(after := tick)
    return found


def test_a_schedule_begins_with_the_first_tick_after_now() -> None:
    assert standing_from(HOURLY.cron, NOON, None) == Standing(NOON + HOUR)
    assert standing_from(HOURLY.cron, NOON, NOON - HOUR) == Standing(NOON + HOUR)


def test_what_was_made_before_the_clock_was_set_back_is_not_made_again() -> None:
    assert standing_from(HOURLY.cron, NOON - 2 * HOUR, NOON) == Standing(NOON + HOUR)


def test_a_clock_that_was_plainly_wrong_is_not_believed_for_ever() -> None:
    assert standing_from(HOURLY.cron, NOON - SET_BACK - HOUR, NOON) == Standing(NOON - SET_BACK)


def test_the_next_ticks_are_none_while_it_is_paused() -> None:
    assert HOURLY.next_ticks(3, NOON) == [NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR]
    assert replace(HOURLY, paused=True).next_ticks(3, NOON) == []


def parse(name: str = "x", schedule: str = "@daily", missed: str = "skip", **job: Any) -> NewSchedule:
    keys = {"command": "true", **job}
    return NewSchedule.parse(name, schedule, keys, timezone="UTC", missed=missed, overlap=False, now=NOON)


def test_what_is_asked_of_a_schedule_is_kept_as_it_was_asked() -> None:
    new = parse(tags=["a"], timeout=None, priority=None, backoff_max="5m")
    assert new.job == {"command": "true", "tags": ["a"], "timeout": None, "backoff_max": "5m"}
    assert (new.name, new.cron.text, new.missed, new.overlap) == ("x", "@daily", Missed.SKIP, False)


@pytest.mark.parametrize("key", ["id", "delay", "run_at", "hold", "after", "after_any"])
def test_what_makes_no_sense_for_a_job_that_comes_again_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{key}: not for the jobs of a schedule"):
        NewSchedule.parse(
            "x", "@daily", {"command": "true", key: 5}, timezone="UTC", missed="skip", overlap=False, now=NOON
        )


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"name": "a/b"}, "'a/b' is no name of a schedule"),
        ({"schedule": "0 25 * * *"}, "'25' is no hour"),
        ({"missed": "never"}, "missed: must be skip, once, all, not 'never'"),
        ({"priority": "high"}, "priority: must be a whole number"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"command": " "}, "command: must not be empty"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(wanted: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        parse(**wanted)
