"""The verbs that change the jobs of a selection, a slice in each transaction: what can be done is done, the rest told.

A slice reads of each job only what the decision needs, and once. A decision that raises Refused passes over that one
job and no other.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueue.model.errors import Refused
from aqueue.model.job import Sketch
from aqueue.model.lifecycle import Transition
from aqueue.store import sql
from aqueue.store.reading import sketches
from aqueue.store.statement import Statement, Verb

Decide = Callable[[Sketch], Transition | None]

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
    """What came of a slice. What is `left` was not got to: it belongs to the next one."""

    done: int
    refused: Sequence[Refused]
    left: Sequence[int] = ()


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
    yield from sql.carry_out(weighed.able, now)
    return Sliced(len(weighed.able), weighed.refused)


def edit(seqs: Sequence[int], changes: Mapping[str, Any], decide: Decide, now: float) -> Verb[Sliced]:
    """Change what those of these jobs say of themselves that can be edited; None leaves a job in its state."""
    weighed = yield from weigh(seqs, decide)
    yield from sql.write_edits([job for job, _ in weighed.able], changes, now)
    yield from sql.apply([sql.Decision(job, transition) for job, transition in weighed.able if transition], now)
    return Sliced(len(weighed.able), weighed.refused)


def remove(seqs: Sequence[int], decide: Decide) -> Verb[Sliced]:
    """Delete those of these jobs that can be, with their history.

    Their output goes first, in bounded pieces: of a job that has too much of it for one slice, and of those behind
    it, the rest is left.
    """
    weighed = yield from weigh(seqs, decide)
    able = [job.seq for job, _ in weighed.able]
    unclear = yield from _clear(able)
    removable = able if unclear is None else [seq for seq in able if seq < unclear]
    yield Statement("remove", {"seqs": json.dumps(removable)})
    return Sliced(len(removable), weighed.refused, able[len(removable) :])


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
