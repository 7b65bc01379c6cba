"""task-spooler and nq: a command a job, by a small program in C."""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.figures import Impossible
from benchmarks.peers.peer import Peer, Standing
from benchmarks.pipes import pipe
from benchmarks.processes import environment, needed, timed


class TaskSpooler(Peer):
    """task-spooler, which Debian calls tsp: a server keeps the line in memory, and each job is a process that waits."""

    key = "tsp"
    name = "task-spooler"
    lacks = "no retries; the line is in memory, a thousand jobs at most; one call a job"
    longest = 500
    starts_early = True

    def version(self) -> str:
        told = subprocess.run([needed("tsp"), "-V"], capture_output=True, text=True, check=True).stdout
        return told.split()[2].removeprefix("v")

    @contextlib.contextmanager
    def standing(self, folder: Path, slots: int) -> Iterator[Standing]:
        with _server(folder, slots) as environ:
            enqueue = partial(_enqueue, ["tsp"], environ)
            yield Standing(enqueue, partial(_each, enqueue), (_process_of(folder),))

    def work_off(self, command: str, count: int, slots: int, folder: Path) -> float:
        with _server(folder, slots) as environ, pipe(folder, "go") as go, pipe(folder, "ended") as ended:
            alone = ["tsp", "-N", str(slots)]  # as wide as all slots together
            _enqueue(alone, environ, go.waiting)
            _each(partial(_enqueue, ["tsp"], environ), [command] * count)
            _enqueue(alone, environ, ended.saying)
            begun = go.let_go()
            return ended.heard() - begun


class Nq(Peer):
    """nq: each job is a process that waits for those before it."""

    key = "nq"
    name = "nq"
    lacks = "one at a time; no retries; the line ends with the machine"
    most_slots = 1
    longest = 500
    enough = 500
    starts_early = True

    def version(self) -> str:
        needed("nq")
        told = subprocess.run(["dpkg-query", "-Wf${Version}", "nq"], capture_output=True, text=True, check=False)
        return told.stdout.partition("-")[0] or "of unknown version"

    @contextlib.contextmanager
    def standing(self, folder: Path, slots: int) -> Iterator[Standing]:
        assert slots >= self.most_slots
        enqueue = partial(_enqueue, [needed("nq"), "-q"], environment(NQDIR=str(folder / "line")))
        yield Standing(enqueue, partial(_each, enqueue), ())

    def work_off(self, command: str, count: int, slots: int, folder: Path) -> float:
        with pipe(folder, "go") as go, pipe(folder, "ended") as ended, self.standing(folder, slots) as nq:
            nq.enqueue_all([go.waiting, *[command] * count, ended.saying])
            begun = go.let_go()
            return ended.heard() - begun


def _enqueue(tool: Sequence[str], environ: Mapping[str, str], command: str) -> None:
    timed([*tool, "sh", "-c", command], environ=environ)


def _each(enqueue: partial[None], commands: Sequence[str]) -> None:
    for command in commands:
        enqueue(command)


@contextlib.contextmanager
def _server(folder: Path, slots: int) -> Iterator[Mapping[str, str]]:
    """A server of task-spooler, for the block; yields the environment in which tsp finds it."""
    environ = environment(TS_SOCKET=str(folder / "socket"), TS_SLOTS=str(slots), TMPDIR=str(folder))
    timed([needed("tsp"), "-S", str(slots)], environ=environ)
    try:
        yield environ
    finally:
        timed(["tsp", "-K"], environ=environ)


def _process_of(folder: Path) -> int:
    """The server does not tell its process id, but it is the process with this socket."""
    marked = f"TS_SOCKET={folder}/socket".encode()
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and marked in (process / "environ").read_bytes().split(b"\0"):
                return int(process.name)
    raise Impossible("task-spooler has no server")
