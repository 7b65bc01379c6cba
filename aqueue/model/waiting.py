"""Whether a wait can end by itself: a job that is held, and what cannot run before it, waits for a person."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from aqueue.model.dependencies import Parent
from aqueue.model.job import State


@dataclass(frozen=True, slots=True)
class Wait:
    """A blocked job, by its seq, and a parent of it that has not ended."""

    child: int
    parent: Parent


def held_above(seqs: Iterable[int], waits: Sequence[Wait]) -> tuple[int, Parent] | None:
    """One of these blocked jobs, by seq, that cannot end before a person does something, and a held job that keeps it.

    ``waits`` are all that are above them. A blocked job ends when all its parents have ended, or when one that must
    complete ends badly. So there is hope while none of them is stuck itself, or while one of the latter is not.
    """
    stuck = _stuck(waits)
    for seq in seqs:
        if seq in stuck and (held := _first_held(seq, waits, stuck)) is not None:
            return seq, held
    return None


def _stuck(waits: Sequence[Wait]) -> set[int]:
    """What is left of the jobs when those are taken away that can end by themselves, and those that can by that."""
    below = _by_parent(waits)
    open_parents = Counter(wait.child for wait in waits)
    stuck = {wait.child for wait in waits} | below.keys()
    left = [seq for seq, (wait, *_) in below.items() if not _is_stuck(wait.parent)]
    while left:
        seq = left.pop()
        if seq in stuck:
            stuck.remove(seq)
            for wait in below.get(seq, ()):
                open_parents[wait.child] -= 1
                if not wait.parent.on_any or not open_parents[wait.child]:
                    left.append(wait.child)
    return stuck


def _first_held(seq: int, waits: Sequence[Wait], stuck: Collection[int]) -> Parent | None:
    above: dict[int, list[Parent]] = {}
    for wait in waits:
        above.setdefault(wait.child, []).append(wait.parent)
    left, met = [seq], {seq}
    while left:
        for parent in above.get(left.pop(), ()):
            if _is_held(parent):
                return parent
            if parent.seq in stuck and parent.seq not in met:
                met.add(parent.seq)
                left.append(parent.seq)
    return None


def _by_parent(waits: Sequence[Wait]) -> Mapping[int, Sequence[Wait]]:
    below: dict[int, list[Wait]] = {}
    for wait in waits:
        below.setdefault(wait.parent.seq, []).append(wait)
    return below


def _is_stuck(job: Parent) -> bool:
    """Whether it does not end by itself, as far as one sees without looking at its own parents."""
    return job.state is State.BLOCKED or _is_held(job)


def _is_held(job: Parent) -> bool:
    return job.held and job.state is State.SCHEDULED
