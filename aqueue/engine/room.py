"""A room for a run: a cgroup of its own, which holds the memory that all of its processes have together.

An address-space limit would be had everywhere, and would break every JVM, Go and Node, which reserve far more than they
use. So where the worker may make no cgroup for the run, the run is refused. Its shell moves itself into the room before
it becomes the command's: whatever the command starts is born there, and cannot leave.
"""

import contextlib
import shlex
from pathlib import Path

from aqueue.engine import proc
from aqueue.engine.cgroup import Cgroup
from aqueue.engine.hierarchy import ROOT, memberships
from aqueue.engine.oom import EVENTS, kills_in
from aqueue.engine.unable import Unable

LIMITS = {
    1: ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    2: ("memory.max", "memory.swap.max"),
}
"""What holds the memory in the versions of cgroups, and then what keeps it from being had as swap instead."""


class Room:
    """The cgroup of one run."""

    def __init__(self, folder: Path, version: int) -> None:
        self._folder = folder
        self._version = version
        self.is_counted_above = version == 2
        """Whether what is killed in here is counted by the cgroups above, too."""

    def inside(self, command: str) -> str:
        """A command that runs this one in here."""
        enter = shlex.quote(str(self._folder / "cgroup.procs"))
        return f"echo 0 > {enter} && exec /bin/sh -c {shlex.quote(command)}"

    @property
    def killed(self) -> int:
        """How many processes the kernel had to kill in here."""
        return kills_in(self._folder / EVENTS[self._version]) or 0

    def furnish(self, memory: int) -> None:
        """Let all in here have so many bytes together. Raises OSError."""
        limit, swap = LIMITS[self._version]
        (self._folder / limit).write_text(str(memory))
        with contextlib.suppress(OSError):  # not every kernel counts swap
            (self._folder / swap).write_text("0" if self._version == 2 else str(memory))
        if (whole := self._folder / "memory.oom.group").exists():  # the run, and not a part that its shell waits for
            whole.write_text("1")

    def close(self) -> None:
        """Remove it, unless something was left in it on purpose."""
        with contextlib.suppress(OSError):
            self._folder.rmdir()


class Rooms:
    """Makes the rooms of a worker."""

    def __init__(self, worker: str, own: Cgroup | None, root: Path = ROOT) -> None:
        self._worker = worker
        self._own = own
        self._root = root
        self._made: Path | None = None

    def make(self, name: str, memory: int) -> Room:
        """A room in which so many bytes may be had. Raises Unable where there can be none, OSError in a shortage."""
        try:
            return self._make(name, memory)
        except OSError as error:
            proc.raise_shortage(error)
            raise Unable(
                "a limit of memory takes a cgroup with the memory controller that this worker may divide "
                f"({error.strerror or error})"
            ) from error

    def _make(self, name: str, memory: int) -> Room:
        above, version = self._above()
        room = Room(above / name, version)
        (above / name).mkdir(exist_ok=True)
        try:
            room.furnish(memory)
        except OSError:
            room.close()
            raise
        return room

    def _above(self) -> tuple[Path, int]:
        """The cgroup in which rooms can be made, and its version. Raises OSError."""
        if self._own is not None and self._own.can_divide:
            self._own.divide()
            return self._own.folder, 2
        if (above := _first_version(self._worker, self._root)) is None:
            raise OSError("the one that it is in has no such controller")
        above.mkdir(exist_ok=True)
        self._made = above
        return above, 1

    def close(self) -> None:
        """Remove what the rooms were made in."""
        if self._made is not None:
            _remove(self._made)


def forget(worker: str, root: Path = ROOT) -> None:
    """Remove the rooms of a worker that has died; nothing runs in them any more."""
    if (above := _first_version(worker, root)) is not None:
        _remove(above)


def _first_version(worker: str, root: Path) -> Path | None:
    found = (one for one in memberships("memory", root) if one.version == 1 and one.is_exact)
    return next((membership.folder / f"aqueue-{worker}" for membership in found), None)


def _remove(above: Path) -> None:
    with contextlib.suppress(OSError):
        for room in filter(Path.is_dir, above.iterdir()):
            with contextlib.suppress(OSError):
                room.rmdir()
        above.rmdir()
