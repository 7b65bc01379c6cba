from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from aqueue.store.protocol import Store

from .harness import Plain, opened, plain


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    async with opened(database) as store:
        yield store


@pytest.fixture
async def other(store: Store) -> AsyncIterator[Store]:
    """A second store on the same file, as another process has it."""
    async with opened(store.place.database) as other:
        yield other


@pytest.fixture
def client(store: Store) -> Iterator[Plain]:
    """Any other program that writes plain SQL to the same file."""
    with plain(store.place.database) as client:
        yield client
