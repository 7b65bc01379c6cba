"""How many jobs of a queue may start in a while: the rate, and the bucket of tokens that keeps it."""

import math
import re
from dataclasses import dataclass

from aqueue.model.errors import InvalidInput

PERIODS = {"s": 1.0, "m": 60.0, "h": 3600.0}
"""The periods of a rate, in seconds."""

BURST = 0.05
"""Seconds of starts that a bucket holds at most, and one start at least: a rate is kept evenly, not in gusts."""

MOST_STARTS = 1_000_000
_BLUR = 1e-6
"""Seconds by which a token may come too early: the moment at which it is whole is not a number that a float can be."""

_RATE = re.compile(r"([0-9]{1,9})\s*/\s*([smh])")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many starts in each period of so many seconds."""

    starts: int
    period: float

    def __str__(self) -> str:
        unit = next((unit for unit, seconds in PERIODS.items() if seconds == self.period), None)
        return f"{self.starts}/{unit}" if unit else f"{self.starts} in {self.period:g} s"


def parse_rate(text: str) -> Rate:
    """The rate in ``5/s``, ``30/m`` or ``100/h``. Raises InvalidInput."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise InvalidInput(f"{text!r} is not a rate; write it like 5/s, 30/m or 100/h")
    if not 1 <= (starts := int(match[1])) <= MOST_STARTS:
        raise InvalidInput(f"a rate is from 1 to {MOST_STARTS} starts, not {starts}")
    return Rate(starts, PERIODS[match[2]])


@dataclass(frozen=True, slots=True)
class Bucket:
    """The token bucket of a queue: what was in it at a moment. Each start takes a token, and time brings new ones.

    https://en.wikipedia.org/wiki/Token_bucket
    """

    rate: Rate
    tokens: float
    at: float

    @classmethod
    def full(cls, rate: Rate, now: float) -> "Bucket":
        """That of a queue which has just been given a rate."""
        return cls(rate, _capacity(rate), now)

    def starts(self, now: float) -> int:
        """How many jobs may start now."""
        return math.floor(self._held(now) + _BLUR * self.rate.starts / self.rate.period)

    def less(self, starts: int, now: float) -> "Bucket":
        """What is left when so many have started now."""
        return Bucket(self.rate, self._held(now) - starts, now)

    def next_at(self, now: float) -> float:
        """When one more may start."""
        missing = max(0.0, 1.0 - self._held(now))
        return now + missing * self.rate.period / self.rate.starts

    def _held(self, now: float) -> float:
        if now < self.at:  # the clock was set back: a start too many is better than an hour of waiting
            return _capacity(self.rate)
        return min(_capacity(self.rate), self.tokens + (now - self.at) * self.rate.starts / self.rate.period)


def _capacity(rate: Rate) -> float:
    return max(1.0, BURST * rate.starts / rate.period)
