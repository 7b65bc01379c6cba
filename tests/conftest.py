"""What every test of the suite starts from."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from faults.harness import Gate
from hypothesis import settings
from server import NOBODY

from aqueue.engine.loop import Loop

settings.register_profile("suite", deadline=None, database=None, max_examples=50)
settings.register_profile("thorough", deadline=None, database=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the caller has configured decides what a test sees."""
    for name in os.environ:
        if name.startswith("AQUEUE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture
def folder_of_nobody() -> Iterator[Path]:
    """A folder of somebody who has no rights."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test may run a worker in its own loop."""
    return {"loop": Loop}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long` runs also what takes long."""
    parser.addoption("--long", action="store_true", help="also the tests that take many seconds each")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long ones out where they were not asked for, by the option or by their names."""
    if config.getoption("long") or any("::" in word for word in config.args):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]
