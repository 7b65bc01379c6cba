from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from server import server

from aqueue.store.protocol import Store

from .harness import Plain, opened, plain

KINDS = ("sqlite", "postgres")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that opens a queue runs on each store, but for those that look into a file."""
    if "kind" in metafunc.fixturenames:
        kinds = KINDS[:1] if metafunc.definition.get_closest_marker("sqlite") else KINDS
        metafunc.parametrize("kind", kinds)


@pytest.fixture
def database(kind: str, tmp_path: Path) -> Path | str:
    return tmp_path / "queue.db" if kind == "sqlite" else server().url(schema=server().schema())


@pytest.fixture
async def store(database: Path | str) -> AsyncIterator[Store]:
    async with opened(database) as store:
        yield store


@pytest.fixture
async def other(store: Store) -> AsyncIterator[Store]:
    """A second store on the same queue, as another process has it."""
    async with opened(store.url) as other:
        yield other


@pytest.fixture
def client(store: Store) -> Iterator[Plain]:
    """Any other program that writes plain SQL to the same queue."""
    with plain(store.url) as client:
        yield client
