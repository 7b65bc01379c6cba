"""The file of the queue: locked, damaged, pulled away."""

import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from .harness import Gate, call, enqueue, jobs, run_aqueue, working


async def test_a_lock_held_for_long_by_another_process_is_told_once_and_work_goes_on_when_it_is_released(
    database: Path, gate: Gate
) -> None:
    ids = await enqueue(database, gate.pass_, "true")
    async with working(database, set={"committer.PATIENCE": 0.1}) as worker:
        await worker.hear("Started", job=ids[0])
        other = sqlite3.connect(database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await gate.open()
        trouble = await worker.hear("Trouble")
        other.execute("COMMIT")
        other.close()
        await worker.hear("TroubleOver", text=trouble["text"])
        await worker.hear("Settled", job=ids[0], state="completed")
        await worker.hear("Settled", job=ids[1], state="completed")
        await worker.stop()
        assert worker.troubles() == [f"{database} has been locked by another process for 0.1 s"]


def _spoil_a_page(database: Path) -> None:
    page = 4096
    with database.open("r+b") as file:
        for number in range(1, database.stat().st_size // page):
            file.seek(number * page)
            file.write(b"\xa5" * page)


def _spoil_the_header(database: Path) -> None:
    with database.open("r+b") as file:
        file.write(b"not a database at all" * 10)


def _cut(database: Path) -> None:
    os.truncate(database, 4096 * 3 + 100)


@pytest.mark.parametrize("damage", [_spoil_a_page, _spoil_the_header, _cut])
async def test_a_damaged_file_is_told_in_one_line_by_everything_that_opens_it(
    damage: Callable[[Path], None], database: Path
) -> None:
    await enqueue(database, *["true"] * 50)
    damage(database)
    for what, argument in (("enqueue", [{"command": "true"}]), ("worker", {"concurrency": 1}), ("jobs", None)):
        code, out, err = await call(what, database, argument)
        assert (what, code, out) == (what, 1, "")
        assert err.startswith(f"Error: {database} is "), err
        assert err.count("\n") == 1


async def test_check_finds_a_damaged_page(database: Path) -> None:
    await enqueue(database, *["true"] * 500)
    _spoil_the_root_of("jobs_claimable", database)
    code, out, err = await run_aqueue(database, "check")
    assert (code, err) == (1, "")
    assert any(line.startswith("bad      integrity") for line in out.splitlines()), out


async def test_a_page_that_is_damaged_under_the_worker_is_told_once(database: Path, gate: Gate) -> None:
    ids = await enqueue(database, gate.pass_, *["true"] * 500)
    async with working(database) as worker:
        await worker.hear("Started", job=ids[0])
        _spoil_the_root_of("jobs", database)
        _spoil_the_root_of("jobs_claimable", database)
        await gate.open()
        trouble = await worker.hear("Trouble")
        code, _, _ = await call("enqueue", database, [{"command": "true"}])
        assert code == 1
        assert worker.troubles() == [trouble["text"]]
        assert "is damaged" in trouble["text"]
        await worker.kill()


def _spoil_the_root_of(name: str, database: Path) -> None:
    """Overwrite a page and empty the -wal, so that it is read, and let whoever has it open see a commit."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    with database.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    connection.execute("INSERT INTO aqueue_settings VALUES (?, '')", (f"spoilt {name}",))
    connection.close()


def _remove(database: Path) -> None:
    database.unlink()


def _replace(database: Path) -> None:
    sqlite3.connect(database.with_name("other.db")).close()
    database.with_name("other.db").touch()
    database.with_name("other.db").rename(database)


def _move_away(database: Path) -> None:
    database.rename(database.with_name("moved.db"))


def _remove_the_wal(database: Path) -> None:
    database.with_name("queue.db-wal").unlink()


def _move_the_folder(database: Path) -> None:
    database.parent.rename(database.parent.with_name("moved"))


@pytest.mark.parametrize("pull", [_remove, _replace, _move_away, _remove_the_wal, _move_the_folder])
async def test_a_file_that_is_pulled_from_under_the_worker_ends_its_jobs_and_then_the_worker(
    pull: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    database, pids = folder / "queue.db", Gate(tmp_path / "pids")
    ids = await enqueue(database, f"echo $$ > {pids.path}; exec sleep 1000", "true")
    async with working(database) as worker:
        await worker.hear("Started", job=ids[0])
        pid = int(pids.path.read_text())
        pull(database)
        code, err = await worker.ended()
    assert (code, err) == (1, f"Error: {database} was removed or replaced under the worker\n")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    assert not any(told["event"] == "Settled" for told in worker.told)


async def test_what_was_committed_is_still_there_when_the_file_comes_back(database: Path, gate: Gate) -> None:
    away = database.with_name("away.db")
    ids = await enqueue(database, "true", gate.pass_)
    async with working(database) as worker:
        await worker.hear("Settled", job=ids[0], state="completed")
        await worker.hear("Started", job=ids[1])
        for end in ("", "-wal", "-shm"):
            database.with_name(f"queue.db{end}").rename(f"{away}{end}")
        assert (await worker.ended())[0] == 1
    found = await jobs(away)
    assert [found[job_id]["state"] for job_id in ids] == ["completed", "processing"]
