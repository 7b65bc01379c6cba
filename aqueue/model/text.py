"""Durations, sizes, numbers and times as people write and read them. Strict: what is not understood is an error."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from aqueue.model.errors import InvalidInput

SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
BYTES = {"B": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}

LONGEST = 100 * 366 * SECONDS["d"]
"""The longest duration, in seconds: a century."""

EARLIEST = -62_104_060_800.0
LATEST = 253_370_764_799.0
"""The first and the last moment of the years 2 to 9998: those the store takes, and every zone can show."""

LONGEST_NUMBER = 100
"""Characters: far more than any number that makes sense has."""

_NUMBER = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>{_NUMBER}){unit}(?![a-z]))?" for unit in SECONDS))
_SIZE = re.compile(rf"(?P<number>{_NUMBER})\s*(?:(?P<unit>[KMGT])(?:i?B)?|B)?", re.IGNORECASE | re.ASCII)
_DATE_FIRST = re.compile(r"[0-9]{4}(?:-?[0-9]{2}-?[0-9]{2}|-?W[0-9]{2}(?:-?[1-7])?)(?:[Tt ].+)?")
"""A date, and a time only after a T or a space: Python reads 2030-01-31+05:00 as five o'clock of that day."""
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")


def parse_duration(text: str) -> float:
    """Seconds in ``90``, ``0.5s``, ``5m``, ``1h30m``, ``2d`` or ``250ms``; units in falling order, each once."""
    stripped = text.strip()
    if re.fullmatch(_NUMBER, stripped):
        return _bounded(float(stripped), text)
    match = _DURATION.fullmatch(stripped)
    if not stripped or match is None:
        raise InvalidInput(f"{text!r} is not a duration; write it like 90, 0.5s, 5m, 1h30m or 2d")
    return _bounded(sum(float(match[unit] or 0) * SECONDS[unit] for unit in SECONDS), text)


def _bounded(seconds: float, text: str) -> float:
    if seconds > LONGEST:
        raise InvalidInput(f"{text!r} is too long; a duration is at most a hundred years")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest text that :func:`parse_duration` reads back, to the millisecond: ``1h30m``, ``0.5s``.

    What is shorter than that is not rounded to nothing.
    """
    left = round(seconds * 1000)
    parts = []
    for unit in ("d", "h", "m"):
        count, left = divmod(left, int(SECONDS[unit] * 1000))
        if count:
            parts.append(f"{count}{unit}")
    if left or not parts:
        parts.append(plain_number(left / 1000 if left else seconds) + "s")
    return "".join(parts)


def plain_number(number: float) -> str:
    """The number without an exponent, and exactly: what reads durations and numbers reads it back."""
    text = repr(float(number))
    if "e" in text:
        text = f"{number:.1100f}".rstrip("0")
    return text.removesuffix(".0").removesuffix(".")


def parse_size(text: str) -> int:
    """Bytes in ``65536``, ``64KiB``, ``1MiB``, ``1.5G``; every unit is a power of 1024."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidInput(f"{text!r} is not a size; write it like 65536, 64KiB or 1GiB")
    number, unit = match["number"], BYTES[(match["unit"] or "B").upper()]
    if len(number) > LONGEST_NUMBER:
        raise InvalidInput("a size has too many digits")
    size = int(float(number) * unit) if "." in number else int(number) * unit
    if size >= 2**63:
        raise InvalidInput(f"{text!r} is too large for a size")
    return size


def format_size(size: int) -> str:
    """The size in its largest whole unit: ``1MiB``, ``1000B``."""
    for unit in ("T", "G", "M", "K"):
        if size and size % BYTES[unit] == 0:
            return f"{size // BYTES[unit]}{unit}iB"
    return f"{size}B"


def parse_time(text: str, now: float, zone: tzinfo | None = None) -> float:
    """Seconds since the epoch of an ISO 8601 time, ``HH:MM`` (tomorrow if past) or ``+DURATION``.

    A time without a zone is in ``zone``; without that, in the zone of the machine.
    """
    return check_moment(_parsed_time(text, now, zone))


def check_moment(moment: float) -> float:
    """The moment, if every zone can show it. Raises InvalidInput."""
    if not EARLIEST <= moment <= LATEST:
        raise InvalidInput("a time must lie in the years from 2 to 9998")
    return moment


def _parsed_time(text: str, now: float, zone: tzinfo | None) -> float:
    stripped = text.strip()
    if stripped.startswith("+"):
        return now + parse_duration(stripped[1:])
    if clock := _CLOCK.fullmatch(stripped):
        return _next_clock_time(now, zone, *(int(part or 0) for part in clock.groups()))
    try:
        if _DATE_FIRST.fullmatch(stripped):
            return _in_zone(datetime.fromisoformat(stripped), zone).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    raise InvalidInput(f"{text!r} is not a time; write it like 2030-01-31T18:00, 18:00 or +1h30m")


def _next_clock_time(now: float, zone: tzinfo | None, hour: int, minute: int, second: int) -> float:
    today = datetime.fromtimestamp(now, zone)
    moment = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if moment.timestamp() <= now:
        moment = (today + timedelta(days=1)).replace(hour=hour, minute=minute, second=second, microsecond=0)
    return moment.timestamp()


def _in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment if moment.tzinfo or zone is None else moment.replace(tzinfo=zone)


def format_time(moment: float) -> str:
    """ISO 8601 in UTC, to the millisecond, as JSON shows times."""
    # Truncated like isoformat does: a time that is shown must not lie after the moment itself.
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
