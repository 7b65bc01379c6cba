"""Rates and the bucket of tokens that keeps them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.model.errors import InvalidInput
from aqueue.model.rate import BURST, PERIODS, Bucket, Rate, parse_rate

NOW = 1_700_000_000.0

rates = st.builds(Rate, st.integers(1, 10_000), st.sampled_from([*PERIODS.values()]))


@pytest.mark.parametrize(
    ("text", "rate"), [("5/s", Rate(5, 1)), (" 30/m ", Rate(30, 60)), ("100 / h", Rate(100, 3600))]
)
def test_a_rate_is_so_many_starts_in_a_period(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "5", "/s", "5/d", "0/s", "-1/s", "1.5/s", "5/ss", "5 per s", "x/s", "9999999/s", "٣/s"]
)
def test_what_is_no_rate_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput, match="rate"):
        parse_rate(text)


@given(rates)
def test_a_rate_that_is_shown_is_read_back(rate: Rate) -> None:
    assert parse_rate(str(rate)) == rate


def test_a_bucket_lets_one_start_and_then_one_each_time_that_a_token_has_come() -> None:
    bucket = Bucket.full(Rate(30, 60.0), NOW)
    assert bucket.starts(NOW) == 1
    bucket = bucket.less(1, NOW)
    assert (bucket.starts(NOW), bucket.starts(NOW + 1.9)) == (0, 0)
    assert bucket.next_at(NOW) == NOW + 2
    assert bucket.starts(NOW + 2) == 1
    assert bucket.starts(NOW + 1000) == 1


def test_a_clock_that_was_set_back_does_not_stop_the_queue() -> None:
    assert Bucket(Rate(1, 3600.0), 0.0, NOW).starts(NOW - 3000) == 1


@given(rate=rates, gaps=st.lists(st.floats(0, 10), max_size=50))
def test_no_period_has_more_starts_than_the_rate_and_its_burst(rate: Rate, gaps: list[float]) -> None:
    bucket, now, starts = Bucket.full(rate, 0.0), 0.0, list[float]()
    for gap in gaps:
        now += gap
        can = bucket.starts(now)
        bucket = bucket.less(can, now)
        starts += [now] * can
    burst = max(1.0, BURST * rate.starts / rate.period)
    for first, start in enumerate(starts):
        within = [at for at in starts[first:] if at - start < rate.period]
        assert len(within) <= rate.starts + burst + 1


@given(rate=rates, spent=st.floats(0, 1))
def test_when_the_next_may_start_it_may(rate: Rate, spent: float) -> None:
    bucket = Bucket(rate, 1.0 - spent, NOW)
    assert bucket.starts(bucket.next_at(NOW)) >= 1
