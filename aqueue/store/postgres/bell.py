"""The doorbell of a queue on PostgreSQL: LISTEN and NOTIFY on a connection of its own.

A notification takes a lock of the whole server at its commit. So a worker, which commits all the time, does not notify
in its transactions: it rings after them, and for many of them once. When the ear has to connect anew, whoever listens
is told once: something may have happened meanwhile. A pool that shares connections between clients breaks LISTEN.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg

from aqueue.store.postgres.driving import own
from aqueue.store.postgres.explaining import LOST
from aqueue.store.postgres.link import Link

PAUSE = 0.02
"""Seconds between two rings of one worker: what has happened meanwhile is told by the second."""

ECHO_WITHIN = 3.0
"""Seconds in which a worker must hear itself ring, or it is taken for deaf."""

PROBE_EVERY = 20.0
"""Seconds after which somebody who waits, and is no worker, asks whether the server is still there."""

LOOK_EVERY = 1.0
"""Seconds between two looks of the deaf."""

AGAIN_AFTER = 1.0
"""Seconds until the ear listens again where the server refuses it."""


class Doorbell:
    """Rings for others, and hears their rings."""

    def __init__(self, link: Link, channel: str, own_pids: Callable[[], frozenset[int]], *, probes: bool) -> None:
        self._link = link
        self._channel = channel
        self._own_pids = own_pids
        self._probes = probes
        self._bells: dict[object, tuple[Callable[[], None], bool]] = {}
        self._ear: asyncio.Task[None] | None = None
        self._ringing: asyncio.Task[None] | None = None
        self._wanted = False
        self._echo = asyncio.Event()
        self.using = asyncio.Lock()
        """Who has it uses the connection."""

    @contextlib.contextmanager
    def hung_up(self, on_ring: Callable[[], None], *, deaf_to_own: bool = False) -> Iterator[None]:
        """Call `on_ring` in the running loop whenever somebody rings, and once when it is heard at all."""
        key = object()
        self._bells[key] = (on_ring, deaf_to_own)
        if self._ear is None:
            self._ear = asyncio.get_running_loop().create_task(self._listen(), name="ear")
        elif self._link.is_up:
            asyncio.get_running_loop().call_soon(on_ring)
        try:
            yield
        finally:
            del self._bells[key]

    def ring(self) -> None:
        """Tell everyone who waits that something has changed."""
        self._wanted = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.get_running_loop().create_task(self._ring(), name="ring")

    async def can_hear(self) -> bool:
        """Whether what is rung here is heard here: a pool in front of the server may be in the way."""
        self._echo.clear()
        self.ring()
        try:
            await asyncio.wait_for(self._echo.wait(), ECHO_WITHIN)
        except TimeoutError:
            return False
        return True

    async def look(self) -> None:
        """Tell everyone who listens here, every second, as if somebody had rung."""
        while True:
            self._tell(lambda _: True)
            await asyncio.sleep(LOOK_EVERY)

    async def close(self) -> None:
        """Ring what is still to be rung, and listen no more."""
        if self._ringing is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._ringing, AGAIN_AFTER)
        if self._ear is not None:
            self._ear.cancel()
            await asyncio.wait([self._ear])
            self._ear = None

    async def _ring(self) -> None:
        while self._wanted:
            self._wanted = False
            with contextlib.suppress(*LOST):  # then they see it with their next heartbeat
                async with self.using:
                    connection = await self._link.get()
                    await connection.fetch(own("ring").text)
            await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        while True:
            try:
                lost = asyncio.Event()
                async with self.using:
                    connection = await self._link.get()
                    connection.add_termination_listener(lambda _, lost=lost: lost.set())
                    await connection.add_listener(self._channel, self._hear)
                self._tell(lambda _: True)
                await self._until_lost(lost)
            except LOST:
                self._link.drop()
            except asyncpg.PostgresError:
                await asyncio.sleep(AGAIN_AFTER)

    async def _until_lost(self, lost: asyncio.Event) -> None:
        """Who has no heartbeat looks now and then whether the connection is still one: nobody else would tell."""
        while self._probes:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(lost.wait(), PROBE_EVERY)
                return
            async with self.using, asyncio.timeout(ECHO_WITHIN):
                connection = await self._link.get()
                await connection.execute("SELECT 1")
        await lost.wait()

    def _hear(self, _connection: Any, pid: int, _channel: str, _payload: object) -> None:
        self._echo.set()
        is_own = pid in self._own_pids()
        self._tell(lambda deaf_to_own: not (deaf_to_own and is_own))

    def _tell(self, wants: Callable[[bool], bool]) -> None:
        for on_ring, deaf_to_own in list(self._bells.values()):
            if wants(deaf_to_own):
                on_ring()
