"""The kernel's OOM killer: that it takes a run before it takes the worker, and that it is told what it has taken."""

import contextlib
import os
import time
from pathlib import Path

from aqueue.engine.hierarchy import ROOT, memberships

HIGHER = 200
"""By how much a run is likelier to be killed than the worker: it counts as if it took so many thousandths of the
memory more. The same that systemd has for the programs of a session beside its own."""

MOST = 1000
"""The highest oom_score_adj."""

FRESH = 1.0
"""Seconds for which a count that was read need not be read again for the next run."""


class Score:
    """The `oom_score_adj` of this process: raised for the moment in which a child inherits it. `proc(5)`.

    A process may always raise its own, and lower it again to what it was started with. Two writes to a file that is
    open take 2.5 µs; to write that of each child takes 5, and comes when it may have children itself.
    """

    def __init__(self, file: int, own: int) -> None:
        self._file = file
        self._own = b"%d" % own
        self._high = b"%d" % min(MOST, own + HIGHER)

    @classmethod
    def of_this_process(cls) -> "Score | None":
        """None where it cannot be raised and lowered."""
        try:
            file = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            score = cls(file, int(os.read(file, 32)))
            os.write(file, score._high)
            os.write(file, score._own)
        except (OSError, ValueError):
            os.close(file)
            return None
        return score

    def raise_(self) -> None:
        """What is started now is killed before this process."""
        _write(self._file, self._high)

    def lower(self) -> None:
        """Back to what it was."""
        _write(self._file, self._own)

    def close(self) -> None:
        """Raise it no more."""
        os.close(self._file)


def _write(file: int, score: bytes) -> None:
    try:  # noqa: SIM105 - for each start
        os.write(file, score)
    except OSError:  # then it is as likely to be killed as the worker
        pass


class Kills:
    """How many processes of a cgroup the kernel has killed for want of memory, and which runs that accounts for.

    The kernel counts, it does not name. So a run that ended by SIGKILL is believed to be one of those if the count has
    grown while it ran, and each kill accounts for one run at most.
    """

    def __init__(self, events: Path | None) -> None:
        self._events = events
        self._count = 0
        self._read_at = -FRESH
        self._accounted = 0

    @classmethod
    def of_this_cgroup(cls, root: Path = ROOT) -> "Kills":
        """Those of the cgroup of this process, or of the nearest one above it that counts them."""
        for membership in memberships("memory", root):
            name = EVENTS[membership.version]
            for folder in membership.upwards():
                if kills_in(folder / name) is not None:
                    return cls(folder / name)
        return cls(None)

    def before(self) -> int:
        """The count at the start of a run, as it was a second ago at most."""
        if self._events is not None and time.monotonic() - self._read_at >= FRESH:
            self._read()
        return self._count

    def took(self, before: int) -> bool:
        """Whether there was one since then for which no other run has ended; from now on this run accounts for it."""
        self._read()
        accounted = max(before, self._accounted)
        if self._count <= accounted:
            return False
        self._accounted = accounted + 1
        return True

    def account(self, count: int) -> None:
        """So many kills are accounted for by a run that knows it of itself."""
        self._read()
        self._accounted = min(self._accounted + count, self._count)

    def _read(self) -> None:
        count = kills_in(self._events) if self._events is not None else None
        self._count = self._count if count is None else count
        self._read_at = time.monotonic()


EVENTS = {1: "memory.oom_control", 2: "memory.events"}
"""Where the versions of cgroups keep the count."""


def kills_in(events: Path) -> int | None:
    """The line `oom_kill N` of such a file; None if there is none."""
    with contextlib.suppress(OSError, ValueError):
        for line in events.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return None
