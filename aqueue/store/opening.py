"""Opening the store that a path or the environment names."""

import os
from collections.abc import Mapping

from aqueue.model.errors import InvalidInput
from aqueue.store.place import default_database, is_shared
from aqueue.store.sqlite import SqliteStore, open_sqlite


async def open_store(
    url: str | None = None, *, worker: bool = False, environ: Mapping[str, str] = os.environ
) -> SqliteStore:
    """Open the queue at this path, or the one that the environment names; it is made on first use."""
    where = default_database(environ) if url is None else url
    if "://" in where:
        raise InvalidInput(f"{where}: this aqueue keeps its queue in a SQLite file; give a path")
    return await open_sqlite(where, shared=is_shared(environ), worker=worker)
