"""The schema of a queue on PostgreSQL: is it ours, is it new enough, and bringing it up to date.

Many may open a new queue at once: an advisory lock lets one of them make it.
"""

from pathlib import Path

from aqueue.model.errors import NewerSchema, NotAQueue, StoreUnavailable
from aqueue.store.postgres.driving import Connection
from aqueue.store.postgres.explaining import pooled

MIGRATIONS = sorted((Path(__file__).parent / "migrations").glob("*.sql"))
NEWEST = len(MIGRATIONS)
OLDEST_SERVER = 140000

_TABLES = """
SELECT ARRAY(SELECT tablename::text FROM pg_catalog.pg_tables WHERE schemaname = $1) AS tables,
    current_setting('aqueue.quiet', true) AS quiet
"""
_IS_THERE = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1)"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('aqueue schema ' || $1, 0))"
# Events are numbered from the number of their transaction on. Where the queue came from another server, whose
# transactions have higher numbers, those of this one are told as if they were higher still.
LIFT = """
UPDATE aqueue_meta SET xid_offset = known.newest - pg_snapshot_xmin(pg_current_snapshot())::text::bigint + 1
FROM (SELECT max(event) >> 22 AS newest FROM aqueue_events) AS known
WHERE known.newest >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint + xid_offset
"""


async def prepare(connection: Connection, schema: str, title: str) -> None:
    """Make the schema a queue of the newest version. Raises NotAQueue, NewerSchema, StoreUnavailable."""
    version = connection.get_server_version()
    if version.major * 10000 < OLDEST_SERVER:
        raise StoreUnavailable(f"PostgreSQL {version.major} is too old; 14 or later is needed")
    if await _checked_version(connection, schema, title) != NEWEST:
        async with connection.transaction():
            await connection.execute(_LOCK, schema)
            await _migrate(connection, schema, title)
    await connection.execute(LIFT)


async def _migrate(connection: Connection, schema: str, title: str) -> None:
    # Looked at again: another process may have done it while this one waited for the lock.
    version = await _checked_version(connection, schema, title)
    if version is None:
        # Not IF NOT EXISTS: who owns the schema need not be allowed to make others in the database.
        if not await connection.fetchval(_IS_THERE, schema):
            await connection.execute(f'CREATE SCHEMA "{schema}"')
        await connection.execute("CREATE TABLE aqueue_schema (version bigint PRIMARY KEY)")
    for number, migration in enumerate(MIGRATIONS[version or 0 :], start=(version or 0) + 1):
        await connection.execute(migration.read_text(encoding="utf-8"))
        await connection.execute("INSERT INTO aqueue_schema (version) VALUES ($1)", number)


async def _checked_version(connection: Connection, schema: str, title: str) -> int | None:
    """The version of the schema; None for one that may become a queue."""
    found = await connection.fetchrow(_TABLES, schema)
    assert found is not None
    if found["quiet"] != "on":  # nor would our names be found in our schema
        raise pooled(title)
    tables = set(found["tables"])
    if "aqueue_schema" not in tables:
        for name in sorted(tables):
            if name == "jobs" or name.startswith("aqueue_"):
                raise NotAQueue(f"{title} has a table {schema}.{name} that aqueue did not make; use another schema")
        return None
    version: int = await connection.fetchval("SELECT coalesce(max(version), 0) FROM aqueue_schema")
    if version > NEWEST:
        raise NewerSchema(
            f"{title} was written by a newer aqueue (schema {version}, this one knows {NEWEST}); update aqueue"
        )
    return version
