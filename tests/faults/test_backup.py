"""Copies of a live queue, and what a worker on a copy must leave alone."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from aqueue.model.job import State
from aqueue.queue import Queue

from .harness import Disk, Gate, call, enqueue, jobs, run_aqueue, working


def _counts(database: Path) -> tuple[dict[str, int], dict[str, int]]:
    """The counts that the file keeps, and those of its rows."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        kept = connection.execute(
            "SELECT state, sum(n) FROM aqueue_counts GROUP BY state HAVING sum(n) <> 0"
        ).fetchall()
        found = connection.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall()
    return dict(kept), dict(found)


@pytest.mark.long
async def test_copies_made_while_a_worker_works_are_sound_and_of_one_moment(database: Path, tmp_path: Path) -> None:
    ids = await enqueue(database, *["true"] * 300)
    copies: list[Path] = []
    async with working(database, 2) as worker, Queue.open(database) as queue:
        while (await queue.status()).counts[State.COMPLETED] < len(ids):
            copies.append(tmp_path / f"copy{len(copies)}.db")
            await queue.backup(copies[-1])
        await worker.stop()
    assert copies
    for copy in copies:
        kept, found = _counts(copy)
        assert kept == found
        assert sum(found.values()) == len(ids)
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert not list(tmp_path.glob(f"{copy.name}-*"))
    assert not list(tmp_path.glob("*.part*"))


async def test_a_copy_is_a_queue_that_goes_on_where_the_original_was(database: Path, tmp_path: Path) -> None:
    await enqueue(database, "true", "exit 3", max_retries=0)
    copy = tmp_path / "copy.db"
    assert await run_aqueue(database, "backup", str(copy)) == (0, "", f"Copied the queue to {copy}\n")
    async with working(copy, burst=True) as worker:
        assert await worker.ended() == (0, "")
    assert {job["state"] for job in (await jobs(copy)).values()} == {"completed", "dead"}
    assert {job["state"] for job in (await jobs(database)).values()} == {"pending"}


async def test_a_copy_does_not_replace_what_is_there(database: Path, tmp_path: Path) -> None:
    await enqueue(database, "true")
    (taken := tmp_path / "taken").write_text("mine")
    code, out, err = await run_aqueue(database, "backup", str(taken))
    assert (code, out, err) == (1, "", f"Error: {taken} exists already\n")
    assert taken.read_text() == "mine"
    (link := tmp_path / "link").symlink_to("nowhere")
    code, _, err = await run_aqueue(database, "backup", str(link))
    assert (code, err) == (1, f"Error: {link} exists already\n")


@pytest.mark.parametrize("target", ["no/such/folder/copy.db", "queue.db/copy.db"])
async def test_a_copy_that_cannot_be_written_is_told_in_one_line(target: str, database: Path, tmp_path: Path) -> None:
    await enqueue(database, "true")
    code, out, err = await run_aqueue(database, "backup", str(tmp_path / target))
    assert (code, out) == (1, "")
    assert err.startswith(f"Error: cannot write {tmp_path / target}: ")
    assert err.count("\n") == 1


async def test_a_copy_for_which_the_disk_has_no_room_is_told_in_one_line_and_nothing_of_it_stays(
    disk: Disk, database: Path
) -> None:
    copy = disk.folder / "copy.db"
    await enqueue(database, *["true"] * 100)
    disk.fill()
    code, _, err = await call("backup", database, str(copy), inside=disk.inside)
    assert (code, err) == (1, f"Error: cannot write {copy}: No space left on device\n")
    assert disk.names() == ["filler"]


async def test_a_worker_on_a_copy_leaves_the_runs_of_the_original_alone(
    database: Path, gate: Gate, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    (job_id,) = await enqueue(database, f"{gate.pass_} && test $AQUEUE_DB = {database}", max_retries=0)
    async with working(database) as original:
        await original.hear("Started", job=job_id)
        async with Queue.open(database) as queue:
            await queue.backup(copy)
        async with working(copy) as other:
            await other.hear("Settled", job=job_id, state="dead")
            await other.stop()
        await gate.open()
        await original.hear("Settled", job=job_id, state="completed", run=1)
        await original.stop()


async def test_check_finds_a_healthy_queue_healthy_also_while_it_is_used(database: Path) -> None:
    ids = await enqueue(database, *["true"] * 100)
    async with working(database) as worker:
        code, out, err = await run_aqueue(database, "check")
        await worker.hear("Settled", job=ids[-1])
        await worker.stop()
    assert (code, err) == (0, "")
    assert {line.split()[0] for line in out.splitlines()} == {"ok"}


async def test_check_finds_counts_that_are_not_those_of_the_rows(database: Path) -> None:
    await enqueue(database, "true")
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("UPDATE aqueue_counts SET n = 7")
    code, out, _ = await run_aqueue(database, "check")
    assert code == 1
    assert ["bad", "counts", "default", "pending:", "7", "counted,", "1", "found"] in [
        line.split() for line in out.splitlines()
    ]


async def test_check_finds_a_setting_that_makes_no_sense(database: Path) -> None:
    await enqueue(database, "true")
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("INSERT INTO aqueue_settings VALUES ('max_retries', 'many')")
    code, out, _ = await run_aqueue(database, "check")
    assert code == 1
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("bad")] == [["bad", "settings"]]


async def test_check_warns_of_jobs_whose_worker_has_died(database: Path, gate: Gate) -> None:
    (job_id,) = await enqueue(database, gate.pass_)
    async with working(database) as worker:
        await worker.hear("Started", job=job_id)
        await worker.kill()
    code, out, _ = await run_aqueue(database, "check")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("warning")] == [["warning", "workers"]]
    async with working(database) as heir:
        await heir.hear("Settled", job=job_id)
