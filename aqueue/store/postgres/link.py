"""A connection that is made anew when it was lost, after ever longer waits that differ from process to process."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping

import asyncpg

from aqueue.model.errors import StoreError
from aqueue.store.postgres.address import Address
from aqueue.store.postgres.driving import Connection
from aqueue.store.postgres.explaining import LOST, pooled

FIRST_WAIT = 0.05
LONGEST_WAIT = 5.0
"""Seconds between two tries to connect, about: everybody waits a little differently, so that not all come at once."""

ANSWER_WITHIN = 10.0
"""Seconds in which a server must have taken a connection."""

SETTINGS: Mapping[str, str] = {
    "application_name": "aqueue",
    "aqueue.quiet": "on",  # we ring ourselves
    # What waits in a transaction has lost its way: it must not hold what others need.
    "idle_in_transaction_session_timeout": "10s",
    # The tables grow from nothing to millions faster than statistics follow, and there is an index for every search.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
}

Prepare = Callable[[Connection], Awaitable[None]]


async def connect(address: Address, more: Mapping[str, str], answer_within: float | None = None) -> Connection:
    """A new connection, whose names are those of the queue's schema. Raises what the driver raises, and StoreError."""
    settings = {**SETTINGS, "search_path": f'"{address.schema}",pg_temp', **more}
    try:
        return await asyncpg.connect(
            address.dsn,
            server_settings=settings,
            timeout=ANSWER_WITHIN,
            statement_cache_size=500,
            command_timeout=answer_within,
        )
    except asyncpg.ProtocolViolationError as error:
        if "startup parameter" in str(error):  # PgBouncer
            raise pooled(address.title) from error
        raise


class Reached:
    """How often a store has reached its server, by whichever connection: after that, none of the others has to wait."""

    def __init__(self) -> None:
        self.times = 0
        self._news = asyncio.Event()

    def once_more(self) -> None:
        """It was reached."""
        self.times += 1
        self._news.set()
        self._news.clear()

    async def since(self, times: int) -> None:
        """Wait until it was reached more often than that."""
        if self.times == times:
            await self._news.wait()


class Link:
    """One connection, as long as it lives, and the next when it does not."""

    def __init__(self, address: Address, reached: Reached, prepare: Prepare | None = None, **more: str) -> None:
        self._address = address
        self._reached = reached
        self._prepare = prepare
        self._more = more
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()
        self._failures = 0
        self._tried_after = 0
        self._closed = False
        self.longest_wait = LONGEST_WAIT
        """Seconds between two tries, at most."""
        self.answer_within: float | None = None
        """Seconds for which an answer is waited for."""

    @property
    def is_up(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._connection is not None and not self._connection.is_closed()

    @property
    def pid(self) -> int | None:
        """The process of the server that serves it."""
        return self._connection.get_server_pid() if self._connection is not None and self.is_up else None

    async def get(self) -> Connection:
        """The connection; one try to make it if there is none. Raises what the driver raises, and StoreError."""
        if self.is_up:
            assert self._connection is not None
            return self._connection
        async with self._opening:
            if self._closed:
                raise StoreError(f"{self._address.title} is not open")
            if not self.is_up:
                await self._wait()
                self._connection = await self._made()
        assert self._connection is not None
        return self._connection

    async def _wait(self) -> None:
        if self._failures:
            longest = min(self.longest_wait, FIRST_WAIT * 2.0**self._failures)
            wait = longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads the tries, guards nothing
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._reached.since(self._tried_after)

    async def _made(self) -> Connection:
        self._tried_after = self._reached.times
        try:
            made = await connect(self._address, self._more, self.answer_within)
            try:
                if self._prepare is not None:
                    await self._prepare(made)
            except BaseException:
                made.terminate()
                raise
        except LOST:
            self._failures = min(self._failures + 1, 10)
            raise
        self._failures = 0
        self._reached.once_more()
        return made

    def drop(self) -> None:
        """Take the connection for lost: what waits for its answer fails."""
        if self._connection is not None and not self._connection.is_closed():
            self._connection.terminate()
        self._connection = None

    async def close(self) -> None:
        """Close the connection, and make none any more."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            with contextlib.suppress(*LOST):
                await connection.close(timeout=2)
