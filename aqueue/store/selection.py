"""The verbs that change the jobs of a selection, a slice in each transaction: what can be done is done, the rest told.

A slice reads of each job only what the decision needs, and once. A decision that raises Refused passes over that one
job and no other.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aqueue.model.errors import Cycle, Entangled, Refused
from aqueue.model.job import FINISHED, Decidable, Sketch, State
from aqueue.model.lifecycle import Transition
from aqueue.model.unique import Claim
from aqueue.store import dependencies, sql, unique
from aqueue.store.reading import sketches
from aqueue.store.statement import Statement, Verb

Decide = Callable[[Decidable], Transition | None]

ENTANGLING = sql.PARENTS | {"unique"}
"""The changes of one job against which others can stand."""

CLEARED_AT_ONCE = 2 * 1024**2
"""Bytes of output that one slice deletes at most: ten milliseconds, for SQLite reads each page that it gives back."""

PIECES_AT_ONCE = 2000
"""… and how many pieces."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """The jobs of a slice for which there is a decision, each with it, and why there is none for the others."""

    able: Sequence[tuple[Sketch, Transition | None]]
    refused: Sequence[Refused]


@dataclass(frozen=True, slots=True)
class Sliced:
    """What came of a slice.

    What is `left` was not got to: it belongs to the next one. Other jobs stand against those that are `entangled`, by
    seq: it may be different when the whole selection is done.
    """

    done: int
    refused: Sequence[Refused]
    left: Sequence[int] = ()
    entangled: Mapping[int, Refused] = field(default_factory=dict)


def weigh(seqs: Sequence[int], decide: Decide) -> Verb[Weighed]:
    """Decide about each of these jobs, and change nothing."""
    jobs = yield from sketches(seqs)
    able: list[tuple[Sketch, Transition | None]] = []
    refused: list[Refused] = [Refused("it is not there any more")] * (len(seqs) - len(jobs))
    for job in jobs:
        try:
            able.append((job, decide(job)))
        except Refused as error:
            refused.append(error)
    return Weighed(able, refused)


def change(seqs: Sequence[int], decide: Decide, now: float) -> Verb[Sliced]:
    """Change those of these jobs that can be. Where `decide` returns None, the worker of a job is asked to end it."""
    weighed = yield from weigh(seqs, decide)
    able, entangled = weighed.able, dict[int, Refused]()
    yield Statement("savepoint")
    while (reasons := (yield from _entangled(able, now))) is not None:
        entangled |= {job.seq: Refused(reasons[job.id]) for job, _ in able if job.id in reasons}
        able = [(job, to) for job, to in able if job.id not in reasons]
    return Sliced(len(able), weighed.refused, entangled=entangled)


def _entangled(able: Sequence[tuple[Sketch, Transition | None]], now: float) -> Verb[Mapping[str, str] | None]:
    """Change all of them, or say for which of them that cannot be, and change none."""
    try:
        yield from sql.carry_out(able, now)
    except Entangled as error:
        yield Statement("undo")
        return error.reasons
    return None


def edit(seqs: Sequence[int], changes: Mapping[str, Any], decide: Decide, now: float) -> Verb[Sliced]:
    """Change what those of these jobs say of themselves that can be edited; None leaves a job in its state.

    Raises NoSuchJob for one that they are to wait for.
    """
    weighed = yield from weigh(seqs, decide)
    if changes.keys() & ENTANGLING:
        return (yield from _edit_each(weighed, changes, decide, now))
    yield from sql.write_edits([job for job, _ in weighed.able], changes, now)
    yield from sql.apply([sql.Decision(job, transition) for job, transition in weighed.able if transition], now)
    return Sliced(len(weighed.able), weighed.refused)


def _edit_each(weighed: Weighed, changes: Mapping[str, Any], decide: Decide, now: float) -> Verb[Sliced]:
    refused = list(weighed.refused)
    for job, _ in weighed.able:
        yield Statement("savepoint")
        try:
            yield from sql.edit(job.id, changes, decide, now)
        except (Entangled, Cycle) as error:
            refused.append(error)
            yield Statement("undo")
        yield Statement("keep")
    return Sliced(len(weighed.able) + len(weighed.refused) - len(refused), refused)


def remove(seqs: Sequence[int], decide: Decide) -> Verb[Sliced]:
    """Delete those of these jobs that can be, with their history.

    Their output goes first, in bounded pieces: of a job that has too much of it for one slice, and of those behind
    it, the rest is left.
    """
    weighed = yield from weigh(seqs, decide)
    jobs = [job for job, _ in weighed.able]
    awaited = yield from dependencies.awaited(jobs)
    able = [job for job in jobs if job.seq not in awaited]
    unclear = yield from _clear([job.seq for job in able])
    clear = [job for job in able if unclear is None or job.seq < unclear]
    late = yield from dependencies.awaited(clear)
    removable = {job.seq for job in clear} - late.keys()
    yield from sql.delete(list(removable))
    left = [job.seq for job in able if job.seq not in removable]
    return Sliced(len(removable), weighed.refused, left, {seq: Refused(why) for seq, why in awaited.items()})


def expect(seqs: Sequence[int], decide: Decide, chosen: Collection[int]) -> Verb[Sliced]:
    """What `change` and `edit` would come to, as far as can be told by reading; ``chosen`` is the whole selection."""
    weighed = yield from weigh(seqs, decide)
    back = [job for job, to in weighed.able if to and job.state in FINISHED and to.state not in FINISHED]
    held = yield from unique.held([Claim(job.id, job.unique, job.id) for job in back if job.unique])
    waiting = [job for job, to in weighed.able if to and to.state is State.BLOCKED]
    reasons = {**held, **(yield from dependencies.kept(waiting, chosen))}
    return Sliced(len(weighed.able) - len(reasons), [*weighed.refused, *map(Refused, reasons.values())])


def expect_removal(seqs: Sequence[int], decide: Decide, chosen: Collection[int]) -> Verb[Sliced]:
    """What `remove` would come to."""
    weighed = yield from weigh(seqs, decide)
    awaited = yield from dependencies.awaited([job for job, _ in weighed.able], chosen)
    return Sliced(len(weighed.able) - len(awaited), [*weighed.refused, *map(Refused, awaited.values())])


def _clear(seqs: Sequence[int]) -> Verb[int | None]:
    """Delete output of these jobs, the first ones' first; returns the first job that may still have some."""
    sizes = yield Statement("sizes_of_output", {"jobs": json.dumps(seqs), "limit": PIECES_AT_ONCE})
    pieces, room = [], CLEARED_AT_ONCE
    for row in sizes:
        if room <= 0:
            break
        pieces.append(row["piece"])
        room -= row["bytes"]
    if pieces:
        yield Statement("drop_pieces", {"pieces": json.dumps(pieces)})
    beyond = sizes[len(pieces) :] or sizes[PIECES_AT_ONCE - 1 :]
    first: int | None = beyond[0]["job"] if beyond else None
    return first
