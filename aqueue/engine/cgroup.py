"""A cgroup (version 2) of a worker's own, where the system allows one: `cgroup.kill` then ends all that is in it.

The worker moves itself into a child of the cgroup that it was started in, and its runs are born there. That costs
nothing a job, and no orphan escapes from it. `cgroups(7)`; Documentation/admin-guide/cgroup-v2.rst in the kernel.
"""

import contextlib
import os
from pathlib import Path

from aqueue.engine import proc
from aqueue.engine.hierarchy import memberships

CONTROLLER = "memory"
"""What is given to the parts of a cgroup that is divided."""

MOVES = 10
"""How often it is tried to move all processes, while some of them start others."""


class Cgroup:
    """The cgroup of this process, which is the worker and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._has_divided_above = False

    @classmethod
    def enter(cls, worker: str) -> "Cgroup | None":
        """Move this process into a new cgroup; None where that is not possible."""
        if (parent := _current()) is None:
            return None
        own = cls(parent / f"aqueue-{worker}")
        try:
            own.folder.mkdir()
            if not (own.folder / "cgroup.kill").exists():  # Linux 5.14 has it
                raise OSError
            _move(own.folder)
        except OSError:
            own.leave()
            return None
        return own

    @property
    def can_divide(self) -> bool:
        """Whether memory could be given to parts of it."""
        with contextlib.suppress(OSError):
            return CONTROLLER in (self.folder.parent / "cgroup.controllers").read_text().split()
        return False

    def divide(self) -> None:
        """Make it one that holds others, each with its own memory. Raises OSError.

        A cgroup has either processes or parts with a controller, so all that is in this one moves into a part first.
        Not done before it is needed: while its parent is divided, nothing else can be started in that.
        """
        if _is_divided(self.folder):
            return
        if not _is_divided(self.folder.parent):
            _write_control(self.folder.parent, f"+{CONTROLLER}")
            self._has_divided_above = True
        _move_all(self.folder, self._for_processes)
        _write_control(self.folder, f"+{CONTROLLER}")

    @property
    def _for_processes(self) -> Path:
        return self.folder / "worker"

    def leave(self) -> None:
        """Move back and remove the cgroup, unless something that was left behind on purpose lives in it."""
        with contextlib.suppress(OSError):
            if _is_divided(self.folder):
                _write_control(self.folder, f"-{CONTROLLER}")
            if self._has_divided_above:
                _write_control(self.folder.parent, f"-{CONTROLLER}")
        with contextlib.suppress(OSError):
            _move(self.folder.parent)
        forget(self.folder)


async def kill(folder: Path) -> None:
    """End all that is in a cgroup, wait until it is gone, and remove the cgroup. Raises OSError in a shortage."""
    while pids := _members(folder):
        _write(folder / "cgroup.kill")
        await proc.end_of(pids[0])
    forget(folder)


def is_ours(folder: Path) -> bool:
    """Whether this process is in that cgroup, or in one below it."""
    current = _current()
    return current is not None and current.is_relative_to(folder)


def _members(folder: Path) -> list[int]:
    try:
        parts = [folder, *filter(Path.is_dir, folder.iterdir())]
        pids = [int(line) for part in parts for line in (part / "cgroup.procs").read_text().split()]
    except OSError as error:
        proc.raise_shortage(error)
        return []
    return [pid for pid in pids if proc.look_at(pid) is not None]


def forget(folder: Path) -> None:
    """Remove a cgroup with its parts, as far as nothing is in them."""
    with contextlib.suppress(OSError):
        for part in filter(Path.is_dir, folder.iterdir()):
            with contextlib.suppress(OSError):
                part.rmdir()
        folder.rmdir()


def _is_divided(folder: Path) -> bool:
    return CONTROLLER in (folder / "cgroup.subtree_control").read_text().split()


def _write_control(folder: Path, what: str) -> None:
    (folder / "cgroup.subtree_control").write_text(what)


def _move_all(folder: Path, into: Path) -> None:
    into.mkdir(exist_ok=True)
    for _ in range(MOVES):
        pids = (folder / "cgroup.procs").read_text().split()
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                (into / "cgroup.procs").write_text(pid)


def _write(kill: Path) -> None:
    try:
        kill.write_text("1")
    except OSError as error:
        proc.raise_shortage(error)


def _move(folder: Path) -> None:
    (folder / "cgroup.procs").write_text(str(os.getpid()))


def _current() -> Path | None:
    """The folder of this process's cgroup, as it is mounted here."""
    found = (one for one in memberships("") if one.version == 2 and one.is_exact)
    return next((membership.folder for membership in found), None)
