"""What a job does that waits for others: the only home of "does it wait on, may it run, or is it cancelled with them?".

Between a parent and each child there is an edge, and what the parent means to the child now is where that edge stands.
Everything is decided anew from all of a job's edges, whatever has happened to whom: an end closes or breaks edges, a
retry opens them again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from aqueue.model.errors import ParentEnded
from aqueue.model.job import FINISHED, State


class Standing(StrEnum):
    """What a parent means to its child now."""

    OPEN = "open"
    """It has not ended."""
    CLOSED = "closed"
    """It has ended as the child wants it."""
    BROKEN = "broken"
    """It has ended otherwise: the child will not run."""


def standing(parent: State, *, on_any: bool) -> Standing:
    """Where the edge to a parent in this state stands; `on_any` is whether any end will do."""
    if parent not in FINISHED:
        return Standing.OPEN
    return Standing.CLOSED if on_any or parent is State.COMPLETED else Standing.BROKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A job that another waits for, as far as it matters to that one."""

    seq: int
    id: str
    state: State
    held: bool
    on_any: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """A job that had to complete and was removed before it did, by its seq."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A job with parents, as far as it matters to whether it waits. It may have very many: only one is looked at.

    `unmet` is the first parent whose edge is broken, or else the first whose edge is open; None if all are closed.
    """

    seq: int
    id: str
    state: State
    run_at: float | None
    held: bool
    error: str | None
    finished_at: float | None
    cancelled_for: int | None
    unique: str | None
    unmet: Parent | Gone | None

    @property
    def broken_by(self) -> Parent | Gone | None:
        """The job that it waits for and that has ended otherwise than it must, if there is one."""
        match self.unmet:
            case Parent(state=state, on_any=on_any) if standing(state, on_any=on_any) is not Standing.BROKEN:
                return None
        return self.unmet


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What becomes of a child. Its time and its hold stay with it while it is cancelled: it may come back."""

    state: State
    run_at: float | None
    error: str | None
    finished_at: float | None = None
    cancelled_for: int | None = None


def follow(child: Child, now: float) -> Move | None:
    """What becomes of a child when its parents are as they are (b, c); None if it stays as it is.

    Only a blocked one follows its parents, and one that was cancelled because of them: what a person cancelled never
    comes back by itself, and what runs or has run is left alone.
    """
    is_cancelled = child.state is State.CANCELLED and child.cancelled_for is not None
    if child.state is not State.BLOCKED and not is_cancelled:
        return None
    if child.unmet is None:
        return _freed(child, now)
    if (parent := child.broken_by) is not None:
        return None if child.cancelled_for == parent.seq else _cancelled(child, parent, now)
    return _blocked(child) if is_cancelled else None


def tie(child: Child, now: float) -> Move | None:
    """What becomes of a job that was given other parents by hand: one that waits for its turn may have to wait."""
    if child.state in {State.PENDING, State.SCHEDULED, State.FAILED}:
        return _blocked(child, own_time=child.state is not State.PENDING) if child.unmet else None
    return follow(child, now)


def _freed(child: Child, now: float) -> Move:
    if child.held or (child.run_at is not None and child.run_at > now):
        return Move(state=State.SCHEDULED, run_at=None if child.held else child.run_at, error=_last_error(child))
    return Move(state=State.PENDING, run_at=now, error=_last_error(child))  # it is due since now: its wait was not ours


def _cancelled(child: Child, parent: Parent | Gone, now: float) -> Move:
    return Move(
        state=State.CANCELLED,
        run_at=child.run_at,
        error=f"cancelled: {_reason(parent)}",
        finished_at=now if child.finished_at is None else child.finished_at,
        cancelled_for=parent.seq,
    )


def _blocked(child: Child, *, own_time: bool = True) -> Move:
    return Move(state=State.BLOCKED, run_at=child.run_at if own_time else None, error=_last_error(child))


def _last_error(child: Child) -> str | None:
    """How its last run ended; that it was cancelled with a parent is no longer true when it comes back."""
    return None if child.state is State.CANCELLED else child.error


def _reason(parent: Parent | Gone) -> str:
    if isinstance(parent, Gone):
        return "a job that it waits for was removed"
    return f"job {parent.id}, which it waits for, is {parent.state}"


def check_not_broken(children: Sequence[Child], what: str) -> None:
    """Raise ParentEnded if a person wants some of these to wait or to run, and their parents do not let them."""
    unfinished = [child for child in children if child.state in {State.BLOCKED, State.CANCELLED}]
    reasons = {child.id: kept_by(child.id, parent, what) for child in unfinished if (parent := child.broken_by)}
    if reasons:
        raise ParentEnded(reasons)


def kept_by(child_id: str, parent: Parent | Gone, what: str) -> str:
    """Why a parent that has ended badly does not let this be done to a child."""
    remedy = f"; `aqueue edit {child_id} --after none` frees it" if isinstance(parent, Gone) else ""
    return f"job {child_id} cannot be {what}: {_reason(parent)}{remedy}"


class Edge(NamedTuple):
    """A blocked job and one that it waits for, by seq; the id of the blocked one."""

    parent: int
    child: int
    child_id: str


def awaited(ids: Mapping[int, str], edges: Sequence[Edge]) -> Mapping[int, str]:
    """Which of the jobs that are to be removed cannot be, and why: a blocked one that is not removed waits for them.

    ``ids`` are theirs by seq, ``edges`` lead to their blocked children. A blocked one that stays keeps its own parents.
    """
    of_child: dict[int, list[Edge]] = {}
    for edge in edges:
        of_child.setdefault(edge.child, []).append(edge)
    reasons: dict[int, str] = {}
    left = [edge for edge in edges if edge.child not in ids]
    while left:
        edge = left.pop()
        if edge.parent not in reasons:
            after = f"job {edge.child_id}, which comes after it, is blocked"
            reasons[edge.parent] = f"job {ids[edge.parent]} cannot be removed: {after}"
            left.extend(of_child.get(edge.parent, ()))
    return reasons
