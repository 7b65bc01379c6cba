"""What every test of the suite starts from."""

import asyncio
import os
from collections.abc import Callable, Mapping

import pytest
from hypothesis import settings

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
