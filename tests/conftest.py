"""What every test of the suite starts from."""

import os

import pytest
from hypothesis import settings

settings.register_profile("suite", parent=settings(), deadline=None, database=None)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the caller has configured decides what a test sees."""
    for name in os.environ:
        if name.startswith("AQUEUE_"):
            monkeypatch.delenv(name)
