from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import Disk, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as made:
        yield made
