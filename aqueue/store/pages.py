"""The verbs that show many jobs a page at a time, however many there are.

A page is found by the place of the last job of the page before, never by counting jobs off: it costs the same at the
end of a million as at the beginning. What no index finds is sought among a bounded number of jobs; a page can have few
jobs then, or none, and others can still follow.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aqueue.model.job import Job, Run, State
from aqueue.model.selection import Filter
from aqueue.store.reading import conditions, to_job, to_run
from aqueue.store.statement import Statement, Verb

SOUGHT_AMONG = 20_000
"""How many jobs one page is sought among where each of them has to be looked into: some hundredths of a second."""

LAST = 2**62


class Order(StrEnum):
    """How the jobs of a list are ordered; `updated` is by their newest changes of state, the newest first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs of a list, and the place behind which the next page begins: None when there is no more."""

    jobs: Sequence[Job]
    next: int | None


@dataclass(frozen=True, slots=True)
class Dead:
    """The dead jobs that have the same error: how many, when the newest died, and the ids of some."""

    error: str
    count: int
    newest: float
    ids: Sequence[str]


def page(wanted: Filter, order: Order, limit: int, at: int | None = None) -> Verb[Page]:
    """At most `limit` jobs that match, behind a place; without one, the first."""
    first, end = (0, LAST) if order is Order.OLDEST else (LAST, 0)
    given, where = conditions(wanted)
    place = {"at": first if at is None else at}
    bound = yield from _bound(wanted, order, {**given, **place})
    values = {**given, **place, "bound": end if bound is None else bound, "limit": limit + 1}
    rows = yield Statement(f"page_{order}", values, where)
    following = rows[limit - 1]["place"] if len(rows) > limit else bound
    return Page([to_job(row) for row in rows[:limit]], following)


def _bound(wanted: Filter, order: Order, given: Mapping[str, Any]) -> Verb[int | None]:
    """The place up to which the page is sought; None where all that is looked at matches, or it is the end."""
    by_state = order is not Order.UPDATED and wanted.state not in (None, State.COMPLETED)
    others = (wanted.queue, wanted.tag, wanted.search, wanted.held)
    if order is not Order.UPDATED and all(one is None for one in others) and wanted.state is not State.COMPLETED:
        return None
    where = ("where_state",) if by_state else ("where_any",)
    rows = yield Statement(f"bound_{order}", {**given, "most": SOUGHT_AMONG - 1}, where)
    place: int | None = rows[0]["place"] if rows else None
    return place


def dead_by_error(limit: int, most: int, named: int) -> Verb[Sequence[Dead]]:
    """The newest `most` dead jobs by their errors, the most frequent first; `named` ids of each."""
    rows = yield Statement("dead_by_error", {"limit": limit, "most": most, "named": named})
    return [Dead(row["error"], row["n"], row["newest"], json.loads(row["ids"])) for row in rows]


def newest_runs(job: Job, limit: int) -> Verb[Sequence[Run]]:
    """The newest runs of a job, first to last."""
    rows = yield Statement("runs_newest", {"seq": job.seq, "limit": limit})
    return [to_run(row) for row in reversed(rows)]
