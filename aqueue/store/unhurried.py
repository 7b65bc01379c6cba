"""What was begun is brought to its end, whoever is cancelled meanwhile: a transaction, and the closing of a store.

A cancelled wait for a statement does not keep it from being done, so that nobody would know what became of it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")


class Unhurried(ABC):
    """A store that finishes what it has begun before it closes."""

    def __init__(self) -> None:
        self._begun: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def to_its_end(self, work: Awaitable[T]) -> T:
        """Do this even if nobody waits for it any more: `close` does."""
        task = asyncio.ensure_future(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Finish what was begun and close the connections, however often this is cancelled, or was just before."""
        closing, cancelled = asyncio.ensure_future(self._finish()), None
        while not closing.done():
            try:
                await asyncio.wait([closing])
            except asyncio.CancelledError as error:
                cancelled = error
        closing.result()
        if cancelled is not None:
            raise cancelled

    async def _finish(self) -> None:
        self._closing = True  # what waits for a lock or a server need not do so any more
        while self._begun:
            await asyncio.wait(self._begun)
        await self._disconnect()

    @abstractmethod
    async def _disconnect(self) -> None:
        """Close the connections."""
