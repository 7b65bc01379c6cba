"""What a power cut leaves: every enqueue that was acknowledged, and at worst a run that is run again."""

import contextlib
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aqueue.engine.node import Node, Options
from aqueue.model.job import State
from aqueue.queue import Queue
from aqueue.store import open_store
from aqueue.store.sqlite import open_sqlite

from .harness import run

ENQUEUER = """
import asyncio, os, sys
from aqueue.queue import Queue
from aqueue.store import open_store, sqlite

async def main():
    sqlite.CHECKPOINT_BYTES = 1  # so that the -wal is brought home many times
    worker = await open_store(sys.argv[1], worker=True)
    async with Queue.open(sys.argv[1]) as queue:
        for _ in range(6):
            job = await queue.enqueue("true")
            os.write(1, f"acknowledged {job.id}\\n".encode())
            await worker.checkpoint_when_large()
    await worker.close()

asyncio.run(main())
"""


@dataclass
class Disk:
    """What is on the disk for certain, and what has only been written: both by the name of the file."""

    written: dict[str, bytearray] = field(default_factory=dict)
    synced: dict[str, bytes] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    """The files whose names are on the disk: their folder was synced after they were made."""

    def certain(self) -> dict[str, bytes]:
        return {name: content for name, content in self.synced.items() if name in self.named}

    def write(self, name: str, offset: int, data: bytes) -> None:
        content = self.written.setdefault(name, bytearray())
        content.extend(b"\0" * (offset - len(content)))
        content[offset : offset + len(data)] = data

    def truncate(self, name: str, size: int) -> None:
        del self.written.setdefault(name, bytearray())[size:]

    def sync(self, name: str) -> None:
        self.synced[name] = bytes(self.written.get(name, b""))

    def remove(self, name: str) -> None:
        self.written.pop(name, None)
        self.synced.pop(name, None)
        self.named.discard(name)


@dataclass(frozen=True)
class Cut:
    """The files as a power cut at one moment leaves them, and how many enqueues had been acknowledged."""

    files: dict[str, bytes]
    acknowledged: int


CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
"""A whole call in the log of strace."""


def _calls(log: str) -> Iterator[tuple[str, str]]:
    """The calls that succeeded, in the order in which they ended, with their arguments."""
    begun: dict[str, str] = {}
    for line in log.splitlines():
        process = line.split(maxsplit=1)[0]
        if line.endswith("<unfinished ...>"):
            begun[process] = line.removesuffix("<unfinished ...>")
            continue
        whole = begun.pop(process) + line.split("resumed>", 1)[1] if " resumed>" in line else line
        if (match := CALL.match(whole)) and int(match[3]) >= 0:
            yield match[1], match[2]


def _cuts(log: str, database: Path) -> Iterator[Cut]:
    """The disk at every sync point and at every acknowledgement: what was synced, alone and with what was written."""
    disk, acknowledged = Disk(), 0
    for name, arguments in _calls(log):
        target = re.match(r'\d+<([^>]*)>|"([^"]*)"', arguments)
        path = Path((target[1] or target[2]) if target else "")
        file, ours = path.name, path in {database, database.with_name(f"{database.name}-wal")}
        match name:
            case "write" if "acknowledged" in _bytes_in(arguments).decode(errors="replace"):
                acknowledged += 1
            case "pwrite64" if ours:
                disk.write(file, int(arguments.rsplit(", ", 1)[1]), _bytes_in(arguments))
                continue
            case "ftruncate" if ours:
                disk.truncate(file, int(arguments.rsplit(", ", 1)[1]))
            case "fsync" | "fdatasync" if ours:
                disk.sync(file)
            case "fsync" | "fdatasync" if path == database.parent:
                disk.named |= disk.written.keys() | disk.synced.keys()
            case "unlink" if ours:
                disk.remove(file)
            case _:
                continue
        yield Cut(disk.certain(), acknowledged)
        yield Cut({file: bytes(content) for file, content in disk.written.items()}, acknowledged)


def _bytes_in(arguments: str) -> bytes:
    text = re.search(r'"((?:\\x[0-9a-f]{2})*)"', arguments)
    return bytes.fromhex(text[1].replace("\\x", "")) if text else b""


def _jobs_after(files: dict[str, bytes], folder: Path) -> list[int]:
    """Which jobs are there when the queue is opened after the cut; the file must be sound."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with contextlib.closing(sqlite3.connect(folder / "queue.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'jobs'").fetchall():
            return []
        return [row[0] for row in connection.execute("SELECT seq FROM jobs ORDER BY seq")]


async def test_at_every_sync_point_all_that_was_acknowledged_is_on_the_disk(database: Path, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("no strace to see the order of writes and syncs with")
    log = tmp_path / "log"
    calls = "trace=pwrite64,write,ftruncate,fsync,fdatasync,unlink"
    strace = ["strace", "-f", "-y", "-xx", "-s", "1000000", "-e", calls, "-o", str(log)]
    code, out, err = await run(*strace, sys.executable, "-c", ENQUEUER, str(database))
    if code and "ptrace" in err:
        pytest.skip(f"strace may not trace here: {err.strip()}")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 6
    cuts = list(_cuts(_readable(log.read_text()), database))
    assert [cut.acknowledged for cut in cuts][-1] == 6
    for cut in cuts:
        found = _jobs_after(cut.files, tmp_path / "cut")
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= cut.acknowledged


def _readable(log: str) -> str:
    """With -xx, strace also escapes the names of files."""
    return re.sub(
        r'<((?:\\x[0-9a-f]{2})+)>|"((?:\\x[0-9a-f]{2})+)"(?=\))',
        lambda match: f"<{_text(match[1])}>" if match[1] else f'"{_text(match[2])}"',
        log,
    )


def _text(escaped: str) -> str:
    return bytes.fromhex(escaped.replace("\\x", "")).decode(errors="replace")


async def test_wherever_the_log_is_cut_the_jobs_are_those_of_the_commits_before_the_cut(
    database: Path, tmp_path: Path
) -> None:
    sizes: list[int] = []
    wal = database.with_name("queue.db-wal")
    async with Queue.open(database) as queue:
        for _ in range(5):
            await queue.enqueue("true")
            sizes.append(wal.stat().st_size)
        main, log = database.read_bytes(), wal.read_bytes()
    frame = 4096 + 24
    for cut in sorted({*sizes, *range(32, len(log), frame), *range(32 + frame // 2, len(log), 3 * frame)}):
        found = _jobs_after({"queue.db": main, "queue.db-wal": log[:cut]}, tmp_path / "cut")
        assert found == list(range(1, 1 + sum(size <= cut for size in sizes)))


@pytest.mark.parametrize("part", [0.0, 0.25, 0.5, 0.75, 0.9, 1.0])
async def test_what_a_cut_takes_from_a_worker_is_run_again_and_no_job_is_lost(
    part: float, database: Path, tmp_path: Path
) -> None:
    wal = database.with_name("queue.db-wal")
    async with Queue.open(database) as queue:
        for _ in range(3):
            await queue.enqueue("true", backoff_base=0.001)
        acknowledged = wal.stat().st_size
        await _work_off(database)
        main, log = database.read_bytes(), wal.read_bytes()
    after = tmp_path / "cut" / "queue.db"
    after.parent.mkdir(mode=0o700)
    for path, content in ((after, main), (after.with_name("queue.db-wal"), log)):
        path.touch(mode=0o600)
        path.write_bytes(content[: acknowledged + int(part * (len(log) - acknowledged))] if content is log else main)
    await _work_off(after)
    async with Queue.open(after) as queue:
        assert [(job.id, job.state) for job in await queue.list()] == [
            (job_id, State.COMPLETED) for job_id in ("3", "2", "1")
        ]
        assert {finding.verdict for finding in await queue.examine()} == {"ok"}


async def _work_off(database: Path) -> None:
    store = await open_store(str(database), worker=True)
    try:
        await Node(store, Options(burst=True), lambda _: None).run()
    finally:
        await store.close()


async def test_a_client_syncs_each_commit_and_a_worker_leaves_that_to_the_checkpoint(database: Path) -> None:
    for worker, synchronous in ((False, 2), (True, 1)):
        store = await open_sqlite(str(database), shared=False, worker=worker)
        try:
            ((found,),) = await store._opened_writer.execute_fetchall("PRAGMA synchronous")
            assert found == synchronous
        finally:
            await store.close()
