from collections.abc import Sequence
from pathlib import Path

import pytest
from faults.harness import Gate

from .harness import container, need_containers


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture
def inside() -> Sequence[str]:
    """How to run a command as the first process of a container."""
    need_containers()
    return container()
