"""huey and HyperQueue: packages of Python, run by an interpreter of their own."""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from benchmarks.figures import Impossible
from benchmarks.peers import installing
from benchmarks.peers.peer import Peer, Standing
from benchmarks.pipes import pipe
from benchmarks.processes import environment

PATIENCE = 10.0
"""Seconds that a process of a peer may take to end."""


class Huey(Peer):
    """huey with SQLite and threads, which suit commands better than its processes do."""

    key = "huey"
    name = "huey (SQLite, threads)"
    lacks = "retries after a fixed wait; what runs when it is killed is lost; polls"

    def version(self) -> str:
        return installing.version_of("huey")

    @contextlib.contextmanager
    def standing(self, folder: Path, slots: int) -> Iterator[Standing]:
        self.version()
        environ = _environ(folder)
        with _running(_consumer(slots), environ) as consumer, _running(_call("huey_jobs.ask"), environ) as asker:
            yield _asking(asker, consumer.pid)

    def work_off(self, command: str, count: int, slots: int, folder: Path) -> float:
        self.version()
        environ = _environ(folder)
        with pipe(folder, "started") as started, pipe(folder, "ended") as ended:
            with _running(_call("huey_jobs.ask"), environ) as asker:
                _asking(asker, 0).enqueue_all([started.saying, *[command] * count, ended.saying])
            with _running(_consumer(slots), environ):
                begun = started.heard()
                return ended.heard() - begun


class HyperQueue(Peer):
    """HyperQueue with one worker on this machine."""

    key = "hyperqueue"
    name = "HyperQueue"
    lacks = "retries only after the loss of a worker; no journal unless asked; output not kept here"

    def version(self) -> str:
        return installing.version_of("hyperqueue")

    @contextlib.contextmanager
    def standing(self, folder: Path, slots: int) -> Iterator[Standing]:
        self.version()
        with _running(_call("hyperqueue_jobs.serve", str(slots)), _environ(folder)) as server:
            yield _asking(server, server.pid)

    def work_off(self, command: str, count: int, slots: int, folder: Path) -> float:
        """All of it is submitted at once, so that the line is there when the first one starts."""
        with (
            pipe(folder, "started") as started,
            pipe(folder, "ended") as ended,
            self.standing(folder, slots) as standing,
        ):
            standing.enqueue_all([started.saying, *[command] * count, ended.saying])
            begun = started.heard()
            return ended.heard() - begun


def _environ(folder: Path) -> Mapping[str, str]:
    return environment(HUEY_FILE=str(folder / "huey.db"), PYTHONPATH=str(installing.JOBS), TMPDIR=str(folder))


def _consumer(slots: int) -> list[str]:
    consumer = str(installing.PYTHON.with_name("huey_consumer"))
    return [consumer, "huey_jobs.queue", "-k", "thread", "-w", str(slots), "-q"]


def _call(function: str, *words: str) -> list[str]:
    """Call a function of one of the modules in `jobs`."""
    module = function.partition(".")[0]
    return [str(installing.PYTHON), "-c", f"import sys, {module}; {function}(*sys.argv[1:])", *words]


@contextlib.contextmanager
def _running(command: list[str], environ: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A process of a peer, which is ended after the block if it has not ended by itself."""
    process = subprocess.Popen(
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _asking(process: "subprocess.Popen[str]", *pids: int) -> Standing:
    """A peer to which one of its processes hands what it is given."""
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    def enqueue_all(commands: Sequence[str]) -> None:
        stdin.write("\t".join(commands) + "\n")
        stdin.flush()
        _wait_until_ready(stdout)

    _wait_until_ready(stdout)
    return Standing(lambda command: enqueue_all([command]), enqueue_all, pids)


def _wait_until_ready(stdout: IO[str]) -> None:
    for line in stdout:
        if line.strip() == "ready":
            return
    raise Impossible("it has ended")
