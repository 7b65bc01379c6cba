"""Named pipes: a job says through one that it runs, and waits at one until it may go on."""

import contextlib
import os
import select
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Impossible

PATIENCE = 120.0
"""Seconds until what nobody says is given up."""


class Pipe:
    """A named pipe that is held open on both ends, so that nobody who opens it waits for another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    @property
    def saying(self) -> str:
        """A command of the shell that says something. It needs no further process."""
        return f"echo >{shlex.quote(str(self.path))}"

    @property
    def waiting(self) -> str:
        """A command of the shell that waits for `let_go`."""
        return f"read _ <{shlex.quote(str(self.path))}"

    def heard(self) -> float:
        """When the next job says something: the time of `perf_counter`. Raises Impossible after PATIENCE."""
        if not select.select([self._descriptor], [], [], PATIENCE)[0]:
            raise Impossible(f"no job has said anything for {PATIENCE:g} s")
        os.read(self._descriptor, 1)
        return time.perf_counter()

    def let_go(self) -> float:
        """Let the one that waits go on; the time of `perf_counter` just before."""
        begun = time.perf_counter()
        os.write(self._descriptor, b"\n")
        return begun

    @staticmethod
    def now() -> float:
        """The time of the clock by which `heard` tells it."""
        return time.perf_counter()

    def line(self) -> str:
        """What the next job says, a line. Raises Impossible after PATIENCE."""
        said = b""
        while not said.endswith(b"\n"):
            if not select.select([self._descriptor], [], [], PATIENCE)[0]:
                raise Impossible(f"no job has said anything for {PATIENCE:g} s")
            said += os.read(self._descriptor, 1)
        return said.decode().strip()

    def close(self) -> None:
        """Take it away."""
        os.close(self._descriptor)
        self.path.unlink()


@contextlib.contextmanager
def pipe(folder: Path, name: str) -> Iterator[Pipe]:
    """A named pipe in this folder, for the block."""
    made = Pipe(folder / name)
    try:
        yield made
    finally:
        made.close()
