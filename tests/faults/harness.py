"""Workers in processes of their own, whose events the tests wait for, and disks that can be filled and broken."""

import asyncio
import contextlib
import itertools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aqueue.engine import proc
from aqueue.model.newjob import NewJob
from aqueue.queue import Queue

INSIDE = Path(__file__).with_name("inside.py")
ROOT = INSIDE.parents[2]
ENOUGH = 10.0
"""Seconds after which a test gives up waiting: nothing here depends on how fast anything is."""

IMPATIENT = {
    "committer.RETRY_AFTER": 0.05,
    "node.RETRY_AFTER": 0.05,
    "node.AFTER_A_SHORTAGE": 0.05,
    "rescue.RETRY_AFTER": 0.05,
}
"""The waits of a worker between its tries, shortened."""


def command(*words: str, inside: Sequence[str] = ()) -> list[str]:
    """The command line of `inside.py`; `inside` is how to get to where it shall run."""
    return [*inside, sys.executable, str(INSIDE), *words]


def environ(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AQUEUE_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


class Worker:
    """A worker process as its events show it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.pid = process.pid
        self.told: list[dict[str, Any]] = []
        self._process = process
        self._stdout, self._stderr = process.stdout, process.stderr
        self._unheard: list[dict[str, Any]] = []

    async def hear(self, event: str, **facts: Any) -> dict[str, Any]:
        """The next event of this kind with these facts; each is heard once."""
        async with asyncio.timeout(ENOUGH):
            while True:
                for told in self._unheard:
                    if told["event"] == event and facts.items() <= told.items():
                        self._unheard.remove(told)
                        return told
                if not await self.read():
                    raise AssertionError(
                        f"no {event} {facts}; told: {self.told}\n{(await self._stderr.read()).decode()}"
                    )

    def troubles(self, beginning: str = "") -> list[str]:
        """The troubles told so far that begin like this."""
        texts = [told["text"] for told in self.told if told["event"] == "Trouble"]
        return [text for text in texts if text.startswith(beginning)]

    async def stop(self) -> None:
        """Drain it; it must end without a word of complaint."""
        self._send(signal.SIGTERM)
        assert await self.ended() == (0, "")

    async def ended(self) -> tuple[int, str]:
        """Its exit code and its stderr, when it has ended by itself."""
        async with asyncio.timeout(ENOUGH):
            while await self.read():
                pass
            return await self._process.wait(), (await self._stderr.read()).decode()

    def allow(self, resource_: int, limit: int) -> None:
        """Set a limit of its process, while it runs."""
        _, hard = resource.prlimit(self.pid, resource_)
        resource.prlimit(self.pid, resource_, (limit, hard))

    def leave_descriptors(self, spare: int) -> None:
        """Let it open so many files more and then not one."""
        taken = {int(name) for name in os.listdir(f"/proc/{self.pid}/fd")}
        free = (number for number in itertools.count() if number not in taken)
        self.allow(resource.RLIMIT_NOFILE, next(itertools.islice(free, spare, None)))

    def allow_descriptors(self) -> None:
        """Let it open files again."""
        self.allow(resource.RLIMIT_NOFILE, 1024)

    async def kill(self) -> None:
        """`kill -9`, as the fault or because it would wait for the fault to end."""
        self._send(signal.SIGKILL)
        await self.ended()

    async def discard(self) -> None:
        """Whatever the test has come to: let nothing of it live on."""
        if self._process.returncode is None:
            self._send(signal.SIGINT)
            try:
                async with asyncio.timeout(3):
                    await self.ended()
            except TimeoutError:
                await self.kill()

    def _send(self, number: int) -> None:
        # Not by the process object: that would look whether it has ended, and take its exit code from who waits for it.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def read(self) -> bool:
        """Read one more event; False at the end."""
        line = await self._stdout.readline()
        if line:
            self.told.append(json.loads(line))
            self._unheard.append(self.told[-1])
        return bool(line)


@contextlib.asynccontextmanager
async def working(
    database: Path | str, concurrency: int = 1, *, inside: Sequence[str] = (), user: int | None = None, **options: Any
) -> AsyncIterator[Worker]:
    """A worker that has begun."""
    settings = {"concurrency": concurrency, **options, "set": {**IMPATIENT, **options.get("set", {})}}
    process = await asyncio.create_subprocess_exec(
        *command("worker", str(database), json.dumps(settings), inside=inside),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ(**({} if user is None else {"AS_USER": str(user)})),
    )
    worker = Worker(process)
    try:
        await worker.hear("Began")
        yield worker
    finally:
        await worker.discard()


async def call(
    what: str, database: Path | str, argument: Any = None, *, inside: Sequence[str] = ()
) -> tuple[int, str, str]:
    """Run a client to its end: its exit code, its stdout and its stderr."""
    words = command(what, str(database), json.dumps(argument), inside=inside)
    return await run(*words)


async def run(*words: str, user: int | None = None) -> tuple[int, str, str]:
    """Run a command to its end, perhaps as another user: its exit code, its stdout and its stderr."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ(),
        user=user,
        group=user,
        extra_groups=None if user is None else (),
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def run_aqueue(database: Path | str, *words: str, inside: Sequence[str] = ()) -> tuple[int, str, str]:
    """Run `aqueue` itself on this queue."""
    return await run(*inside, sys.executable, "-m", "aqueue", "--db", str(database), *words)


async def enqueue(database: Path | str, *commands: str, inside: Sequence[str] = (), **options: Any) -> list[str]:
    """Enqueue these commands, from another process where that must be; their ids."""
    documents = [{"command": one, **options} for one in commands]
    if not inside:
        async with Queue.open(database) as queue:
            return [*(await queue.enqueue_many([NewJob.parse(document, time.time()) for document in documents])).ids]
    code, out, err = await call("enqueue", database, documents, inside=inside)
    assert (code, err) == (0, "")
    return out.split()


async def jobs(database: Path | str, *, inside: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """The jobs as the store has them."""
    code, out, err = await call("jobs", database, inside=inside)
    assert (code, err) == (0, "")
    found: dict[str, dict[str, Any]] = json.loads(out)
    return found


def sleepers(mark: str) -> list[int]:
    """The processes that sleep for so long, as far as they are still there when they are looked at."""
    found = []
    for facts in proc.running():
        with contextlib.suppress(OSError):
            if f"sleep\0{mark}\0".encode() in Path(f"/proc/{facts.pid}/cmdline").read_bytes():
                found.append(facts.pid)
    return found


@dataclass
class Gate:
    """Something that a job waits at: `pass_` is its command, `open` lets it go on."""

    path: Path
    pass_: str = field(init=False)

    def __post_init__(self) -> None:
        os.mkfifo(self.path)
        self.pass_ = f"cat {self.path}"

    async def open(self) -> None:
        """Wait until a job stands here, and let it go on."""
        async with asyncio.timeout(ENOUGH):
            while True:
                try:
                    os.close(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK))
                except OSError:
                    await asyncio.sleep(0.005)  # ENXIO: nobody stands here yet
                else:
                    return


@dataclass(frozen=True)
class Disk:
    """A small disk of its own, in a mount namespace of its own: it goes when its holder goes."""

    folder: Path
    inside: Sequence[str]
    """How to run a command where the disk can be seen."""

    def fill(self) -> None:
        """Leave not a byte."""
        self._do("cat /dev/zero > filler 2> /dev/null; test -s filler")

    def free(self) -> None:
        """Give the bytes back."""
        self._do("rm filler")

    def remount(self, mode: str) -> None:
        """Make it read-only ("ro") or writable again ("rw")."""
        self._do(f"mount -o remount,{mode} .")

    def break_(self) -> None:
        """Let the kernel believe that it has found an error in this ext4: it makes it read-only for good."""
        self._do("echo 1 > /sys/fs/ext4/$(basename $(findmnt -no SOURCE -T .))/trigger_fs_error")

    @contextlib.contextmanager
    def locked(self, folder: Path) -> Iterator[None]:
        """Hold the flock(2) of a folder on it, which is made if need be."""
        self._do(f"mkdir -pm 700 {folder}")
        words = [*self.inside, "flock", str(folder), "sh", "-c", "echo locked; exec cat"]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"locked\n"
            yield

    def names(self) -> list[str]:
        """The files on it."""
        return self._do("ls").split()

    def _do(self, script: str) -> str:
        words = [*self.inside, "sh", "-c", f'cd "$1" && {script}', "sh", str(self.folder)]
        return subprocess.run(words, check=True, timeout=ENOUGH, stdout=subprocess.PIPE, text=True).stdout


TMPFS = 'mount -t tmpfs -o size=2m,mode=700 none "$1"'
EXT4 = """
truncate -s 8M "$1.img" && mkfs.ext4 -q -O ^has_journal "$1.img" && mount -o loop,errors=remount-ro "$1.img" "$1"
"""


@contextlib.contextmanager
def small_disk(folder: Path, mount: str = TMPFS) -> Iterator[Disk]:
    """A disk of 2 MiB, or another one; skips the test where it may not be mounted."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("no unshare or nsenter (util-linux) to mount a small disk with")
    own = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    folder.mkdir()
    holder = subprocess.Popen(
        ["unshare", "--mount", *own, "sh", "-ec", f"{mount}\necho ready; exec cat", "sh", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        if holder.stdout.readline() != b"ready\n":
            pytest.skip(f"this machine lets nobody mount: {holder.communicate()[1].decode().strip()}")
        enter = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
        yield Disk(folder, ["nsenter", f"--target={holder.pid}", "--mount", *enter])
        # Leaving the block closes its stdin, and that ends it; if we are killed, the same.
