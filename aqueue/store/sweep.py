"""A sweep: removing what may go and giving back its space, slice by slice, while the queue is used.

Each slice is a transaction of its own, whose size follows from how long those before it held the write lock; after
each, the lock is left to the others for a while. What to remove is looked for without the lock.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from aqueue.model.job import State
from aqueue.store import printed, pruning
from aqueue.store.protocol import Store
from aqueue.store.pruning import Expired
from aqueue.store.slices import Pace
from aqueue.store.statement import Ask

T = TypeVar("T")

FIRST_ROWS = 500
FIRST_PAGES = 64
"""How much goes into the first slice: a few milliseconds of work."""

SPARE_PAGES = 1024
"""Free pages that are worth keeping for new jobs while the queue is used.

With ever more of them, SQLite looks for each ever longer: so they are given back during a sweep and not after it.
"""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many jobs were removed, and by how many bytes the file has become smaller."""

    jobs: int
    freed: int


async def by_hand(store: Store, before: Mapping[State, float], output_total: int | None) -> Pruned:
    """Sweep because somebody asked for it, whoever else does, and give all back; None leaves the output alone."""
    sweep = Sweep(store, rest=1.0)
    with store.lobby.sweeping():
        removed = await sweep.remove(before)
        if output_total is not None:
            await sweep.drop_output(output_total)
        await sweep.give_back(0)
        await sweep.finish()
    return Pruned(removed, sweep.given_back)


class Sweep:
    """One sweep. `rest` is for how long the lock is left alone after a slice, as a multiple of what it took."""

    def __init__(self, store: Store, *, rest: float, on_foreign: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._rest = rest
        self._on_foreign = on_foreign
        self._rows = Pace(FIRST_ROWS, least=1)
        self._pages = Pace(FIRST_PAGES, least=1)
        self.given_back = 0
        """How many bytes the file has become smaller."""

    async def remove(self, before: Mapping[State, float]) -> int:
        """Remove the jobs of each state that finished by its moment, but not those that others wait for."""
        removed = 0
        for state, moment in before.items():
            while chosen := await self._store.read(partial(pruning.expired, state, moment, self._rows.size)):
                removed += await self._remove_some(chosen, state, moment)
                await self.give_back(SPARE_PAGES)
        return removed

    async def _remove_some(self, chosen: Sequence[Expired], state: State, before: float) -> int:
        size = self._rows.size
        seqs, rows = _first(chosen, size)
        if rows > size:
            _, held = await self._slice(partial(pruning.thin, seqs[0], state, before, size))
            self._rows.took(held)
            return 0
        removed, held = await self._slice(partial(pruning.remove, seqs, state, before))
        self._rows.took(held * size / rows)
        return removed

    async def drop_output(self, total: int) -> None:
        """Drop the oldest output of finished jobs until there are at most so many bytes of output in all."""
        more = await self._store.read(partial(printed.is_too_much, total))
        while more:
            more, _ = await self._slice(partial(printed.add, [], total))
            await self.give_back(SPARE_PAGES)

    async def give_back(self, spare: int) -> None:
        """Give the free pages back to the file system, but for so many."""
        while (pages := await self._store.read(pruning.pages)).can_shrink and pages.free > spare:
            size = self._pages.size
            count = min(size, pages.free - spare)
            _, held = await self._slice(partial(pruning.give_back, count))
            self._pages.took(held * size / count)
            self.given_back += count * pages.size

    async def finish(self) -> None:
        """Let the file become as small as it can be now."""
        if self.given_back:
            await self._store.checkpoint_when_large(0)

    async def _slice(self, ask: Ask[T]) -> tuple[T, float]:
        """What the verb returns, and for how long it held the lock."""
        turned = await self._store.turn([ask])
        if turned.foreign:
            self._on_foreign()
        (outcome,) = turned.outcomes
        await self._store.checkpoint_when_large()
        await asyncio.sleep(self._rest * turned.held)
        return outcome, turned.held


def _first(chosen: Sequence[Expired], most: int) -> tuple[list[int], int]:
    """The first of these jobs that are at most so many rows together, and how many; at least one of them."""
    seqs, rows = [chosen[0].seq], chosen[0].rows
    for one in chosen[1:]:
        if rows + one.rows > most:
            break
        seqs.append(one.seq)
        rows += one.rows
    return seqs, rows
