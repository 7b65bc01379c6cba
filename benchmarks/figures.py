"""What a part of the benchmark has to tell: figures, each with its spread and with what is wanted of it."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

RATIO = "{:.2f}"
TIMES = "{:.2f} times"
RATE = "{:,.0f} jobs/s"
MS = "{:.1f} ms"
SECONDS = "{:.2f} s"
MIB = "{:.1f} MiB"
COUNT = "{:,.0f}"
PER_SECOND = "{:.1f} /s"


class Impossible(Exception):
    """Something cannot be measured here and now; the text says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A limit that a figure should keep."""

    sign: str
    limit: float

    def holds(self, value: float) -> bool:
        """Whether this value keeps it."""
        return value <= self.limit if self.sign == "≤" else value >= self.limit

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:,g}"


def at_least(limit: float) -> Wanted:
    """The figure should be this or above."""
    return Wanted("≥", limit)


def at_most(limit: float) -> Wanted:
    """The figure should be this or below."""
    return Wanted("≤", limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row. `key` names it for the README and the picture; `value` is None where nothing could be measured."""

    key: str
    what: str
    shown: str
    spread: str = ""
    value: float | None = None
    wanted: str = ""
    met: bool | None = None


def median(key: str, what: str, values: Sequence[float], form: str, wanted: Wanted | None = None) -> Figure:
    """The median of some measurements, with the lowest and the highest."""
    low, high = form.format(min(values)), form.format(max(values))
    spread = f"{low} to {high}, of {len(values)}" if len(values) > 1 else "measured once"
    return _judged(Figure(key=key, what=what, shown="", spread=spread), statistics.median(values), form, wanted)


def percentile(
    key: str, what: str, values: Sequence[float], percent: float, form: str, wanted: Wanted | None = None
) -> Figure:
    """What so many percent of the measurements do not exceed, with the worst of them."""
    ordered = sorted(values)
    place = min(len(ordered) - 1, int(len(ordered) * percent / 100))
    spread = f"worst {form.format(ordered[-1])}, of {len(ordered)}"
    return _judged(Figure(key=key, what=what, shown="", spread=spread), ordered[place], form, wanted)


def delays(
    key: str, what: str, values: Sequence[float], *, usually: Wanted | None = None, p99: Wanted | None = None
) -> Iterator[Figure]:
    """Two rows about delays in milliseconds: their median, and what only one of a hundred exceeds."""
    yield median(f"{key}.median", what, values, MS, usually)
    yield percentile(f"{key}.p99", f"{what}, p99", values, 99, MS, p99)


def one(key: str, what: str, value: float, form: str, wanted: Wanted | None = None, *, note: str = "") -> Figure:
    """A single measurement, with a word about it."""
    return _judged(Figure(key=key, what=what, shown="", spread=note), value, form, wanted)


def absent(key: str, what: str, why: object) -> Figure:
    """What could not be measured, and why."""
    return Figure(key=key, what=what, shown="not measured", spread=" ".join(str(why).split()))


def _judged(figure: Figure, value: float, form: str, wanted: Wanted | None) -> Figure:
    return Figure(
        key=figure.key,
        what=figure.what,
        shown=form.format(value),
        spread=figure.spread,
        value=value,
        wanted="" if wanted is None else str(wanted),
        met=None if wanted is None else wanted.holds(value),
    )


def of_pairs(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """The ratios of measurements that were taken pair by pair."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]
