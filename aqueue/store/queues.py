"""The verbs about queues: what was said of them, and what they hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aqueue.model.job import State
from aqueue.model.line import Line
from aqueue.model.rate import Bucket, Rate
from aqueue.store import reading
from aqueue.store.statement import Statement, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """A queue: what was said of it, and how many jobs it has in each state; states without any are left out."""

    name: str
    paused: bool = False
    limit: int | None = None
    rate: Rate | None = None
    counts: Mapping[State, int] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """How many of its jobs wait for a slot, or for their next attempt."""
        return self.counts.get(State.PENDING, 0) + self.counts.get(State.FAILED, 0)

    @property
    def later(self) -> int:
        """How many of its jobs wait for their time, or for other jobs."""
        return self.counts.get(State.SCHEDULED, 0) + self.counts.get(State.BLOCKED, 0)

    @property
    def running(self) -> int:
        """How many of its jobs run."""
        return self.counts.get(State.PROCESSING, 0)


def pause(name: str, *, paused: bool) -> Verb[None]:
    """Start none of its jobs until it is resumed; or resume it."""
    yield from _say("say_paused", name, {"paused": int(paused)})


def limit(name: str, most: int | None) -> Verb[None]:
    """Let at most so many of its jobs run at once, over all workers; None is any number."""
    yield from _say("say_limit", name, {"most": most})


def rate(name: str, wanted: Rate | None, now: float) -> Verb[None]:
    """Let its jobs start at this rate at most; None is any."""
    bucket = Bucket.full(wanted, now) if wanted else None
    yield from _say(
        "say_rate",
        name,
        {
            "starts": wanted.starts if wanted else None,
            "period": wanted.period if wanted else None,
            "tokens": bucket.tokens if bucket else None,
            "at": bucket.at if bucket else None,
        },
    )


def _say(statement: str, name: str, values: Mapping[str, Any]) -> Verb[None]:
    yield Statement(statement, {"name": name, **values})
    yield Statement("forget_queue", {"name": name})


def queues() -> Verb[Mapping[str, QueueRow]]:
    """All queues that have jobs, or of which something was said, by their names and in their order."""
    said = {row["name"]: row for row in (yield Statement("queues"))}
    counts = yield from reading.counts()
    return {name: _row(name, said.get(name), counts.get(name, {})) for name in sorted(said.keys() | counts.keys())}


def _row(name: str, said: Mapping[str, Any] | None, counts: Mapping[State, int]) -> QueueRow:
    if said is None:
        return QueueRow(name=name, counts=counts)
    bucket = bucket_of(said)
    return QueueRow(
        name=name,
        paused=bool(said["paused"]),
        limit=said["max_running"],
        rate=bucket.rate if bucket else None,
        counts=counts,
    )


def bucket_of(said: Mapping[str, Any]) -> Bucket | None:
    """The tokens of a queue that has a rate."""
    if said["rate_starts"] is None:
        return None
    return Bucket(Rate(said["rate_starts"], said["rate_period"]), said["tokens"], said["tokens_at"])


def line_of(name: str) -> Verb[Line]:
    """A queue as a claim sees it, without its jobs: what may be in the way of them."""
    said = yield Statement("queue", {"name": name})
    running = yield Statement("running", {"worker": None})
    return Line(
        queue=name,
        paused=bool(said and said[0]["paused"]),
        limit=said[0]["max_running"] if said else None,
        running=sum(row["n"] for row in running if row["queue"] == name),
        bucket=bucket_of(said[0]) if said else None,
    )


def oldest() -> Verb[Mapping[str, float]]:
    """Since when the first of the pending jobs of each queue is due."""
    rows = yield Statement("oldest")
    return {row["queue"]: row["run_at"] for row in rows}


def paused() -> Verb[frozenset[str]]:
    """The names of the queues that are paused."""
    rows = yield Statement("paused")
    return frozenset(row["name"] for row in rows)
