"""How much is measured, and how parts take turns."""

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for: how many rounds, and whether a glance is enough."""

    rounds: int = 5
    quick: bool = False

    def amount(self, full: int, quick: int) -> int:
        """How much of something to measure with."""
        return quick if self.quick else full

    def in_turns(self, contenders: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
        """Measure each contender once a round; who begins changes from round to round."""
        measured: dict[str, list[T]] = {name: [] for name in contenders}
        for round_ in range(self.rounds):
            order = list(contenders) if round_ % 2 == 0 else list(contenders)[::-1]
            for name in order:
                measured[name].append(contenders[name]())
        return measured


class TooLong(Exception):
    """A part has used up its time."""


@contextlib.contextmanager
def at_most_seconds(limit: float) -> Iterator[None]:
    """Raise TooLong in the block when it takes longer than this."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooLong(f"given up after {limit:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
