"""A cgroup (version 2) of a worker's own, where the system allows one: `cgroup.kill` then ends all that is in it.

The worker moves itself into a child of the cgroup that it was started in, and its runs are born there. That costs
nothing a job, and no orphan escapes from it. `cgroups(7)`; Documentation/admin-guide/cgroup-v2.rst in the kernel.
"""

import contextlib
import os
from pathlib import Path

from aqueue.engine import proc


class Cgroup:
    """The cgroup of this process, which is the worker and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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

    def leave(self) -> None:
        """Move back and remove the cgroup, unless something that was left behind on purpose lives in it."""
        with contextlib.suppress(OSError):
            _move(self.folder.parent)
        with contextlib.suppress(OSError):
            self.folder.rmdir()


async def kill(folder: Path) -> None:
    """End all that is in a cgroup, wait until it is gone, and remove the cgroup. Raises OSError in a shortage."""
    while pids := _members(folder):
        _write(folder / "cgroup.kill")
        await proc.end_of(pids[0])
    with contextlib.suppress(OSError):
        folder.rmdir()


def is_ours(folder: Path) -> bool:
    """Whether this process is in that cgroup, or in one below it."""
    current = _current()
    return current is not None and current.is_relative_to(folder)


def _members(folder: Path) -> list[int]:
    try:
        pids = [int(line) for line in (folder / "cgroup.procs").read_text().split()]
    except OSError as error:
        proc.raise_shortage(error)
        return []
    return [pid for pid in pids if proc.look_at(pid) is not None]


def _write(kill: Path) -> None:
    try:
        kill.write_text("1")
    except OSError as error:
        proc.raise_shortage(error)


def _move(folder: Path) -> None:
    (folder / "cgroup.procs").write_text(str(os.getpid()))


def _current() -> Path | None:
    """The folder of this process's cgroup, as it is mounted here."""
    try:
        entries = Path("/proc/self/cgroup").read_text().splitlines()
        mounts = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return None
    mount = next((fields[1] for fields in map(str.split, mounts) if fields[2] == "cgroup2"), None)
    path = next((entry[3:] for entry in entries if entry.startswith("0::")), None)
    if mount is None or path is None or "/.." in path:
        return None
    return Path(mount) / path.lstrip("/")
