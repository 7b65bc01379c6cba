"""Which moments a cron line means."""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aqueue.model.cron import SHORTHANDS, Cron, parse_cron, zone_named
from aqueue.model.errors import InvalidInput

DAY = 86_400


def at(text: str, zone: str = "UTC", fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def ticks(cron: Cron, start: float, end: float) -> Iterator[float]:
    """All after the start and before the end."""
    while (tick := cron.next_after(start)) is not None and tick < end:
        yield tick
        start = tick


def shown(line: str, zone: str, day: str) -> list[str]:
    """The ticks of a day as a clock in that zone shows them, with the offset."""
    start = at(day, zone)
    found = ticks(parse_cron(line, zone), start - 1, at(day, zone) + 26 * 3600)
    times = [datetime.fromtimestamp(tick, ZoneInfo(zone)) for tick in found]
    return [time.strftime("%H:%M %Z") for time in times if time.date().isoformat() == day]


@pytest.mark.parametrize(
    ("line", "after", "next_"),
    [
        ("0 3 * * *", "2026-01-01T03:00:00", "2026-01-02T03:00:00"),
        ("0 3 * * *", "2026-01-01T02:59:59.999", "2026-01-01T03:00:00"),
        ("*/15 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:15:00"),
        ("0 9 * * MON-FRI", "2026-01-02T09:00", "2026-01-05T09:00"),
        ("0 0 29 2 *", "2026-01-01T00:00", "2028-02-29T00:00"),
        ("0 0 13 * 5", "2026-01-01T00:00", "2026-01-02T00:00"),  # either of them
        ("0 0 L * *", "2026-02-01T00:00", "2026-02-28T00:00"),
        ("*/10 * * * * *", "2026-01-01T00:00:05", "2026-01-01T00:00:10"),
        ("30 0 3 * * *", "2026-01-01T03:00:29.5", "2026-01-01T03:00:30"),
        ("@hourly", "2026-01-01T00:00", "2026-01-01T01:00"),
        ("@daily", "2026-01-01T00:00", "2026-01-02T00:00"),
        ("@midnight", "2026-01-01T00:00", "2026-01-02T00:00"),
        ("@weekly", "2026-01-01T00:00", "2026-01-04T00:00"),
        ("@Monthly", "2026-01-01T00:00", "2026-02-01T00:00"),
        (" @yearly ", "2026-01-01T00:00", "2027-01-01T00:00"),
        ("@annually", "2026-01-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_the_next_tick_lies_strictly_after_a_moment(line: str, after: str, next_: str) -> None:
    assert parse_cron(line).next_after(at(after)) == at(next_)


def test_a_tick_at_a_moment_is_the_first_from_it() -> None:
    cron = parse_cron("0 3 * * *")
    assert cron.next_from(at("2026-01-01T03:00")) == at("2026-01-01T03:00")
    assert cron.next_from(at("2026-01-01T03:00:00.001")) == at("2026-01-02T03:00")


SPRING = [("Europe/Berlin", "2026-03-29", "CEST"), ("America/New_York", "2026-03-08", "EDT")]
AUTUMN = [("Europe/Berlin", "2026-10-25", "CEST", "CET"), ("America/New_York", "2026-11-01", "EDT", "EST")]


@pytest.mark.parametrize("line", ["30 2 * * *", "0 30 2 * * *"])
@pytest.mark.parametrize(("zone", "day", "summer"), SPRING)
def test_a_time_that_the_clock_leaps_over_is_due_when_it_has_leapt(line: str, zone: str, day: str, summer: str) -> None:
    assert shown(line, zone, day) == [f"03:00 {summer}"]


def test_several_times_that_the_clock_leaps_over_are_one_tick_and_with_that_after_the_leap_too() -> None:
    assert shown("0,30 2,3 * * *", "Europe/Berlin", "2026-03-29") == ["03:00 CEST", "03:30 CEST"]


@pytest.mark.parametrize("line", ["30 1,2 * * *", "0 30 1,2 * * *"])
@pytest.mark.parametrize(("zone", "day", "summer", "winter"), AUTUMN)
def test_a_time_that_the_clock_shows_twice_is_due_the_first_time_only(
    line: str, zone: str, day: str, summer: str, winter: str
) -> None:
    second = winter if zone == "America/New_York" else summer  # it changes an hour earlier there
    assert shown(line, zone, day) == [f"01:30 {summer}", f"02:30 {second}"]


@pytest.mark.parametrize(("zone", "day", "summer", "winter"), AUTUMN)
def test_what_is_due_every_hour_is_due_in_the_hour_that_comes_twice_both_times(
    zone: str, day: str, summer: str, winter: str
) -> None:
    hour = 1 if zone == "America/New_York" else 2
    found = shown("30 * * * *", zone, day)
    assert len(found) == 25
    assert [one for one in found if one.startswith(f"0{hour}:")] == [f"0{hour}:30 {summer}", f"0{hour}:30 {winter}"]


@pytest.mark.parametrize("line", ["*/10 2 * * *", "0 */10 2 * * *", "* 30 2 * * *"])
@pytest.mark.parametrize(("zone", "day", "_summer"), SPRING)
def test_what_goes_by_what_the_clock_shows_does_not_come_in_the_hour_that_is_left_out(
    line: str, zone: str, day: str, _summer: str
) -> None:
    assert shown(line, zone, day) == []


def test_in_the_second_of_two_equal_hours_the_next_tick_is_not_one_of_the_first() -> None:
    cron = parse_cron("50 2 * * *", "Europe/Berlin")
    second = at("2026-10-25T02:45", "Europe/Berlin", fold=1)
    assert cron.next_after(second) == at("2026-10-26T02:50", "Europe/Berlin")


CHANGES = [
    *(("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25")),
    *(("America/New_York", "2026-03-08"), ("America/New_York", "2026-11-01")),
    *(("Australia/Lord_Howe", "2026-10-04"), ("Australia/Lord_Howe", "2026-04-05")),  # by half an hour
    *(("Africa/Cairo", "2026-04-24"), ("Africa/Cairo", "2026-10-30")),  # at midnight
    ("Pacific/Apia", "2011-12-30"),  # a day that was left out
]


@pytest.mark.parametrize("line", ["*/7 * * * *", "30 * * * *", "*/5 3 * * *", "* 0-2 * * *", "15 */2 * * *"])
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_a_line_with_a_star_is_due_at_exactly_the_minutes_that_the_clock_shows(zone: str, day: str, line: str) -> None:
    start, end = at(day) - DAY, at(day) + 2 * DAY
    moments = range(int(start) + 60, int(end), 60)
    expected = [float(one) for one in moments if _is_meant(line, datetime.fromtimestamp(one, ZoneInfo(zone)))]
    assert list(ticks(parse_cron(line, zone), start, end)) == expected


@pytest.mark.parametrize("line", ["30 2 * * *", "0 0 * * *", "5,55 0-3 * * *"])
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_named_times_come_once_a_day_around_every_change(zone: str, day: str, line: str) -> None:
    named = parse_cron(line, zone)
    found = list(ticks(named, at(day) - 2 * DAY, at(day) + 3 * DAY))
    assert all(earlier < later for earlier, later in pairwise(found))
    for tick in found:
        time = datetime.fromtimestamp(tick, ZoneInfo(zone))
        before = datetime.fromtimestamp(tick - 1, ZoneInfo(zone))
        leapt = time.utcoffset() != before.utcoffset()
        assert leapt or (_is_meant(line, time) and time.fold == 0)


def _values(field: str, last: int) -> set[int]:
    """What a field means, read as simply as it can be."""
    values: set[int] = set()
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, end = ("0", "-", str(last)) if span == "*" else span.partition("-")
        values |= set(range(int(first), int(end or (last if step else first)) + 1, int(step or 1)))
    return values


def _is_meant(line: str, time: datetime) -> bool:
    minute, hour, day, month, weekday = line.split()
    is_day = time.day in _values(day, 31)
    is_weekday = {time.isoweekday(), time.isoweekday() % 7} & _values(weekday, 7)
    both = day.startswith("*") or weekday.startswith("*")
    return bool(
        time.minute in _values(minute, 59)
        and time.hour in _values(hour, 23)
        and time.month in _values(month, 12)
        and ((is_day and is_weekday) if both else (is_day or is_weekday))
    )


def _a_field(first: int, last: int) -> st.SearchStrategy[str]:
    number = st.integers(first, last)
    spans = st.lists(number, min_size=2, max_size=2, unique=True).map(lambda ends: "{}-{}".format(*sorted(ends)))
    steps = st.tuples(st.just("*") | spans, st.integers(2, last)).map(lambda both: "{}/{}".format(*both))
    # From a number on with a step; and where months and days begin with 1, the naive reading of */n begins with 0.
    terms = number.map(str) | spans | (steps if first == 0 else st.nothing())
    return st.just("*") | st.lists(terms, min_size=1, max_size=3).map(",".join)


LINES = st.tuples(_a_field(0, 59), _a_field(0, 23), _a_field(1, 28), _a_field(1, 12), _a_field(0, 7)).map(" ".join)
MOMENTS = st.floats(at("2020-01-01"), at("2040-01-01"))


@given(LINES, MOMENTS)
@example("*/5 3 1 1 1", 1.7e9)
@example("* * * * *", 2208988799.9999995)
@pytest.mark.long
def test_in_utc_the_ticks_are_the_minutes_that_a_naive_reading_means(line: str, start: float) -> None:
    end = start + 2 * DAY
    first = datetime.fromtimestamp(start // 60 * 60 + 60, UTC)  # without what a float has beyond microseconds
    minutes = (first + timedelta(minutes=count) for count in range(2 * 24 * 60))
    expected = [one.timestamp() for one in minutes if _is_meant(line, one) and one.timestamp() < end]
    assert list(ticks(parse_cron(line), start, end)) == expected


@given(
    LINES | st.tuples(_a_field(0, 59), LINES).map(" ".join),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    MOMENTS,
    st.floats(0, 400 * DAY),
)
def test_the_next_tick_is_strictly_after_and_never_earlier_for_a_later_moment(
    line: str, zone: str, moment: float, more: float
) -> None:
    cron = parse_cron(line, zone)
    first, later = cron.next_after(moment), cron.next_after(moment + more)
    assert first is not None
    assert later is not None
    assert first > moment
    assert later >= first
    assert later == first or moment + more >= first
    assert cron.next_from(first) == first


@given(LINES | st.tuples(_a_field(0, 59), LINES).map(" ".join))
def test_every_line_can_be_said_in_words(line: str) -> None:
    assert parse_cron(line).in_words()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("61 * * * *", "'61' is no minute, which is 0 to 59"),
        ("* 24 * * *", "'24' is no hour, which is 0 to 23"),
        ("* * 0 * *", "'0' is no day of the month, which is 1 to 31"),
        ("* * * 13 *", "'13' is no month, which is 1 to 12 or JAN to DEC"),
        ("* * * * 8", "'8' is no day of the week, which is 0 to 7 or SUN to SAT"),
        ("60 * * * * *", "'60' is no second, which is 0 to 59"),
        ("*/0 * * * *", "'*/0' is no minute"),
        ("5-1 * * * *", "'5-1' is no minute"),
        ("1, * * * *", "'1,' is no minute"),
        ("* * ? * *", "'?' is no day of the month"),
        ("٣ * * * *", "is no minute"),
        ("0 0 30 2 *", "'0 0 30 2 *' never comes: there is no such day"),
        ("0 0 31 4,6 *", "never comes: there is no such day"),
        ("0 0 */16 * MON#5", "never comes: there is no such day"),
        ("", "it needs five fields (minute, hour, day, month, weekday), or six with the seconds first, in quotes"),
        ("* * * *", "it needs five fields"),
        ("* * * * * * *", "it needs five fields"),
        ("@reboot", "@reboot is no time that comes again; let what starts the worker enqueue that job"),
        ("@fortnightly", "known are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually and lines like"),
        ("9" * 5000, "a schedule has at most 500 characters"),
    ],
)
def test_an_impossible_line_is_refused_with_the_field_that_is_wrong(line: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_cron(line)
    assert reason in str(refused.value)


@given(st.text(st.sampled_from("0123456789*/-,#?LWMON @\0é "), max_size=30))
def test_whatever_is_written_is_read_or_refused(line: str) -> None:
    try:
        cron = parse_cron(line, "Europe/Berlin")
    except InvalidInput:
        return
    assert cron.next_after(0) is not None
    assert cron.in_words()


def test_the_shorthands_are_those_of_crontab_but_for_reboot() -> None:
    assert [*SHORTHANDS] == ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"]
    assert all(parse_cron(name).in_words() == parse_cron(line).in_words() for name, line in SHORTHANDS.items())


def test_a_line_is_said_in_words() -> None:
    assert parse_cron("30 2 * * MON-FRI").in_words() == "At 02:30 on Monday through Friday"
    assert parse_cron("@daily").in_words() == "At 00:00 every day"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Europe/Berln", "there is no time zone 'Europe/Berln'; did you mean Europe/Berlin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("Europe", "there is no time zone 'Europe'"),
        ("../../etc/passwd", "there is no time zone '../../etc/passwd'; zones have names like Europe/Berlin"),
        ("/etc/localtime", "there is no time zone"),
        ("zone.tab", "there is no time zone"),
        ("", "there is no time zone ''"),
        ("Europe/Berlin\0", "there is no time zone"),
        ("\udc80", "there is no time zone"),
        ("x" * 1000, "there is no time zone"),
    ],
)
def test_a_zone_that_does_not_exist_is_refused(name: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_cron("@daily", name)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 200


def test_where_the_system_knows_no_zones_that_is_said_and_utc_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> None:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", unknown)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(InvalidInput, match="this system has no time zone data; install its package tzdata"):
        zone_named("Europe/Berlin")
    assert zone_named("UTC") is UTC
