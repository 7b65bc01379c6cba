"""Workers in containers, as far as a kernel without an engine has them: in a namespace of process ids of their own."""

import asyncio
import contextlib
import functools
import os
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest
from faults.harness import environ

PATIENCE = 60.0
"""Seconds until a test gives up on what it waits for."""

NOTHING: Mapping[str, str] = MappingProxyType({})
AQUEUE = (sys.executable, "-m", "aqueue")
CONTAINER = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
"""What comes in such a namespace is its first process."""


@functools.cache
def own_user_namespace() -> Sequence[str]:
    """What somebody who is not root has to say to unshare(1), too."""
    return () if os.geteuid() == 0 else ("--user", "--map-root-user")


@functools.cache
def why_no_container() -> str:
    """Why there can be no such namespaces here; empty if there can."""
    try:
        words = [*container(), sys.executable, "-c", "import aqueue"]
        done = subprocess.run(words, env=environ(), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "there is no unshare; install util-linux"
    return f"no namespace of process ids can be had: {done.stderr.strip()}" if done.returncode else ""


def container() -> Sequence[str]:
    return [CONTAINER[0], *own_user_namespace(), *CONTAINER[1:]]


def need_containers() -> None:
    """Skip the test where there are none, but fail where they must be."""
    if (why := why_no_container()) and os.environ.get("CI"):
        pytest.fail(why)
    elif why:
        pytest.skip(why)


class Running:
    """A worker that runs. `pid` is that of itself, seen from here, wherever it lives."""

    def __init__(self, process: Process, pid: int) -> None:
        self._process = process
        self.pid = pid
        self.said = ""

    async def says(self, part: str, times: int = 1) -> str:
        """Wait until it has said so many lines that have this in them; returns the last."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self._process.stdout.readline()).decode():
                self.said += line
                times -= part in line
                if not times:
                    return line
        raise AssertionError(f"never said {part!r}, but:\n{self.said}{await self._stderr()}")

    async def ends(self) -> int:
        """Its exit code, as a container's engine would see it, when it has ended."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            self.said += (await self._process.stdout.read()).decode()
            return await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def _stderr(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()

    async def discard(self) -> None:
        """Whatever the test has come to, let nothing of it live on."""
        for number in (signal.SIGCONT, signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), 5 if number == signal.SIGKILL else 1)


@contextlib.asynccontextmanager
async def worker(
    database: Path,
    *options: str,
    inside: Sequence[str] = (),
    variables: Mapping[str, str] = NOTHING,
    what: str = "worker",
) -> AsyncIterator[Running]:
    """`aqueue worker` of this queue, with these options, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(*inside, *AQUEUE, "--db", str(database), what, *options),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=database.parent,
        env={**environ(), **variables},
    )
    running = Running(process, process.pid)
    try:
        if inside and inside[0] == "unshare":
            running.pid = await _first_process_of(process.pid)
        yield running
    finally:
        await running.discard()


async def _first_process_of(unshare: int) -> int:
    """The child of unshare(1), by its id here."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if children := children_of(unshare):
                return children[0]
            await asyncio.sleep(0.005)


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
    except FileNotFoundError:
        return False


async def has_no_zombies(pid: int) -> None:
    """Wait until there are none among the children of this process."""
    await becomes(lambda: not any(map(is_zombie, children_of(pid))))


async def becomes(so: Callable[[], bool]) -> None:
    """Wait until that is so, where nothing tells of it."""
    async with asyncio.timeout(PATIENCE):
        while not so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
