"""Opening the store that a path or the environment names."""

import os
from collections.abc import Mapping
from pathlib import Path

from aqueue.model.errors import InvalidInput, StoreUnavailable
from aqueue.store.place import POSTGRESQL, default_database, is_anywhere, is_shared
from aqueue.store.protocol import Store


def folder_of(url: str | None = None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of the queue at this path, or of the one that the environment names; None where it is not there yet.

    Nothing is made or opened.
    """
    where = default_database(environ) if url is None else url
    folder = Path(where).absolute().parent
    return folder if "://" not in where and folder.is_dir() else None


async def open_store(url: str | None = None, *, worker: bool = False, environ: Mapping[str, str] = os.environ) -> Store:
    """Open the queue at this path or address, or the one that the environment names; it is made on first use."""
    where = url_of(url, environ)
    if where.startswith(POSTGRESQL):
        return await _open_postgres(where, worker=worker)
    from aqueue.store.sqlite import open_sqlite

    return await open_sqlite(where, shared=is_shared(environ), anywhere=is_anywhere(environ), worker=worker)


def url_of(url: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """The path or address that is given, or the one that the environment names. Raises InvalidInput."""
    where = default_database(environ) if url is None else url
    if "://" in where and not where.startswith(POSTGRESQL):
        raise InvalidInput(
            f"{where.partition('://')[0]}://…: a queue is kept in a SQLite file, or in postgresql://USER@HOST/DATABASE"
        )
    return where


async def _open_postgres(url: str, *, worker: bool) -> Store:
    try:
        from aqueue.store.postgres.store import open_postgres
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise StoreUnavailable("for PostgreSQL a package is missing: pip install 'aqueue[postgres]'") from None
    return await open_postgres(url, worker=worker)
