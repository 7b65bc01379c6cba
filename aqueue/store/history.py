"""The events: every transition of every job, in the order in which they were committed."""

from collections.abc import Sequence
from dataclasses import dataclass

from aqueue.model.job import State
from aqueue.store.statement import Statement, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One transition. `was` is None for a new job; the worker is that of the run that it began or ended.

    The ending and the error are told where it ended one.
    """

    event: int
    job: str
    at: float
    was: State | None
    state: State
    run: int
    attempt: int
    worker: str | None
    ending: str | None
    error: str | None


def events(after: int, limit: int, seq: int | None = None) -> Verb[Sequence[Event]]:
    """At most `limit` events behind the one with the number `after`, of one job or of all, first to last."""
    where = ("where_event_of_job",) if seq is not None else ("where_any",)
    rows = yield Statement("events", {"after": after, "limit": limit, "seq": seq}, where)
    return [
        Event(
            event=row["event"],
            job=row["id"],
            at=row["at"],
            was=State(row["was"]) if row["was"] else None,
            state=State(row["state"]),
            run=row["run"],
            attempt=row["attempt"],
            worker=row["worker"],
            ending=row["ending"],
            error=row["error"],
        )
        for row in rows
    ]


def newest_event() -> Verb[int]:
    """The number of the newest event; 0 if there is none."""
    (row,) = yield Statement("newest_event")
    newest: int = row["event"]
    return newest
