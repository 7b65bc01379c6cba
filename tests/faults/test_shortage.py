"""What the machine has no more of: descriptors and processes. No job pays for it, and none is started twice."""

import asyncio
import os
import resource
from pathlib import Path

import pytest
from server import NOBODY

from aqueue.engine import proc
from aqueue.engine.events import Event, Settled
from aqueue.engine.node import Node, Options
from aqueue.queue import Queue
from aqueue.store import open_store

from .harness import ENOUGH, Gate, Worker, enqueue, jobs, run, working

NO_FILES = "cannot start a job: Too many open files"
NO_PROCESSES = "cannot start a job: Resource temporarily unavailable"


async def test_wherever_the_descriptors_run_out_a_job_is_started_once_and_pays_nothing(
    database: Path, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    ids: list[str] = []
    in_trouble = []
    async with working(database) as worker:
        for spare in range(12):
            worker.leave_descriptors(spare)
            ids += await enqueue(database, f"echo $AQUEUE_JOB_ID >> {ran}")
            in_trouble.append(await _is_in_trouble(worker, ids[-1]))
            worker.allow_descriptors()
            await worker.hear("Settled", job=ids[-1], state="completed", run=1, attempts=1)
        await worker.stop()
    # From some number on there are enough, and with none at all there never are.
    assert in_trouble == sorted(in_trouble, reverse=True)
    assert (in_trouble[0], in_trouble[-1]) == (True, False)
    assert ran.read_text().split() == ids


async def _is_in_trouble(worker: Worker, job_id: str) -> bool:
    """Whether the worker says that it cannot start the job; False if it has settled it."""
    before = len(worker.told)
    async with asyncio.timeout(ENOUGH):
        while True:
            for told in worker.told[before:]:
                if told["event"] == "Trouble" and told["text"] == NO_FILES:
                    return True
                if told["event"] == "Settled" and told["job"] == job_id:
                    return False
            await worker.read()


async def test_several_jobs_that_cannot_be_started_are_told_of_once_and_it_is_over_when_all_have_started(
    database: Path,
) -> None:
    async with working(database, 3) as worker:
        worker.leave_descriptors(0)
        ids = await enqueue(database, *["true"] * 3)
        await worker.hear("Trouble", text=NO_FILES)
        worker.allow_descriptors()
        await worker.hear("TroubleOver", text=NO_FILES)
        for job_id in ids:
            await worker.hear("Started", job=job_id)
            await worker.hear("Settled", job=job_id, state="completed", attempts=1)
        await worker.stop()
        assert worker.troubles("cannot start") == [NO_FILES]


async def test_the_end_of_a_shortage_is_told_when_the_job_starts_and_not_when_it_ends(
    database: Path, gate: Gate
) -> None:
    async with working(database) as worker:
        worker.leave_descriptors(0)
        (job_id,) = await enqueue(database, gate.pass_)
        await worker.hear("Trouble", text=NO_FILES)
        worker.allow_descriptors()
        await worker.hear("TroubleOver", text=NO_FILES)
        await gate.open()
        await worker.hear("Settled", job=job_id)
        await worker.stop()


async def test_a_child_that_no_descriptor_is_left_for_is_waited_for_and_not_started_again(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_pidfd, ran = os.pidfd_open, tmp_path / "ran"
    refused: list[OSError] = []

    def open_pidfd_with_none_left(pid: int, flags: int = 0) -> int:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        os.close(lowest := os.dup(0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            return open_pidfd(pid, flags)
        except OSError as error:
            refused.append(error)
            raise
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    monkeypatch.setattr(os, "pidfd_open", open_pidfd_with_none_left)
    told: list[Event] = []
    async with Queue.open(database) as queue:
        await queue.enqueue(f"echo started >> {ran}; sleep 0.1; echo ended >> {ran}")
        store = await open_store(str(database), worker=True)
        try:
            await Node(store, Options(burst=True), told.append).run()
        finally:
            await store.close()
    assert refused
    assert ran.read_text().split() == ["started", "ended"]
    assert [str(event.ending) for event in told if isinstance(event, Settled)] == ["exit code 0"]


async def test_what_a_job_leaves_in_its_group_is_ended_also_without_descriptors(
    database: Path, gate: Gate, tmp_path: Path
) -> None:
    pids = Gate(tmp_path / "pids")
    async with working(database) as worker:
        (job_id,) = await enqueue(database, f"sleep 1000 & echo $$ > {pids.path}; {gate.pass_}")
        await worker.hear("Started", job=job_id)
        shell = int(pids.path.read_text())
        worker.leave_descriptors(0)
        await gate.open()
        await worker.hear("Settled", job=job_id, state="completed")
        assert not [process for process in proc.running() if process.group == shell]
        worker.allow_descriptors()
        await worker.stop()


@pytest.mark.parametrize("spare", [0, 1])
async def test_a_dead_worker_is_not_believed_to_have_left_nothing_when_no_descriptor_is_there_to_look_with(
    spare: int, database: Path, tmp_path: Path
) -> None:
    began, left, ran = Gate(tmp_path / "began"), tmp_path / "left", tmp_path / "ran"
    command = f"""
        if [ $AQUEUE_RUN = 2 ]; then
            grep -q "^State:.[^ZX]" /proc/$(cat {left})/status && echo overlap >> {ran}
            echo second >> {ran}
            exit
        fi
        setsid sleep 1000 & echo $! > {left}; echo > {began.path}; wait
    """
    async with working(database) as first:
        (job_id,) = await enqueue(database, command, backoff_base=0.001)
        await first.hear("Started", job=job_id)
        began.path.read_text()
        async with working(database) as second:
            second.leave_descriptors(spare)
            await first.kill()
            while "cannot take back" not in (trouble := await second.hear("Trouble"))["text"]:
                pass  # there may be none for something else, too
            second.allow_descriptors()
            await second.hear("TroubleOver", text=trouble["text"])
            await second.hear("Settled", job=job_id, run=2, state="completed")
            await second.stop()
            assert len(second.troubles("cannot take back")) == 1
    assert ran.read_text().split() == ["second"]


async def test_when_no_process_can_be_made_the_job_waits_and_pays_nothing(folder_of_nobody: Path) -> None:
    database = folder_of_nobody / "queue.db"
    async with working(database, user=NOBODY) as worker:
        await _allow_processes(worker, "1")
        os.chown(database, 0, 0)
        (job_id,) = await enqueue(database, "true")
        await worker.hear("Trouble", text=NO_PROCESSES)
        await _allow_processes(worker, "1000")
        await worker.hear("TroubleOver", text=NO_PROCESSES)
        await worker.hear("Settled", job=job_id, state="completed", run=1, attempts=1)
        await worker.stop()
        assert worker.troubles() == [NO_PROCESSES]


async def _allow_processes(worker: Worker, limit: str) -> None:
    assert await run("prlimit", "--pid", str(worker.pid), f"--nproc={limit}:", user=NOBODY) == (0, "", "")


async def test_a_job_that_waits_for_descriptors_can_be_cancelled_and_interrupted(database: Path) -> None:
    async with working(database, 2) as worker:
        worker.leave_descriptors(0)
        ids = await enqueue(database, "true", "true")
        await worker.hear("Trouble", text=NO_FILES)
        async with Queue.open(database) as queue:
            await queue.cancel(ids[0])
        worker.allow_descriptors()
        await worker.hear("TroubleOver", text=NO_FILES)
        await worker.stop()
    assert {job["state"] for job in (await jobs(database)).values()} <= {"completed", "cancelled", "pending"}
