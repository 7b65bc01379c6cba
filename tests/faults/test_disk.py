"""The disk: full, read-only, and a file that may not be written for a while."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import EXT4, Disk, Gate, call, enqueue, jobs, run, run_aqueue, small_disk, working


async def test_a_full_disk_is_told_once_and_the_ends_that_were_seen_are_written_when_there_is_room(
    disk: Disk, gate: Gate, tmp_path: Path
) -> None:
    database, ran = disk.folder / "queue.db", tmp_path / "ran"
    command = f"{gate.pass_}; echo $AQUEUE_JOB_ID >> {ran}"
    ids = await enqueue(database, command, "exit 7", command, inside=disk.inside, max_retries=0)
    async with working(database, inside=disk.inside) as worker:
        await worker.hear("Started", job=ids[0])
        disk.fill()
        await gate.open()
        trouble = await worker.hear("Trouble")
        code, out, err = await call("enqueue", database, [{"command": "true"}], inside=disk.inside)
        disk.free()
        await worker.hear("TroubleOver", text=trouble["text"])
        await worker.hear("Settled", job=ids[0], state="completed")
        await worker.hear("Settled", job=ids[1], state="dead")
        await gate.open()
        await worker.hear("Settled", job=ids[2], state="completed")
        await worker.stop()
        assert worker.troubles() == [f"no space left for {database}"]
    assert (code, out, err) == (1, "", f"Error: no space left for {database}\n")
    assert ran.read_text().split() == [ids[0], ids[2]]
    found = await jobs(database, inside=disk.inside)
    assert {job_id: (job["state"], job["run"]) for job_id, job in found.items()} == {
        ids[0]: ("completed", 1),
        ids[1]: ("dead", 1),
        ids[2]: ("completed", 1),
    }


async def test_a_disk_that_is_full_when_jobs_are_to_be_removed_does_not_hurt_the_worker(disk: Disk, gate: Gate) -> None:
    database = disk.folder / "queue.db"
    done, held = await enqueue(database, "true", gate.pass_, inside=disk.inside)
    await run_aqueue(database, "config", "set", "keep_completed", "0", inside=disk.inside)
    with contextlib.ExitStack() as sweeping:
        sweeping.enter_context(disk.locked(database.with_name("queue.db.d")))  # nothing goes before the disk is full
        async with working(database, inside=disk.inside, set={"pruner.AT_MOST_EVERY": 0.02}) as worker:
            await worker.hear("Started", job=held)
            disk.fill()
            sweeping.close()
            trouble = await worker.hear("Trouble")
            assert trouble["text"] == f"cannot remove what has been kept for long enough: no space left for {database}"
            await gate.open()
            full = await worker.hear("Trouble", text=f"no space left for {database}")
            disk.free()
            await worker.hear("TroubleOver", text=full["text"])
            await worker.hear("TroubleOver", text=trouble["text"])
            await worker.hear("Settled", job=held, state="completed")
            await worker.stop()
            assert worker.troubles() == [trouble["text"], full["text"]]
    assert done not in await jobs(database, inside=disk.inside)


async def test_a_disk_that_the_log_of_the_queue_has_filled_is_given_room_by_the_worker_itself(disk: Disk) -> None:
    database = disk.folder / "queue.db"
    ids = await enqueue(database, *("true",) * 100, inside=disk.inside)
    async with working(database, inside=disk.inside, burst=True) as worker:
        for job_id in ids:
            await worker.hear("Settled", job=job_id, state="completed")
        assert await worker.ended() == (0, "")


async def test_a_queue_is_not_made_on_a_full_disk_which_is_told_in_one_line(disk: Disk) -> None:
    disk.fill()
    database = disk.folder / "queue.db"
    code, _, err = await call("enqueue", database, [{"command": "true"}], inside=disk.inside)
    assert (code, err) == (1, f"Error: no space left for {database}\n")


async def test_a_queue_that_cannot_be_opened_for_want_of_room_says_so_in_one_line(disk: Disk) -> None:
    database = disk.folder / "queue.db"
    await enqueue(database, "true", inside=disk.inside)
    disk.fill()
    code, _, err = await call("enqueue", database, [{"command": "true"}], inside=disk.inside)
    assert (code, err) == (1, f"Error: cannot read or write {database}: no space is left\n")
    disk.free()
    assert len(await jobs(database, inside=disk.inside)) == 1


@pytest.fixture
def database_on_disk() -> Iterator[Path]:
    """Where the kernel keeps to it that a file cannot be changed: not in memory."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder, "queue.db")


async def test_what_cannot_be_written_for_a_while_is_told_once_and_written_later(
    database_on_disk: Path, gate: Gate
) -> None:
    database = database_on_disk
    ids = await enqueue(database, gate.pass_, "true")
    wal = database.with_name("queue.db-wal")
    async with working(database) as worker:
        await worker.hear("Started", job=ids[0])
        code, _, err = await run("chattr", "+i", str(wal))
        if code:
            pytest.skip(f"no file can be made immutable here: {err.strip()}")
        try:
            await gate.open()
            trouble = await worker.hear("Trouble")
        finally:
            await run("chattr", "-i", str(wal))
        await worker.hear("TroubleOver", text=trouble["text"])
        await worker.hear("Settled", job=ids[0], state="completed")
        await worker.hear("Settled", job=ids[1], state="completed")
        await worker.stop()
        assert len(worker.troubles()) == 1


async def test_a_file_system_that_the_kernel_makes_read_only_is_told_once(tmp_path: Path, gate: Gate) -> None:
    with small_disk(tmp_path / "disk", EXT4) as disk:
        database = disk.folder / "queue.db"
        ids = await enqueue(database, gate.pass_, inside=disk.inside)
        async with working(database, inside=disk.inside) as worker:
            await worker.hear("Started", job=ids[0])
            disk.break_()
            await gate.open()
            trouble = await worker.hear("Trouble")
            code, out, err = await call("enqueue", database, [{"command": "true"}], inside=disk.inside)
            assert worker.troubles() == [trouble["text"]]
            await worker.kill()
    assert (code, out) == (1, "")
    assert err.startswith("Error: ")
    assert err.count("\n") == 1


async def test_a_queue_on_a_read_only_file_system_is_refused_in_one_line(disk: Disk) -> None:
    database = disk.folder / "queue.db"
    await enqueue(database, "true", inside=disk.inside)
    disk.remount("ro")
    for what, argument in (("enqueue", [{"command": "true"}]), ("worker", {"concurrency": 1})):
        code, out, err = await call(what, database, argument, inside=disk.inside)
        assert (code, out) == (1, "")
        assert err == f"Error: cannot open {database}: its file system is read-only\n"
    disk.remount("rw")
    assert len(await jobs(database, inside=disk.inside)) == 1


async def test_a_queue_cannot_be_made_on_a_read_only_file_system_which_is_told_in_one_line(disk: Disk) -> None:
    disk.remount("ro")
    code, _, err = await call("enqueue", disk.folder / "queue.db", [{"command": "true"}], inside=disk.inside)
    assert (code, err) == (1, f"Error: cannot make {disk.folder / 'queue.db'}: Read-only file system\n")
