"""The waits before the retries."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.model.backoff import Backoff

BASES = st.floats(1e-6, 1e6)


def test_the_waits_are_the_powers_of_the_base() -> None:
    assert [Backoff(2.0, 3600.0).wait(retry, 0.0) for retry in range(1, 5)] == [2, 4, 8, 16]


def test_no_wait_is_longer_than_the_maximum() -> None:
    assert [Backoff(2.0, 5.0).wait(retry, 0.0) for retry in range(1, 5)] == [2, 4, 5, 5]


def test_a_base_below_1_makes_the_waits_shorter_and_shorter() -> None:
    assert [Backoff(0.5, 3600.0).wait(retry, 0.0) for retry in range(1, 4)] == [0.5, 0.25, 0.125]


def test_a_wait_too_large_for_a_number_is_the_maximum() -> None:
    assert Backoff(1e6, 3600.0).wait(1_000_000_000, 0.0) == 3600.0


def test_the_jitter_is_a_share_of_the_wait_to_both_sides() -> None:
    backoff = Backoff(2.0, 3600.0, 0.25)
    assert [backoff.wait(3, spread) for spread in (-1.0, 0.0, 1.0)] == [6, 8, 10]


@given(BASES, st.integers(1, 10**9), st.floats(0.001, 3e9), st.floats(0, 1), st.floats(-1, 1))
def test_every_wait_lies_within_the_jitter_of_the_bounded_power(
    base: float, retry: int, maximum: float, jitter: float, spread: float
) -> None:
    wait = Backoff(base, maximum, jitter).wait(retry, spread)
    middle = Backoff(base, maximum).wait(retry, spread)
    assert 0 <= middle <= maximum
    assert math.isfinite(wait)
    assert wait == pytest.approx(middle, rel=jitter + 1e-9)
