"""The network of this machine, which some tests change and browsers mind: they stop loading what they load."""

import contextlib
import fcntl
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def network_stays() -> Iterator[None]:
    """No test changes the network until the end of the block."""
    yield from _locked(fcntl.LOCK_SH)


@contextlib.contextmanager
def network_changes() -> Iterator[None]:
    """Nobody who minds is there until the end of the block."""
    yield from _locked(fcntl.LOCK_EX)


def _locked(how: int) -> Iterator[None]:
    with Path(tempfile.gettempdir(), "aqueue-tests.network").open("w") as lock:
        fcntl.flock(lock, how)
        yield
