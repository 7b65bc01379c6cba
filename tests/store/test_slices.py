"""The size of a slice follows from how long the ones before it took."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.store.slices import AIM, Pace


@pytest.mark.parametrize(("seconds", "size"), [(AIM, 100), (AIM * 2, 50), (AIM * 10, 10), (AIM / 1.5, 150)])
def test_the_next_slice_takes_what_is_aimed_at_if_all_goes_on_like_this(seconds: float, size: int) -> None:
    pace = Pace(100)
    pace.took(seconds)
    assert pace.size == size


@pytest.mark.parametrize("seconds", [AIM / 2, AIM / 1000, 0.0])
def test_a_slice_is_at_most_twice_as_large_as_the_one_before(seconds: float) -> None:
    pace = Pace(100)
    pace.took(seconds)
    assert pace.size == 200


def test_a_slice_is_never_empty() -> None:
    pace = Pace(100)
    pace.took(3600)
    assert pace.size == 1
    pace.took(3600)
    assert pace.size == 1
    pace.took(0.001)
    assert pace.size == 2


@given(cost=st.floats(1e-7, 1e-2), start=st.integers(1, 10_000))
def test_it_comes_to_what_is_aimed_at_whatever_a_piece_costs(cost: float, start: int) -> None:
    pace = Pace(start)
    for _ in range(40):
        pace.took(pace.size * cost)
    assert pace.size * cost <= AIM * 1.001
    assert (pace.size + 2) * cost >= AIM * 0.5


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_whatever_happens_there_is_a_next_slice(times: list[float]) -> None:
    pace = Pace(500)
    for seconds in times:
        pace.took(seconds)
        assert pace.size >= 1
