"""How many CPUs this process may use: by its affinity, and by the quota of its cgroups.

A container with half a CPU on a machine of 64 sees all 64 of them. With as many slots it would be throttled most of
the time. The smallest quota of all cgroups above counts, rounded up: one and a half CPUs can work for two.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

from aqueue.engine.hierarchy import ROOT, Membership, memberships


def usable_cpus(root: Path = ROOT) -> int:
    """How many jobs can compute at the same time; at least 1. `root` is where /proc and the cgroups are."""
    return max(1, min([_allowed(), *(math.ceil(quota) for quota in quotas(root))]))


def quotas(root: Path = ROOT) -> Iterator[float]:
    """The quotas of the cgroups of this process, in CPUs; those that have none are left out."""
    for membership in memberships("cpu", root):
        for folder in membership.upwards():
            quota = _quota_of(folder, membership)
            if quota is not None:
                yield quota


def _allowed() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota_of(folder: Path, membership: Membership) -> float | None:
    """The quota of one cgroup: "max 100000" and -1 are none."""
    try:
        if membership.version == 2:
            quota, period = map(_number, (folder / "cpu.max").read_text().split())
        else:
            quota, period = (_number((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 and period > 0 else None


def _number(text: str) -> float:
    return -1.0 if text.strip() == "max" else float(int(text))
