"""Stopping what runs: by hand, by its timeout, and politely first."""

import os
import resource
import sys
from pathlib import Path

import pytest
from faults.harness import Gate, enqueue, jobs, run, working

from aqueue.engine import proc
from aqueue.model.job import State
from aqueue.queue import Queue
from process.test_output import peak


async def aqueue(database: Path, *words: str) -> tuple[int, str, str]:
    return await run(sys.executable, "-m", "aqueue", "--db", str(database), *words)


async def test_cancel_sends_term_to_the_whole_group_and_the_job_ends_cancelled(database: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = f"trap 'echo shell >>{told}; exit 0' TERM; sh -c \"trap 'echo child >>{told}; exit' TERM; echo >{tmp_path}/up; while :; do sleep 0.01; done\" & while :; do sleep 0.01; done"  # noqa: E501
    (job,) = await enqueue(database, command)
    async with working(database) as worker:
        await worker.hear("Started", job=job)
        while not (tmp_path / "up").exists():
            os.sched_yield()
        assert await aqueue(database, "cancel", job) == (0, "", f"Cancelled job {job}.\n")
        settled = await worker.hear("Settled", job=job)
        assert (settled["state"], settled["ending"]) == ("cancelled", "cancelled")
        await worker.stop()
    assert sorted(told.read_text().split()) == ["child", "shell"]


@pytest.mark.parametrize(
    "deaf", ["trap '' TERM; while :; do sleep 0.01; done", "kill -STOP $$"], ids=["deaf", "stopped"]
)
async def test_what_does_not_heed_term_is_killed_after_a_while(database: Path, deaf: str) -> None:
    async with Queue.open(database) as queue:
        await queue.set_setting("kill_after", "0.2s")
        (job,) = await enqueue(database, f"echo $$; {deaf}")
        async with working(database) as worker:
            async for (seen,) in queue.watch(job):
                pieces = [piece async for piece in queue.output(seen, 1)]
                if pieces:
                    break
            await queue.cancel(job)
            assert (await queue.get(job)).state == "processing"
            assert (await worker.hear("Settled", job=job))["state"] == "cancelled"
            assert proc.look_at(int(pieces[0].data)) is None
            await worker.stop()


async def test_a_timeout_ends_each_run_and_counts(database: Path) -> None:
    (job,) = await enqueue(database, "sleep 4712", timeout=0.1, max_retries=1, backoff_base=0.05)
    async with working(database) as worker:
        assert (await worker.hear("Settled", job=job))["state"] == "failed"
        assert (await worker.hear("Settled", job=job))["state"] == "dead"
        await worker.stop()
    assert (await jobs(database))[job]["error"] == "timed out after 0.1 s"
    assert (await aqueue(database, "wait", job))[0] == 124


async def test_a_cancel_that_comes_when_the_run_has_ended_well_changes_nothing(database: Path, gate: Gate) -> None:
    (job,) = await enqueue(database, "true")
    async with working(database) as worker:
        await worker.hear("Settled", job=job)
        code, _, err = await aqueue(database, "cancel", job)
        assert (code, err) == (1, f"Error: job {job} is completed and cannot be cancelled\n")
        await worker.stop()


async def test_a_running_job_cannot_be_edited_or_removed(database: Path, gate: Gate) -> None:
    (job,) = await enqueue(database, gate.pass_)
    async with working(database) as worker:
        await worker.hear("Started", job=job)
        for words in (("edit", job, "--priority", "1"), ("remove", job)):
            code, out, err = await aqueue(database, *words)
            assert (code, out, err.startswith(f"Error: job {job} is processing")) == (1, "", True)
        await gate.open()
        await worker.stop()


async def test_what_a_run_used_is_in_its_history(database: Path) -> None:
    busy = f"{sys.executable} -c \"x = b'x' * 600_000_000; sum(range(3_000_000))\""
    large, small = await enqueue(database, busy, "true")
    async with working(database) as worker, Queue.open(database) as queue:
        await queue.wait(large, small)
        (of_large,) = await queue.runs(await queue.get(large))
        (of_small,) = await queue.runs(await queue.get(small))
        await worker.stop()
    if sys.version_info < (3, 12):
        assert of_large.cpu_seconds is not None
        assert of_large.cpu_seconds > 0.01
        assert of_large.peak_bytes is not None
        assert 600_000_000 < of_large.peak_bytes < 800_000_000
        assert of_small.peak_bytes is None


async def test_show_shell_prints_a_line_that_runs_the_job_by_hand(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    folder.mkdir()
    command = "printf '%s|%s|%s' \"$PWD\" \"$GREETING\" 'a  b'"
    words = ("enqueue", "--cwd", str(folder), "--env", "GREETING=it's $HOME", "--id", "job", command)
    assert (await aqueue(database, *words))[0] == 0
    _, line, _ = await aqueue(database, "show", "job", "--shell")
    assert await run("sh", "-c", line) == (0, f"{folder}|it's $HOME|a  b", "")


@pytest.mark.long
async def test_a_thousand_sleeping_jobs_run_together_in_a_small_worker(database: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    ids = await enqueue(database, *[f"read x <{gate}"] * 1000)
    writer = os.open(gate, os.O_RDWR)
    async with working(database, concurrency=1000) as worker, Queue.open(database) as queue:
        worker.allow(resource.RLIMIT_NOFILE, 4096)
        async for _ in queue.changes():
            if (await queue.status()).counts[State.PROCESSING] == 1000:
                break
        for job in ids:
            await worker.hear("Started", job=job)
        os.write(writer, b"\n" * 1000)  # an empty line for each of them
        for job in ids:
            await worker.hear("Settled", job=job)
        assert peak(worker.pid) < 100 * 1024
        await worker.stop()
    os.close(writer)
    assert {one["state"] for one in (await jobs(database)).values()} == {"completed"}


async def test_a_job_has_no_descriptor_but_its_three_whatever_was_left_open_to_its_worker(database: Path) -> None:
    (job,) = await enqueue(database, "ls /proc/$$/fd; true")
    left = ("sh", "-c", 'exec "$@" 7</dev/null', "sh")
    async with working(database, inside=left) as worker, Queue.open(database) as queue:
        await worker.hear("Settled", job=job)
        printed = b"".join([piece.data async for piece in queue.output(await queue.get(job), 1)])
        await worker.stop()
    assert printed.split() == [b"0", b"1", b"2"]
