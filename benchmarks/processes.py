"""Processes as they are measured: how long a command takes, and what the kernel says about one that runs."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Impossible

MEBIBYTE = 1024**2


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended: `seconds` of wall time, and its largest resident memory in bytes."""

    seconds: float
    peak_bytes: int


def environment(**more: str) -> dict[str, str]:
    """Ours, without anything that configures a queue."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AQUEUE_", "PYTHON"))}
    return {**clean, **more}


def timed(
    command: Sequence[str | Path],
    *,
    stdin: Path | None = None,
    stdout: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command to its end; what it prints, errors too, goes to `stdout`. Raises Impossible if it fails.

    By posix_spawn: what subprocess does around a start takes as long as the quickest of the commands. The smallest peak
    that can be told is our own, for a child begins its life in the memory of its parent.
    """
    words = [str(word) for word in command]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, str(stdin or os.devnull), os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(stdout or os.devnull), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    begun = time.perf_counter()
    pid = os.posix_spawnp(words[0], words, environment() if environ is None else environ, file_actions=actions)
    try:
        _, status, used = os.wait4(pid, 0)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    seconds = time.perf_counter() - begun
    if status != 0:
        raise Impossible(f"`{' '.join(words)[:200]}` failed")
    return Ended(seconds, used.ru_maxrss * 1024)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is thrown away after the block."""
    with tempfile.TemporaryDirectory(prefix="aqueue-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def needed(name: str) -> str:
    """The path of a program. Raises Impossible if it is not here."""
    path = shutil.which(name)
    if path is None:
        raise Impossible(f"{name} is not installed")
    return path


def resident(pid: int) -> int:
    """The resident memory of a process, in bytes."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:")


def proportional(pid: int) -> int:
    """Its share of the memory: what it shares with others counts in parts. In bytes."""
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")


def peak(pid: int) -> int:
    """The largest resident memory so far, or since `forget_peak`, in bytes."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM:")


def forget_peak(pid: int) -> None:
    """Begin anew with the largest resident memory."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def cpu_seconds(pid: int) -> float:
    """The processor time that its threads have used, by the scheduler's account."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def wake_ups(pid: int) -> int:
    """How often its threads have gone to sleep: as often as something woke them."""
    return sum(_number(path, "voluntary_ctxt_switches:") for path in Path(f"/proc/{pid}/task").glob("*/status"))


def _kilobytes(path: Path, name: str) -> int:
    return _number(path, name) * 1024


def _number(path: Path, name: str) -> int:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise Impossible(f"{path} does not tell {name.rstrip(':')}")
