"""Where it was measured, and of what: figures mean nothing without it."""

import os
import platform
import sqlite3
import subprocess
from pathlib import Path

from benchmarks.kept import REPOSITORY
from benchmarks.ours import AQUEUE, cores


def machine() -> str:
    """The machine and what aqueue is made of."""
    parts = (
        f"{platform.system()} {platform.release()}",
        f"{cores()} cores{_processor()}",
        f"{_memory():.0f} GiB",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        _first_line("xargs", "--version").replace("xargs (GNU findutils)", "findutils"),
    )
    return ", ".join(part for part in parts if part)


def version() -> str:
    """The version of aqueue, with the commit where that is known."""
    commit = _first_line("git", "-C", str(REPOSITORY), "describe", "--always", "--dirty")
    told = _first_line(str(AQUEUE), "--version").replace(", version", "")
    return f"{told} ({commit})" if commit else told


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return f" ({line.partition(':')[2].strip()})"
    return ""


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3


def _first_line(*command: str) -> str:
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return told.partition("\n")[0].strip()
