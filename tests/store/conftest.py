from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from aqueue.store import open_store
from aqueue.store.sqlite import SqliteStore

from .harness import Plain, plain


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = await open_store(str(database))
    yield store
    await store.close()


@pytest.fixture
async def other(store: SqliteStore) -> AsyncIterator[SqliteStore]:
    """A second store on the same file, as another process has it."""
    other = await open_store(store.url)
    yield other
    await other.close()


@pytest.fixture
def client(store: SqliteStore) -> Iterator[Plain]:
    """Any other program that writes plain SQL to the same file."""
    with plain(store.place.database) as client:
        yield client
