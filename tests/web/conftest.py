from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .harness import TOKEN, Served, serving


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """With a token, which the client sends."""
    async with serving(tmp_path, TOKEN) as served:
        yield served


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[Served]:
    """With a token, which the client does not send."""
    async with serving(tmp_path, TOKEN, headers={}) as served:
        yield served


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[Served]:
    """Without a token."""
    async with serving(tmp_path) as served:
        yield served
