"""A cron line in a time zone: which moments it means.

cronsim reads the line and knows the calendar. It is asked in local time without a zone, so that what a change of the
clock means is said here, once, for five fields and for six, and to the second. The rule is that of Debian's cron(8):

- A line that names its times, in which none of second, minute and hour begins with a star, means times of the day. One
  that the clock leaps over is due as soon as it has leapt, one that comes twice is due the first time only.
- Any other line goes by what the clock shows: what is leapt over does not come, what is shown twice is due twice.

cronsim and the data of the zones are loaded when a line is read, and by nobody else.
"""

import functools
import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from aqueue.model.errors import InvalidInput

LONGEST_LINE = 500
"""Characters: more than every minute of an hour needs."""

SHORTHANDS: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_FIELDS: Mapping[str, str] = {
    "second": "0 to 59",
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day of the month": "1 to 31, L for the last day, LW for the last workday",
    "month": "1 to 12 or JAN to DEC",
    "day of the week": "0 to 7 or SUN to SAT, 5L for the last Friday, 5#2 for the second",
}
"""The fields of a line of six; one of five has no second."""

_DAY = 86_400
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local time, of which the zone is added here
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Cron:
    """Which moments a line means. Made by :func:`parse_cron`; moments are seconds since the epoch."""

    text: str
    timezone: str
    fields: str
    names_times: bool
    zone: tzinfo

    def next_after(self, moment: float) -> float | None:
        """The first tick after this moment; None if there is none in the next fifty years."""
        now = math.floor(moment)
        tick = self._next_named(now) if self.names_times else self._next_shown(now)
        return None if tick is None else float(tick)

    def next_from(self, moment: float) -> float | None:
        """The first tick at this moment or after it."""
        return self.next_after(math.ceil(moment) - 1)

    def in_words(self) -> str:
        """What the line means, in English: `At 03:00 every day`."""
        from cronsim import CronSim

        return CronSim(self.fields, _EPOCH).explain()

    def _next_named(self, now: int) -> int | None:
        for local in _matches(self.fields, now + self._offset(now)):
            if (tick := self._first_at(local)) > now:  # not so in the hour that comes a second time
                return tick
        return None

    def _first_at(self, local: int) -> int:
        """When the clock shows this for the first time, or leaps over it."""
        before = _seconds((_EPOCH + local * _SECOND).replace(tzinfo=self.zone).utcoffset())
        tick = local - before
        leap = self._change(tick - _DAY, tick, before) if self._offset(tick) != before else None
        return tick if leap is None else leap

    def _next_shown(self, now: int) -> int | None:
        start, offset = now, self._offset(now)
        while (local := next(_matches(self.fields, start + offset), None)) is not None:
            tick = local - offset
            change = self._change(start, tick, offset)
            if change is None:
                return tick
            start, offset = change - 1, self._offset(change)
        return None

    def _change(self, start: int, end: int, offset: int) -> int | None:
        """The first moment after `start` and up to `end` at which the clock has another offset than this one."""
        for day in range(start, end, _DAY):
            last = min(day + _DAY, end)
            if self._offset(last) != offset:
                return (
                    day + 1 + bisect_left(range(day + 1, last), True, key=lambda moment: self._offset(moment) != offset)
                )
        return None

    def _offset(self, moment: int) -> int:
        return _seconds(datetime.fromtimestamp(moment, self.zone).utcoffset())


@functools.lru_cache(10_000)
def parse_cron(text: str, timezone: str = "UTC") -> Cron:
    """The line in this zone, of five fields, of six with the seconds first, or a shorthand like @daily.

    Raises InvalidInput that names the field, or the zone, and also when the line means no moment at all.
    """
    fields = _expanded(text)
    _check(text, fields)
    seconds_to_hours = fields.split()[:-3]
    names_times = not any(field.startswith("*") for field in seconds_to_hours)
    cron = Cron(text, timezone, fields, names_times, zone_named(timezone))
    if next(_matches(fields, 0), None) is None:
        raise InvalidInput(f"{text!r} never comes: there is no such day")
    return cron


def zone_named(name: str) -> tzinfo:
    """The time zone of this name. Raises InvalidInput, also where the system knows no zones."""
    if name == "UTC":
        return UTC  # which needs no data
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # whatever is wrong with a name or the file that it leads to
        known = available_timezones()
    if not known:
        raise InvalidInput(f"time zone {name[:60]!r}: this system has no time zone data; install its package tzdata")
    raise InvalidInput(f"there is no time zone {name[:60]!r}{_did_you_mean(name[:60], known)}")


def _did_you_mean(name: str, known: set[str]) -> str:
    from difflib import get_close_matches

    by_lower = {one.lower(): one for one in sorted(known)}
    close = get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[close[0]]}?" if close else "; zones have names like Europe/Berlin"


def _expanded(text: str) -> str:
    if len(text) > LONGEST_LINE:
        raise InvalidInput(f"a schedule has at most {LONGEST_LINE} characters")
    fields = " ".join(text.split())
    if not fields.startswith("@"):
        return fields
    if fields.lower() == "@reboot":
        raise InvalidInput("@reboot is no time that comes again; let what starts the worker enqueue that job")
    if (line := SHORTHANDS.get(fields.lower())) is None:
        raise InvalidInput(f"{text!r} is no schedule; known are {', '.join(SHORTHANDS)} and lines like '0 3 * * 1-5'")
    return line


def _check(text: str, fields: str) -> None:
    given = fields.split()
    if len(given) not in (5, 6):
        raise InvalidInput(
            f"{text!r} is no schedule: it needs five fields (minute, hour, day, month, weekday), or six with the "
            "seconds first, in quotes"
        )
    for name, field in zip([*_FIELDS][-len(given) :], given, strict=True):
        if not _is_possible([field if one == name else "*" for one in _FIELDS]):
            raise InvalidInput(f"{text!r} is no schedule: {field!r} is no {name}, which is {_FIELDS[name]}")
    if not _is_possible(given):
        raise InvalidInput(f"{text!r} never comes: there is no such day")


def _is_possible(fields: list[str]) -> bool:
    from cronsim import CronSim, CronSimError

    try:
        CronSim(" ".join(fields), _EPOCH)
    except CronSimError:
        return False
    return True


def _matches(fields: str, local: int) -> Iterator[int]:
    """The times of the calendar after this one that a line means, in seconds of a clock that never changes."""
    from cronsim import CronSim

    for time in CronSim(fields, _EPOCH + local * _SECOND):
        yield (time - _EPOCH) // _SECOND


def _seconds(offset: Any) -> int:
    return int(offset.total_seconds())
