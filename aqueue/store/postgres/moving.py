"""Moving a queue to a server and from it: see `aqueue.store.moving`."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg

from aqueue.model.errors import InvalidInput
from aqueue.store.moving import ROWS_AT_ONCE, TABLES, Row
from aqueue.store.postgres.address import Address
from aqueue.store.postgres.driving import Connection, holdable
from aqueue.store.postgres.explaining import LOST, explanation
from aqueue.store.postgres.link import connect
from aqueue.store.postgres.schema import LIFT
from aqueue.store.protocol import PATIENCE

VIEWS = frozenset({"aqueue_minutes"})
"""What is no table here, though it can be filled as one."""

OWN = frozenset({"awaited"})
"""Columns that follow from other tables."""

_COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position
"""
_FOLLOWS = (
    "INSERT INTO aqueue_count_changes (queue, state, n) SELECT queue, state, count(*) FROM jobs GROUP BY queue, state",
    "INSERT INTO aqueue_output_changes (bytes) SELECT sum(length(data)) FROM aqueue_output HAVING count(*) > 0",
    "UPDATE jobs SET awaited = 1 WHERE seq IN (SELECT parent FROM aqueue_dependencies)",
    LIFT,
)


class Server:
    """A queue on a server, in a transaction that nobody else can write beside."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def columns(self, table: str) -> Sequence[str]:
        """The columns of a table that have to be moved."""
        found = [row["column_name"] for row in await self._connection.fetch(_COLUMNS, table)]
        return [column for column in found if column not in OWN]

    async def rows(self, table: str, columns: Sequence[str]) -> AsyncIterator[Sequence[Row]]:
        """The rows of a table, some at a time."""
        select = f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2"  # noqa: S608 - names of ours
        some: list[Row] = []
        async for row in self._connection.cursor(select, prefetch=ROWS_AT_ONCE):
            some.append(tuple(row))
            if len(some) == ROWS_AT_ONCE:
                yield some
                some = []
        if some:
            yield some

    async def last_seq(self) -> int:
        """The highest number that was ever given to a job."""
        name = await self._connection.fetchval("SELECT pg_get_serial_sequence('jobs', 'seq')")
        told: int = await self._connection.fetchval(f"SELECT last_value - (NOT is_called)::int FROM {name}")  # noqa: S608
        return told

    async def is_empty(self) -> bool:
        """Whether nothing is in it and nothing was said of it."""
        texts = (f"SELECT 1 FROM {table} LIMIT 1" for table in TABLES)  # noqa: S608 - names of ours
        return not any([await self._connection.fetchval(text) for text in texts])

    async def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Put rows into a table."""
        records = [tuple(map(holdable, row)) for row in rows]
        await self._connection.copy_records_to_table(table, records=records, columns=list(columns))

    async def finish(self, last_seq: int) -> None:
        """Reckon what follows from the rows."""
        for statement in _FOLLOWS:
            await self._connection.execute(statement)
        await self._connection.execute(f"ALTER TABLE jobs ALTER COLUMN seq RESTART WITH {last_seq + 1}")
        await self.triggers("ENABLE")

    async def triggers(self, how: str) -> None:
        """They are for what happens, and this has happened."""
        for table in TABLES:
            if table in VIEWS:  # that which fills it is a trigger, too
                continue
            await self._connection.execute(f"ALTER TABLE {table} {how} TRIGGER USER")


@contextlib.asynccontextmanager
async def reading(url: str, *, still: bool) -> AsyncIterator[Server]:
    """The queue at this address, for reading; when it is to be still, nobody else may write meanwhile."""
    async with _transaction(url, still=still) as connection:
        yield Server(connection)


@contextlib.asynccontextmanager
async def writing(url: str) -> AsyncIterator[Server]:
    """The queue at this address, for writing."""
    async with _transaction(url, still=True) as connection:
        server = Server(connection)
        await server.triggers("DISABLE")
        yield server


@contextlib.asynccontextmanager
async def _transaction(url: str, *, still: bool) -> AsyncIterator[Connection]:
    address = Address.parse(url)
    try:
        more: dict[str, Any] = {
            "idle_in_transaction_session_timeout": "0",
            "enable_hashjoin": "on",
            "lock_timeout": str(round(PATIENCE * 1000)),
        }
        connection = await connect(address, more)
        try:
            async with connection.transaction(isolation="repeatable_read"):
                if still:  # before anything is read: from then on nothing changes
                    await connection.execute(f"LOCK TABLE {', '.join(TABLES)} IN SHARE ROW EXCLUSIVE MODE")
                yield connection
        finally:
            connection.terminate() if connection.is_closed() else await connection.close()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"a text of the queue is not valid UTF-8: {error.object!r:.80}") from error
    except (*LOST, asyncpg.PostgresError) as error:
        raise explanation(error, address.title) from error
