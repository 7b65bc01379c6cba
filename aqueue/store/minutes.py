"""What the runs of each minute came to: counted when they are settled, so that nobody looks through the history."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aqueue.model.job import State
from aqueue.model.record import record
from aqueue.store.statement import Statement, Verb

SECONDS = 60


@record(kw_only=True)
class Ended:
    """How a run ended that counts: what became of its job, after so many attempts, and when.

    `waited` is for how many seconds it had been due when it began, `ran` how long it took; None if that is not known.
    """

    state: State
    attempts: int
    at: float
    waited: float | None = None
    ran: float | None = None


@dataclass(slots=True, kw_only=True)
class Minute:
    """What the runs came to that ended in a minute, which is counted from the epoch.

    `attempts` are those of the jobs that completed or died; the `timed` runs waited and ran for so many seconds in all.
    """

    minute: int
    completed: int = 0
    failed: int = 0
    dead: int = 0
    attempts: int = 0
    timed: int = 0
    waited: float = 0.0
    ran: float = 0.0

    def add(self, ended: Ended) -> None:
        """Count a run."""
        self.completed += ended.state is State.COMPLETED
        self.failed += ended.state is State.FAILED
        self.dead += ended.state is State.DEAD
        self.attempts += ended.attempts if ended.state is not State.FAILED else 0
        if ended.waited is not None and ended.ran is not None:
            self.timed += 1
            self.waited += ended.waited
            self.ran += ended.ran


def count(runs: Iterable[Ended]) -> Verb[None]:
    """Count runs that have ended; one statement, however many they are."""
    minutes: dict[int, Minute] = {}
    for ended in runs:
        number = int(ended.at // SECONDS)
        minutes.setdefault(number, Minute(minute=number)).add(ended)
    if minutes:
        yield Statement("count_minutes", {"minutes": json.dumps([_row(one) for one in minutes.values()])})


def since(minute: int) -> Verb[Sequence[Minute]]:
    """The minutes from this one on in which runs have ended, the oldest first."""
    rows = yield Statement("minutes", {"first": minute})
    return [Minute(**dict(row)) for row in rows]


def _row(one: Minute) -> dict[str, float]:
    return {name: getattr(one, name) for name in Minute.__slots__}
