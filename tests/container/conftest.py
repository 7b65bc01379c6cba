from collections.abc import Sequence

import pytest

from .harness import container, need_containers


@pytest.fixture
def inside() -> Sequence[str]:
    """How to run a command as the first process of a container."""
    need_containers()
    return container()
