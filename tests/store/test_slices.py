"""Slices: how much of a long change fits into a short transaction is learnt."""

from itertools import accumulate, islice, takewhile

import pytest

from aqueue.store.slices import AIM, LEAST, MOST, Pace
from aqueue.store.sqlite import _waits


def paced(pace: Pace, seconds_each: float, *, fixed: float = 0.0, slices: int = 30) -> list[float]:
    """How long each slice takes, when each thing in it takes so long and the transaction itself takes `fixed`."""
    times = []
    for _ in range(slices):
        times.append(fixed + pace.size * seconds_each)
        pace.took(times[-1])
    return times


@pytest.mark.parametrize("fixed", [0.0, 0.005, 0.015])
@pytest.mark.parametrize("seconds_each", [0.000_01, 0.000_1, 0.001])
def test_slices_come_to_take_as_long_as_they_should(seconds_each: float, fixed: float) -> None:
    assert paced(Pace(), seconds_each, fixed=fixed)[-1] == pytest.approx(AIM, rel=0.1)


def test_a_slice_grows_step_by_step_and_never_overshoots() -> None:
    assert max(paced(Pace(1), 0.000_01)) <= AIM


def test_after_one_that_took_too_long_the_next_is_as_much_smaller() -> None:
    pace = Pace(1000)
    pace.took(10 * AIM)
    assert pace.size == 100


def test_the_lock_is_left_to_others_for_as_long_as_it_was_held() -> None:
    pace = Pace()
    assert pace.rest == 0
    pace.took(0.03)
    assert pace.rest == 0.03


def test_a_commit_that_takes_too_long_by_itself_does_not_make_slices_ever_smaller() -> None:
    pace = Pace()
    paced(pace, 0.0, fixed=1.0)
    assert pace.size == LEAST


def test_there_is_a_largest_slice() -> None:
    pace = Pace()
    paced(pace, 0.0)
    assert pace.size == MOST


def test_where_a_single_thing_can_be_large_a_slice_may_be_one_of_them() -> None:
    pace = Pace(100, least=1)
    pace.took(3600)
    assert pace.size == 1


def test_who_waits_for_the_lock_looks_for_it_within_every_pause() -> None:
    steps = list(islice(_waits(), 100))
    first = list(takewhile(lambda moment: moment <= 2 * 0.050, accumulate(steps)))
    assert max(steps[: len(first)]) <= AIM / 2
