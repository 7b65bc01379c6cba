"""The line of each queue, and whose turn it is: how many of its jobs may start, and which come first.

Between queues the priority of their first jobs decides. Where that is the same, they take turns, so that a flood in one
queue does not starve another; within a queue the one that has been due for longest is first.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from aqueue.model.rate import Bucket

Served = Mapping[str, int | None]
"""The queues that a worker serves, each with how many of its jobs may run there at once, if that is bounded."""


class Head(NamedTuple):
    """A job among the first in the line of its queue."""

    seq: int
    queue: str
    priority: int
    run_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The line of a queue and what was said of it.

    `heads` are its first jobs in order, `running` how many of its jobs run at all workers, `here` at the one that asks.
    """

    queue: str
    heads: Sequence[Head] = ()
    paused: bool = False
    limit: int | None = None
    running: int = 0
    here: int = 0
    bucket: Bucket | None = None

    def room(self, now: float, most_here: int | None = None) -> int:
        """How many of its first jobs may start now."""
        if self.paused:
            return 0
        bounds = [len(self.heads)]
        if self.limit is not None:
            bounds.append(self.limit - self.running)
        if most_here is not None:
            bounds.append(most_here - self.here)
        if self.bucket is not None:
            bounds.append(self.bucket.starts(now))
        return max(0, min(bounds))

    def opens_at(self, now: float) -> float | None:
        """When more of it may start, as far as only its rate is in the way."""
        if self.paused or self.bucket is None or not self.heads or self.bucket.starts(now):
            return None
        return self.bucket.next_at(now)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which jobs are claimed, in the order of the line, and the turns that the queues have had after that."""

    heads: Sequence[Head] = ()
    turns: Mapping[str, int] = field(default_factory=dict)


def choose(lines: Sequence[tuple[Line, int]], count: int, turns: Mapping[str, int]) -> Choice:
    """Choose so many jobs from lines of which each has room for some.

    ``turns`` is how many turns each queue has had when it was last waited for; one that comes anew begins with the one
    that has had the fewest, and one whose line is empty is forgotten: turns cannot be saved up.
    """
    if len(lines) == 1:
        ((line, room),) = lines
        return Choice(line.heads[: min(room, count)])
    known = [turns[line.queue] for line, _ in lines if line.queue in turns]
    fewest = min(known, default=0)
    had = {line.queue: turns.get(line.queue, fewest) - fewest for line, _ in lines}
    return Choice(_in_turn(lines, count, had), had)


def _in_turn(lines: Sequence[tuple[Line, int]], count: int, had: dict[str, int]) -> Sequence[Head]:
    waiting = {line.queue: iter(line.heads[:room]) for line, room in lines}
    places: list[tuple[int, int, float, int, Head]] = []

    def put_next(queue: str) -> None:
        head = next(waiting[queue], None)
        if head is not None:
            heapq.heappush(places, (-head.priority, had[queue], head.run_at, head.seq, head))

    for queue in waiting:
        put_next(queue)
    chosen: list[Head] = []
    while places and len(chosen) < count:
        head = heapq.heappop(places)[-1]
        chosen.append(head)
        had[head.queue] += 1
        put_next(head.queue)
    return chosen
