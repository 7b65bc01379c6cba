"""The verbs that look along the edges between jobs: what a job waits for, what waits for it, and what began it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueue.model.job import Job, State
from aqueue.model.waiting import Wait, held_above
from aqueue.model.why import Kept
from aqueue.store.dependencies import to_parent
from aqueue.store.reading import by_seq
from aqueue.store.statement import Rows, Statement, Verb

MOST_NAMED = 5
"""How many parents are told by name."""

MOST_WAITS = 10_000
"""How many edges are looked at above a job to find out that nothing there can end by itself."""

DEEPEST = 3
"""How many levels above and below a job are shown."""

BROADEST = 5
"""How many parents or children of one job are shown."""

MOST_SHOWN = 15
"""How many jobs are shown above, and how many below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """A parent or a child of a job, with its own parents or children, and how many more of these there are."""

    id: str
    state: State
    held: bool
    on_any: bool
    command: str
    further: "Branch"


@dataclass(frozen=True, slots=True)
class Branch:
    """Some of the parents, or of the children, of a job; `more` is how many others there are."""

    kin: Sequence[Kin] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Chain:
    """What is before a job and what comes after it, as far as one can take in."""

    above: Branch
    below: Branch


def kept(job: Job) -> Verb[Kept]:
    """What other jobs have to do with it that this one does not run."""
    if job.state is State.BLOCKED:
        rows = yield Statement("unmet", {"seq": job.seq, "limit": MOST_NAMED})
        return Kept([to_parent(row) for row in rows], rows[0]["total"] if rows else 0)
    return Kept(cause=None if job.cancelled_for is None else (yield from _cause(job.cancelled_for)))


def _cause(seq: int) -> Verb[str | None]:
    """The id of the job that this one, or the one that it was cancelled for, and so on up, was cancelled for."""
    rows = yield Statement("cause", {"seq": seq})
    return rows[0]["id"] if rows else None


def cannot_end(seqs: Sequence[int]) -> Verb[str | None]:
    """A sentence that says why one of these jobs can never end by itself, where that is certain."""
    if not (yield Statement("any_held")):
        return None
    rows = yield Statement("waits_above", {"seqs": json.dumps(seqs), "limit": MOST_WAITS})
    if not rows or len(rows) == MOST_WAITS:
        return None
    stuck = held_above(seqs, [Wait(row["child"], to_parent(row)) for row in rows])
    if stuck is None:
        return None
    (job,) = yield from by_seq([stuck[0]])
    return f"job {job.id} waits for job {stuck[1].id}, which is held; release that first"


def chain(job: Job) -> Verb[Chain]:
    """The parents of a job and theirs, its children and theirs, as far as one can take in."""
    return Chain((yield from _branches(job.seq, "parents_of")), (yield from _branches(job.seq, "children_of")))


@dataclass(frozen=True, slots=True)
class Relative:
    """A parent or a child of a job."""

    id: str
    command: str
    state: State
    error: str | None


@dataclass(frozen=True, slots=True)
class Relatives:
    """Some of the parents of a job and of its children, and how many others there are of each."""

    parents: Sequence[Relative]
    more_parents: int
    children: Sequence[Relative]
    more_children: int


def relatives(job: Job, most: int) -> Verb[Relatives]:
    """The parents and the children of a job, at most so many of each."""
    parents = yield Statement("parents_of", {"seq": job.seq, "limit": most})
    children = yield Statement("children_of", {"seq": job.seq, "limit": most})
    return Relatives(*_relatives(parents), *_relatives(children))


def _relatives(rows: Rows) -> tuple[Sequence[Relative], int]:
    found = [Relative(row["id"], row["command"], State(row["state"]), row["error"]) for row in rows]
    return found, rows[0]["total"] - len(rows) if rows else 0


def _branches(seq: int, statement: str) -> Verb[Branch]:
    """Level by level, so that what is near is shown before what is far."""
    found: dict[int, Rows] = {}
    level, left = [seq], MOST_SHOWN
    for _ in range(DEEPEST):
        for one in level:
            if left and one not in found:
                found[one] = yield Statement(statement, {"seq": one, "limit": min(left, BROADEST)})
                left -= len(found[one])
        level = [row["seq"] for one in level for row in found.get(one, ())]
    rows = found[seq]
    return _branch(seq, rows[0]["total"] if rows else 0, found, set())


def _branch(seq: int, total: int, found: Mapping[int, Rows], met: set[int]) -> Branch:
    """What was found of a job's kin; who is met again is shown without its own."""
    if seq in met:
        return Branch()
    met.add(seq)
    rows = found.get(seq, ())
    return Branch([_kin(row, found, met) for row in rows], total - len(rows))


def _kin(row: Mapping[str, Any], found: Mapping[int, Rows], met: set[int]) -> Kin:
    return Kin(
        id=row["id"],
        state=State(row["state"]),
        held=bool(row["held"]),
        on_any=bool(row["on_any"]),
        command=row["command"],
        further=_branch(row["seq"], row["further"], found, met),
    )
