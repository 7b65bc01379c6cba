"""Where the cgroups of this process are mounted, in both versions, also seen from within a container.

`cgroups(7)`, "/proc files"; `proc_pid_mountinfo(5)`. A path in /proc/self/cgroup is meant from the top of a hierarchy,
of which a container often sees a part only: what the mount shows is told by the mount.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
V1, V2 = "cgroup", "cgroup2"

_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Membership:
    """The cgroup of this process in one hierarchy.

    `is_exact` is whether it is this folder itself; else it lies above what is mounted here, or outside of it, and the
    folder is the nearest that can be seen.
    """

    version: int
    folder: Path
    top: Path
    is_exact: bool

    def upwards(self) -> Iterator[Path]:
        """The folder and all above it that can be seen: what any of them limits is limited."""
        yield self.folder
        for above in self.folder.parents:
            if not above.is_relative_to(self.top):
                return
            yield above


def memberships(controller: str, root: Path = ROOT) -> Sequence[Membership]:
    """The cgroups that may limit this process by this controller: of version 2, of version 1, or of both.

    `root` is where /proc and the mounts are. Empty where there are none, or they cannot be read.
    """
    try:
        entries = [_entry(line) for line in (root / "proc/self/cgroup").read_text().splitlines()]
        mounts = [_Mount.parse(line) for line in (root / "proc/self/mountinfo").read_text().splitlines()]
    except (OSError, ValueError):
        return []
    found = []
    for number, controllers, path in entries:
        is_v2 = number == "0" and not controllers
        if is_v2 or controller in controllers.split(","):
            mount = next((one for one in mounts if one.holds(None if is_v2 else controller)), None)
            if mount is not None:
                found.append(mount.membership(path, root))
    return found


def _entry(line: str) -> tuple[str, str, str]:
    number, controllers, path = line.split(":", 2)
    return number, controllers, path


@dataclass(frozen=True, slots=True)
class _Mount:
    shown: str
    """The part of the hierarchy that is mounted."""
    point: str
    kind: str
    options: Sequence[str]

    @classmethod
    def parse(cls, line: str) -> "_Mount":
        before, _, after = line.partition(" - ")
        shown, point = before.split()[3:5]
        kind, _, options = after.split(maxsplit=2)
        return cls(_unescaped(shown), _unescaped(point), kind, options.split(","))

    def holds(self, controller: str | None) -> bool:
        """Whether it is the hierarchy of version 2, or that of version 1 with this controller."""
        return self.kind == V2 if controller is None else self.kind == V1 and controller in self.options

    def membership(self, path: str, root: Path) -> Membership:
        top = root / self.point.lstrip("/")
        shown = self.shown.rstrip("/")
        is_exact = (path == shown or path.startswith(f"{shown}/")) and "/.." not in path
        folder = top / path[len(shown) :].lstrip("/") if is_exact else top
        return Membership(2 if self.kind == V2 else 1, folder, top, is_exact)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda code: chr(int(code[1], 8)), text)
