"""Durations, sizes and times: what is written is read back, and what is not understood is refused."""

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aqueue.model.errors import InvalidInput
from aqueue.model.text import (
    EARLIEST,
    LATEST,
    LONGEST,
    check_moment,
    format_duration,
    format_size,
    format_time,
    parse_duration,
    parse_size,
    parse_time,
    plain_number,
)

DAY = 86_400.0
BERLIN_IN_WINTER = timezone(timedelta(hours=1))
NOON = datetime(2030, 1, 31, 12, 0, tzinfo=BERLIN_IN_WINTER).timestamp()

DURATIONS = [
    ("90", 90),
    ("0", 0),
    ("0.5s", 0.5),
    (".5s", 0.5),
    ("5m", 300),
    ("1h30m", 5400),
    ("2d", 2 * DAY),
    ("250ms", 0.25),
    ("1m30s", 90),
    ("1d1h1m1s1ms", DAY + 3661.001),
    (" 90 ", 90),
    ("1.5h", 5400),
    ("36600d", LONGEST),
]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_a_duration_is_read_as_it_is_meant(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds, abs=1e-9)


NO_DURATIONS = [
    *("", " ", "s", "5M", "5H", "1h 30", "1h 30m", "1 h", "-1s", "+1s", "-1", "1m1h", "1m1m", "1e3", "1e3s", "0x10"),
    *("inf", "nan", "infinity", "1_000", "1,5", "1.", "1.s", ".", "..5", "5mm", "5min", "5 minutes", "1w", "1y", "1µs"),
    *("٣", "\uff13s", "1²", "1\0", "1\n2", "36601d", "9" * 400, "PT5M", "\ud800"),
]


@pytest.mark.parametrize("text", NO_DURATIONS)
def test_what_could_be_read_in_two_ways_or_in_none_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidInput, match="duration"):
        parse_duration(text)


@given(st.integers(0, int(LONGEST) * 1000))
def test_a_duration_that_is_shown_can_be_read_back_to_the_millisecond(milliseconds: int) -> None:
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds


@given(st.floats(0, LONGEST))
@example(5e-324)
@example(0.0004)
def test_any_duration_can_be_shown_and_read_and_none_is_rounded_to_nothing(seconds: float) -> None:
    read = parse_duration(format_duration(seconds))
    assert read == pytest.approx(seconds, abs=0.0006)
    assert (read > 0) == (seconds > 0)


def test_a_duration_is_shown_in_the_units_that_people_would_take() -> None:
    shown = [format_duration(seconds) for seconds in (0, 0.5, 2, 90, 5400, 3600, 7 * DAY, 0.0004)]
    assert shown == ["0s", "0.5s", "2s", "1m30s", "1h30m", "1h", "7d", "0.0004s"]


@given(st.floats(0, 1e300))
@example(1e-5)
@example(5e-324)
def test_a_plain_number_has_no_exponent_and_is_exact(number: float) -> None:
    text = plain_number(number)
    assert set(text) <= set("0123456789.")
    assert float(text) == number


SIZES = [
    ("0", 0),
    ("65536", 65536),
    ("64KiB", 65536),
    ("64k", 65536),
    ("64 KB", 65536),
    ("1MiB", 1024**2),
    ("1.5G", 1610612736),
    ("100B", 100),
    ("9007199254740993", 2**53 + 1),
    (str(2**63 - 1), 2**63 - 1),
]


@pytest.mark.parametrize(("text", "size"), SIZES)
def test_a_size_is_read_as_it_is_meant_every_unit_a_power_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


NO_SIZES = [
    "",
    "-1",
    "+1",
    "1e3",
    "1.",
    "KiB",
    "1Ki",
    "1P",
    "1 M iB",
    "nan",
    "inf",
    "٣",
    "1\u212a",
    str(2**63),
    "9" * 99,
]


@pytest.mark.parametrize("text", [*NO_SIZES, "9" * 5000, "9.9" + "9" * 400])
def test_what_is_not_understood_is_no_size(text: str) -> None:
    with pytest.raises(InvalidInput, match="size"):
        parse_size(text)


@given(st.integers(0, 2**63 - 1))
def test_a_size_that_is_shown_can_be_read_back(size: int) -> None:
    assert parse_size(format_size(size)) == size


def test_a_size_is_shown_in_its_largest_whole_unit() -> None:
    sizes = (0, 1000, 1024, 1536, 1024**2, 3 * 1024**3, 1024**4)
    assert [format_size(size) for size in sizes] == ["0B", "1000B", "1KiB", "1536B", "1MiB", "3GiB", "1TiB"]


TIMES = [
    ("2030-01-31T18:00", "2030-01-31T17:00:00.000Z"),
    ("2030-01-31 18:00:30.5", "2030-01-31T17:00:30.500Z"),
    ("2030-01-31T18:00Z", "2030-01-31T18:00:00.000Z"),
    ("2030-01-31T18:00+05:30", "2030-01-31T12:30:00.000Z"),
    ("2030-02-01", "2030-01-31T23:00:00.000Z"),
    ("20300201T0030", "2030-01-31T23:30:00.000Z"),
    ("2030-W05-5t00:30", "2030-01-31T23:30:00.000Z"),
    ("9998-12-31T23:59:59Z", "9998-12-31T23:59:59.000Z"),
    ("0002-01-01T00:00:00Z", "0002-01-01T00:00:00.000Z"),
    ("18:00", "2030-01-31T17:00:00.000Z"),
    ("9:05", "2030-02-01T08:05:00.000Z"),
    ("12:00", "2030-02-01T11:00:00.000Z"),
    ("12:00:01", "2030-01-31T11:00:01.000Z"),
    ("+1h30m", "2030-01-31T12:30:00.000Z"),
    ("+0", "2030-01-31T11:00:00.000Z"),
    ("1969-12-31T23:00Z", "1969-12-31T23:00:00.000Z"),
]


@pytest.mark.parametrize(("text", "shown"), TIMES)
def test_a_time_is_read_in_its_zone_and_shown_in_utc(text: str, shown: str) -> None:
    assert format_time(parse_time(text, NOON, BERLIN_IN_WINTER)) == shown


NO_TIMES = [
    *("", "now", "tomorrow", "24:00", "12:60", "1:2", "12", "12:00 pm", "+", "+-1s", "+ ", "-1h", "2030-02-30", "2030"),
    *("2030-01-31+05:00", "2030-01-31-18:00", "2030-01-31x18:00", "2030-01-31T", "2030-01-31-18", "T18:00"),
    *("2030-01-31T25:00", "٢030-01-31", "\uff112:00", "1700000000", "2030-01-31T18:00 Europe/Berlin", "nan", "\ud800"),
    *("0001-01-01T00:00+14:00", "0001-12-31T23:59:59Z", "9999-01-01T00:00Z", "9999-12-31T23:59-12:00", "10000-01-01"),
]


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_not_understood_or_cannot_be_shown_is_no_time(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"time|duration"):
        parse_time(text, NOON, UTC)


@pytest.mark.parametrize("moment", [math.nextafter(EARLIEST, -math.inf), math.nextafter(LATEST, math.inf), math.nan])
def test_a_moment_outside_the_years_that_can_be_kept_and_shown_is_refused(moment: float) -> None:
    with pytest.raises(InvalidInput, match="years from 2 to 9998"):
        check_moment(moment)


def test_without_a_zone_a_time_is_in_that_of_the_machine() -> None:
    expected = datetime(2030, 1, 31, 18, 0).astimezone().timestamp()
    assert parse_time("2030-01-31T18:00", NOON) == expected


@pytest.fixture
def _central_europe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The zone of the machine has a summer time: from 2030-03-31T01:00Z to 2030-10-27T01:00Z."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


SUMMER_TIMES = [
    ("11:00", "2030-03-30T11:00Z", "2030-03-31T09:00:00.000Z"),
    ("18:00", "2030-03-30T11:00Z", "2030-03-30T17:00:00.000Z"),
    ("11:00", "2030-10-26T10:00Z", "2030-10-27T10:00:00.000Z"),
    ("02:45", "2030-10-27T00:30Z", "2030-10-27T00:45:00.000Z"),
    ("02:45", "2030-10-27T01:30Z", "2030-10-27T01:45:00.000Z"),
    ("23:00", "2030-10-27T01:30Z", "2030-10-27T22:00:00.000Z"),
    ("2030-07-01T18:00", "2030-03-30T11:00Z", "2030-07-01T16:00:00.000Z"),
    ("+1d", "2030-03-30T11:00Z", "2030-03-31T11:00:00.000Z"),
]


@pytest.mark.parametrize(("text", "now", "shown"), SUMMER_TIMES)
@pytest.mark.usefixtures("_central_europe")
def test_the_clock_on_the_wall_counts_on_a_day_of_23_or_25_hours(text: str, now: str, shown: str) -> None:
    assert format_time(parse_time(text, datetime.fromisoformat(now).timestamp())) == shown


@given(st.floats(EARLIEST, LATEST))
@example(EARLIEST)
@example(LATEST)
def test_a_moment_that_was_accepted_can_be_shown_in_every_zone(moment: float) -> None:
    assert check_moment(moment) == moment
    for hours in (-14, 14):
        datetime.fromtimestamp(moment, timezone(timedelta(hours=hours)))
    assert parse_time(format_time(moment), NOON) == pytest.approx(moment, abs=0.0011)


@given(st.integers(0, int(LATEST * 1000) - 1))
def test_a_time_that_is_shown_can_be_read_back_to_the_millisecond(milliseconds: int) -> None:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    assert parse_time(moment.isoformat(), NOON) == pytest.approx(milliseconds / 1000, abs=1e-4)


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_is_refused(text: str) -> None:
    try:
        format_time(parse_time(text, NOON, UTC))
    except InvalidInput:
        return


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, int(3 * DAY)))
def test_a_time_of_day_is_the_next_one_within_a_day(hour: int, minute: int, later: int) -> None:
    now = NOON + later
    moment = parse_time(f"{hour:02}:{minute:02}", now, BERLIN_IN_WINTER)
    assert now < moment <= now + DAY
    shown = datetime.fromtimestamp(moment, BERLIN_IN_WINTER)
    assert (shown.hour, shown.minute, shown.second) == (hour, minute, 0)
