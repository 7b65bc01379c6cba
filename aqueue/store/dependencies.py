"""The verbs of the edges between jobs: who waits for whom, and what follows when somebody ends or comes back.

Whatever changes a job calls `follow` in the same transaction. From level to level it goes as far down as something
changes, and no further: each level is a few statements, however wide it is.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueue.model import dependencies as model
from aqueue.model.dependencies import Child, Edge, Gone, Move, Parent, standing
from aqueue.model.errors import Cycle
from aqueue.model.job import FINISHED, Decidable, Job, State
from aqueue.model.ties import Tied, check_acyclic, check_known
from aqueue.model.unique import Claim
from aqueue.store import unique
from aqueue.store.reading import look_up
from aqueue.store.statement import Statement, Verb


@dataclass(frozen=True, slots=True)
class Changed:
    """A job that is in another state now."""

    seq: int
    id: str
    state: State


def tie_new(
    first: int, last: int, stand_ins: Mapping[str, str], place_of: Callable[[int], int], now: float
) -> Verb[int]:
    """Tie the new jobs from the seq `first` to `last` to their parents, and free or cancel those that need not wait.

    Returns how many are cancelled. A parent may be any of them. ``stand_ins`` are the ids of the jobs that are there
    instead of some that were asked for. Raises NoSuchJob and Cycle, with the place that `place_of` gives for the seq of
    a job.
    """
    rows = yield Statement("blocked_between", {"first": first, "last": last})
    asked = [Tied(row["seq"], row["id"], json.loads(row["after"]), json.loads(row["after_any"])) for row in rows]
    children = [child.renamed(stand_ins) for child in asked] if stand_ins else asked
    parents = yield from look_up(list({one for child in children for one in child.parents}))
    # A number that was not given before this batch was made named nobody when it was asked for.
    known = {one for one, parent in parents.items() if not one.isdigit() or parent.seq < first}
    for child in children:
        check_known(child.parents, known, place_of(child.seq))
    ours = {child.id: place_of(child.seq) for child in children}
    check_acyclic({child.id: [one for one in child.parents if one in ours] for child in children}, ours)
    if children != asked:
        yield Statement("name_parents", {"jobs": json.dumps([_names_row(child) for child in children])})
    yield from _tie(children, parents)
    ready = {child.seq: child.id for child in children if not child.plainly_waits(parents)}
    yield from _follow((yield from _move(ready, model.follow, now)), ready, now)
    (cancelled,) = yield Statement("cancelled_between", {"first": first, "last": last})
    count: int = cancelled["n"]
    return count


def tie_again(job: Job, given: Mapping[str, Sequence[str]], now: float) -> Verb[None]:
    """Tie a job to other parents than before: those ``given`` of `after` and `after_any` are new.

    Raises NoSuchJob, Cycle, KeyHeld, and ParentEnded when one of the parents has ended, and not as it must.
    """
    yield Statement("one_at_a_time")
    child = Tied(job.seq, job.id, given.get("after", job.after), given.get("after_any", job.after_any))
    parents = yield from look_up(list(child.parents))
    check_known([one for ids in given.values() for one in ids], parents)
    child = child.among(parents)  # those of before may have been removed since: what they meant stays
    for row in (yield Statement("below", {"seq": job.seq, "seqs": json.dumps([one.seq for one in parents.values()])})):
        raise Cycle([job.id, row["id"]] if row["id"] != job.id else [job.id])
    if "after" in given:
        yield Statement("untie", {"seqs": json.dumps([job.seq])})
    else:
        yield Statement("untie_from_those_that_are_there", {"seq": job.seq})
    yield from _tie([child], parents)
    asked = {job.seq: job.id}
    yield from _follow((yield from _move(asked, model.tie, now)), asked, now)
    yield from check_not_broken([job.seq], "edited")


def awaited(jobs: Sequence[Decidable], among: Collection[int] = ()) -> Verb[Mapping[int, str]]:
    """Which of these jobs cannot be removed, with these or with those ``among`` which they are, and why; by seq."""
    rows = yield Statement("blocked_children", {"seqs": json.dumps([job.seq for job in jobs])})
    edges = [Edge(row["parent"], row["child"], row["id"]) for row in rows if row["child"] not in among]
    return model.awaited({job.seq: job.id for job in jobs}, edges)


def kept(jobs: Sequence[Decidable], coming: Collection[int]) -> Verb[Mapping[str, str]]:
    """Why some of these cannot be retried, by their ids: a parent has ended badly that is not ``coming`` back."""
    ids = {job.seq: job.id for job in jobs}
    rows = yield Statement("broken_parents", {"seqs": json.dumps(list(ids))})
    broken = [(ids[row["child"]], _unmet(row)) for row in rows if row["parent"] not in coming]
    return {child: model.kept_by(child, parent, "retried") for child, parent in broken}


def follow(changed: Sequence[Changed], now: float) -> Verb[None]:
    """Let the children of these jobs follow them, and so on down; where these are blocked, let them follow their own.

    Raises KeyHeld.
    """
    asked = {one.seq: one.id for one in changed}
    yield from _follow({one.seq: one.state for one in changed}, asked, now)
    blocked = {one.seq: one.id for one in changed if one.state is State.BLOCKED}
    yield from _follow((yield from _move(blocked, model.follow, now)), blocked, now)


def check_not_broken(seqs: Sequence[int], what: str) -> Verb[None]:
    """Raise ParentEnded if the parents of some of these do not let them be what a person wants of them."""
    if seqs:
        rows = yield Statement("children", {"seqs": json.dumps(seqs)})
        model.check_not_broken([_to_child(row) for row in rows], what)


def _follow(parents: Mapping[int, State], asked: Mapping[int, str], now: float) -> Verb[None]:
    """Go down from these jobs; ``asked`` are the ids of the jobs that a person named and that led to each."""
    while parents:
        turned = [_turned(seq, state) for seq, state in parents.items()]
        rows = yield Statement("turn_edges", {"parents": json.dumps(turned)})
        asked = {row["child"]: asked[row["parent"]] for row in rows}
        parents = yield from _move(asked, model.follow, now)


def _turned(seq: int, state: State) -> Mapping[str, Any]:
    return {"seq": seq, "after": standing(state, on_any=False), "after_any": standing(state, on_any=True)}


def _move(
    asked: Mapping[int, str], decide: Callable[[Child, float], Move | None], now: float
) -> Verb[Mapping[int, State]]:
    """Let these children be what their parents make of them; returns those that have ended by that, or come back."""
    if not asked:
        return {}
    rows = yield Statement("children", {"seqs": json.dumps(list(asked))})
    moves = [(child, move) for child in map(_to_child, rows) if (move := decide(child, now)) is not None]
    if not moves:
        return {}
    back = [child for child, move in moves if child.state in FINISHED and move.state not in FINISHED]
    yield from unique.check([Claim(child.id, child.unique, asked[child.seq]) for child in back if child.unique])
    yield Statement("move", {"moves": json.dumps([_move_row(child, move) for child, move in moves]), "now": now})
    return {child.seq: move.state for child, move in moves if (child.state in FINISHED) != (move.state in FINISHED)}


def _move_row(child: Child, move: Move) -> Mapping[str, Any]:
    return {
        "seq": child.seq,
        "state": move.state,
        "run_at": move.run_at,
        "error": move.error,
        "finished_at": move.finished_at,
        "cancelled_for": move.cancelled_for,
    }


def _to_child(row: Mapping[str, Any]) -> Child:
    return Child(
        seq=row["seq"],
        id=row["id"],
        state=State(row["state"]),
        run_at=row["run_at"],
        held=bool(row["held"]),
        error=row["error"],
        finished_at=row["finished_at"],
        cancelled_for=row["cancelled_for"],
        unique=row["unique_key"],
        unmet=None if row["parent"] is None else _unmet(row),
    )


def _unmet(row: Mapping[str, Any]) -> Parent | Gone:
    return Gone(row["parent"]) if row["parent_id"] is None else to_parent(row)


def to_parent(row: Mapping[str, Any]) -> Parent:
    """The one place where a row becomes a parent."""
    return Parent(
        seq=row["parent"],
        id=row["parent_id"],
        state=State(row["parent_state"]),
        held=bool(row["parent_held"]),
        on_any=bool(row["on_any"]),
    )


def _tie(children: Iterable[Tied], parents: Mapping[str, Job]) -> Verb[None]:
    edges = [edge for child in children for edge in _edge_rows(child, parents)]
    if edges:
        yield Statement("tie", {"edges": json.dumps(edges)})


def _edge_rows(child: Tied, parents: Mapping[str, Job]) -> Iterable[Mapping[str, Any]]:
    on_any = child.parents
    for one, stands in child.standings(parents).items():
        yield {"child": child.seq, "parent": parents[one].seq, "on_any": int(on_any[one]), "standing": stands}


def _names_row(child: Tied) -> Mapping[str, Any]:
    return {"seq": child.seq, "after": child.after, "after_any": child.after_any}
