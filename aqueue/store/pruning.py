"""The verbs of pruning: which finished jobs may go, removing them a slice at a time, and giving back their pages.

A slice is measured in rows: those of a job, of its runs and of its events, and 256 bytes of output are as much work as
one of them. What belongs to one job can be more than a slice may hold: then it loses its output and its history first,
the oldest first, in slices of their own.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aqueue.model.job import State
from aqueue.store import printed
from aqueue.store.statement import Statement, Verb

ROWS_OF_A_PIECE = 257
"""What a piece of output of the usual 64 KiB comes to."""

FEWEST_ROWS = 3
"""What there is at least of a finished job: itself, and that it came and went."""

_NOBODY_WAITS = ("where_nobody_waits",)


@dataclass(frozen=True, slots=True)
class Expired:
    """A job that may go, and how many rows there are of it, counted up to where that is known to be too many."""

    seq: int
    rows: int


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of the file: how many in all, how many of them are free, and the bytes of one."""

    pages: int
    free: int
    size: int
    can_shrink: bool
    """Whether free ones can be given back: not in a file that an application made without `auto_vacuum`."""


def oldest(states: Iterable[State]) -> Verb[Mapping[State, float]]:
    """When the first job of each of these states finished that is still there and for which no other waits."""
    found = {}
    for state in states:
        for row in (yield Statement("oldest_finished", {"state": state}, _NOBODY_WAITS)):
            found[state] = row["finished_at"]
    return found


def expired(state: State, before: float, most: int) -> Verb[Sequence[Expired]]:
    """The first jobs of a state that finished by then and for which no other waits, enough for a slice of `most` rows.

    That is more than one slice holds, unless it is all of them.
    """
    parameters = {"state": state, "before": before, "most": most, "jobs": most // FEWEST_ROWS + 1}
    rows = yield Statement("expired", parameters, _NOBODY_WAITS)
    return [Expired(row["seq"], row["rows"]) for row in rows]


def count(before: Mapping[State, float]) -> Verb[int]:
    """How many jobs of each state that finished by its moment could go."""
    total = 0
    for state, moment in before.items():
        (row,) = yield Statement("count_expired", {"state": state, "before": moment}, _NOBODY_WAITS)
        total += row["n"]
    return total


def remove(seqs: Sequence[int], state: State, before: float) -> Verb[int]:
    """Remove those of these jobs that still may go, with all that belongs to them; returns how many that were."""
    parameters = {"seqs": json.dumps(seqs), "state": state, "before": before}
    rows = yield Statement("remove_expired", parameters, _NOBODY_WAITS)
    return len(rows)


def thin(seq: int, state: State, before: float, most: int) -> Verb[None]:
    """Remove about `most` rows of what belongs to a job that may go, the oldest first."""
    parameters = {"seq": seq, "state": state, "before": before}
    if (yield Statement("is_expired", parameters, _NOBODY_WAITS)):
        yield Statement("thin_output", {"seq": seq, "most": max(1, most // 3 // ROWS_OF_A_PIECE)})
        yield Statement("thin_events", {"seq": seq, "most": max(1, most // 3)})
        yield Statement("thin_runs", {"seq": seq, "most": max(1, most // 3)})


def pages() -> Verb[Pages]:
    """The pages of the file."""
    (row,) = yield Statement("pages")
    return Pages(row["pages"], row["free"], row["size"], bool(row["can_shrink"]))


def is_surplus(output_total: int, spare: int) -> Verb[bool]:
    """Whether there is more output in all than this, or there are more free pages that can be given back."""
    if (yield from printed.is_too_much(output_total)):
        return True
    found = yield from pages()
    return found.can_shrink and found.free > spare


def give_back(count: int) -> Verb[None]:
    """Give so many free pages back to the file system, which they are when the -wal comes home."""
    for _ in range(count):
        yield Statement("give_back_a_page")
