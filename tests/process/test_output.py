"""What runs print: kept byte for byte, in order, head and tail; shown later and while it happens."""

import asyncio
import fcntl
import os
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from faults.harness import ENOUGH, Gate, enqueue, environ, jobs, run, working

from aqueue.engine import proc
from aqueue.queue import Queue
from aqueue.store.printed import Stream

KIBI = 1024
PIPE = 60 * KIBI
"""When a pipe is as good as full."""


async def printed(database: Path, command: str, **options: Any) -> tuple[bytes, bytes]:
    """What `aqueue logs` writes to its stdout and its stderr of a job that has run."""
    (job,) = await enqueue(database, command, max_retries=0, **options)
    async with working(database) as worker, Queue.open(database) as queue:
        await queue.wait(job)
        await worker.stop()
    return await logs(database, job)


async def logs(database: Path, *words: str) -> tuple[bytes, bytes]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aqueue", "--db", str(database), "logs", *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ(),
    )
    async with asyncio.timeout(ENOUGH):
        return await process.communicate()


@pytest.mark.parametrize(
    ("command", "stdout", "stderr"),
    [
        (r"printf '\377\376\000\001\033[31m'", b"\xff\xfe\x00\x01\x1b[31m", b""),
        (r"printf 'no newline'", b"no newline", b""),
        (r"echo out; echo err >&2; echo more", b"out\nmore\n", b"err\n"),
        (r"exec >&-; echo lost; echo err >&2; exit 0", b"", None),
        (r"true", b"", b""),
        (r"printf '\n\n\n'", b"\n\n\n", b""),
    ],
    ids=["binary", "no newline at the end", "both streams", "closed stdout", "nothing", "blank lines"],
)
async def test_output_is_kept_byte_for_byte(database: Path, command: str, stdout: bytes, stderr: bytes | None) -> None:
    out, err = await printed(database, command)
    assert out == stdout
    assert err == stderr or (stderr is None and err.endswith(b"err\n"))


@pytest.mark.long
async def test_a_line_of_ten_megabytes_keeps_its_head_and_its_tail_and_says_what_is_missing(database: Path) -> None:
    out, err = await printed(database, "printf begin; head -c 10000000 /dev/zero | tr '\\0' x; printf end")
    assert out.startswith(b"beginxxx")
    assert out.endswith(b"xxxend")
    assert len(out) <= KIBI * KIBI
    left_out = re.fullmatch(rb"\[\xe2\x80\xa6 (\d+)KiB left out \xe2\x80\xa6\]\n", err)
    assert left_out is not None, err
    assert abs(10_000_008 - len(out) - int(left_out[1]) * KIBI) < KIBI


async def test_the_order_between_the_streams_is_that_in_which_they_came(database: Path, tmp_path: Path) -> None:
    (job,) = await enqueue(database, "for i in 1 2 3; do echo o$i; sleep 0.02; echo e$i >&2; sleep 0.02; done")
    async with working(database) as worker, Queue.open(database) as queue:
        await queue.wait(job)
        pieces = [piece async for piece in queue.output(await queue.get(job), 1)]
        await worker.stop()
    assert [(piece.stream, piece.data) for piece in pieces] == [
        (stream, f"{letter}{number}\n".encode())
        for number in (1, 2, 3)
        for stream, letter in ((Stream.STDOUT, "o"), (Stream.STDERR, "e"))
    ]
    assert [piece.at for piece in pieces] == sorted(piece.at for piece in pieces)


async def test_a_run_ends_when_its_shell_ends_and_what_it_left_in_its_group_is_ended(database: Path) -> None:
    (job,) = await enqueue(
        database, "(trap 'echo ended; exit' TERM; while :; do sleep 0.01; done) & echo $!; exit 3", max_retries=0
    )
    async with working(database) as worker:
        assert (await worker.hear("Settled", job=job))["ending"] == "exit code 3"
        await worker.stop()
    out, _ = await logs(database, job)
    pid, said = out.split(b"\n", 1)
    assert said in {b"ended\n", b""}
    assert proc.look_at(int(pid)) is None


async def test_output_after_the_shell_has_ended_is_nobodys_and_keeps_nobody(database: Path, tmp_path: Path) -> None:
    left = f"setsid sh -c 'echo $$ > {tmp_path}/pid; while echo late; do sleep 0.01; done' &"
    (job,) = await enqueue(
        database, f"{left} until test -s {tmp_path}/pid; do :; done; echo early; exit 3", max_retries=0
    )
    async with working(database) as worker:
        assert (await worker.hear("Settled", job=job))["ending"] == "exit code 3"
        await worker.stop()
    out, _ = await logs(database, job)
    assert out.replace(b"late\n", b"") == b"early\n"
    while proc.look_at(int((tmp_path / "pid").read_text())) is not None:
        os.sched_yield()  # its pipe is closed: the next echo fails


async def test_two_hundred_jobs_that_print_at_once_keep_what_is_theirs(database: Path) -> None:
    ids = await enqueue(database, *(f"echo {n}; seq 100; echo {n} >&2" for n in range(200)))
    async with working(database, concurrency=50) as worker, Queue.open(database) as queue:
        await queue.wait(*ids)
        for number, job in enumerate(ids):
            pieces = [piece async for piece in queue.output(await queue.get(job), 1)]
            out = b"".join(piece.data for piece in pieces if piece.stream is Stream.STDOUT)
            err = b"".join(piece.data for piece in pieces if piece.stream is Stream.STDERR)
            assert out == f"{number}\n".encode() + b"".join(b"%d\n" % n for n in range(1, 101))
            assert err == f"{number}\n".encode()
        await worker.stop()


@pytest.mark.long
async def test_a_job_that_prints_a_gigabyte_does_not_grow_the_worker(database: Path) -> None:
    (small,) = await enqueue(database, "seq 100000")
    async with working(database, concurrency=2) as worker:
        await worker.hear("Settled", job=small)
        before = peak(worker.pid)
        large, beside = await enqueue(database, "head -c 1000000000 /dev/zero", "true")
        assert (await worker.hear("Settled", job=beside))["state"] == "completed"
        assert (await worker.hear("Settled", job=large))["state"] == "completed"
        grown = peak(worker.pid) - before
        await worker.stop()
    assert grown < 10 * KIBI
    with closing(sqlite3.connect(database)) as rows:
        kept, end = rows.execute(
            "SELECT sum(length(data)), max(start + length(data)) FROM aqueue_output WHERE job = ?", (int(large),)
        ).fetchone()
    assert kept <= KIBI * KIBI
    assert end == 1_000_000_000


def peak(pid: int) -> int:
    """The largest resident memory of a process, in KiB."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0])


async def test_all_output_together_is_bounded_and_the_oldest_finished_goes_first(database: Path) -> None:
    async with Queue.open(database) as queue:
        await queue.set_setting("output_total", "3MiB")
    ids = await enqueue(database, *["head -c 1000000 /dev/zero"] * 5)
    async with working(database) as worker, Queue.open(database) as queue:
        await queue.wait(*ids)
        await worker.stop()
    with closing(sqlite3.connect(database)) as rows:
        (total,) = rows.execute("SELECT sum(length(data)) FROM aqueue_output").fetchone()
        kept = [job for (job,) in rows.execute("SELECT DISTINCT job FROM aqueue_output ORDER BY job")]
    assert total <= 3 * KIBI * KIBI
    assert str(kept[-1]) == ids[-1]
    assert ids[0] not in map(str, kept)


async def test_a_follower_prints_what_a_job_says_while_it_says_it_over_its_retries(database: Path, gate: Gate) -> None:
    command = f'echo "run $AQUEUE_RUN"; echo err >&2; {gate.pass_}; test $AQUEUE_RUN = 2'
    (job,) = await enqueue(database, command, backoff_base=0.05)
    follower = await follow(database, job)
    async with working(database) as worker:
        assert await line(follower) == b"run 1\n"
        await gate.open()
        assert await line(follower) == b"run 2\n"
        await gate.open()
        out, err = await follower.communicate()
        assert (out, re.sub(rb"^Job 1 has not run yet: .*\n", b"", err)) == (b"", b"err\nerr\n")
        assert follower.returncode == 0
        await worker.stop()


async def test_ctrl_c_of_a_follower_leaves_the_job_alone(database: Path, gate: Gate) -> None:
    (job,) = await enqueue(database, f"echo here; {gate.pass_}")
    async with working(database) as worker:
        follower = await follow(database, job)
        assert await line(follower) == b"here\n"
        follower.send_signal(signal.SIGINT)
        assert await follower.communicate() == (b"", b"")
        assert follower.returncode == 130
        await gate.open()
        assert (await worker.hear("Settled", job=job))["state"] == "completed"
        await worker.stop()


async def test_ctrl_c_ends_a_follower_that_nobody_reads(database: Path) -> None:
    (job,) = await enqueue(database, "head -c 400000 /dev/zero", max_retries=0)
    reading, writing = os.pipe()
    async with working(database) as worker:
        follower = await follow(database, job, stdout=writing)
        os.close(writing)
        await worker.hear("Settled", job=job)
        while waiting_in(reading) < PIPE:
            os.sched_yield()
        follower.send_signal(signal.SIGINT)
        async with asyncio.timeout(ENOUGH):
            assert await follower.wait() == 130
        await worker.stop()
    os.close(reading)


def waiting_in(pipe: int) -> int:
    """How many bytes wait to be read."""
    count: int = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
    return count


async def test_a_follower_that_is_too_slow_skips_and_says_so(database: Path, gate: Gate) -> None:
    (job,) = await enqueue(database, f"echo begin; {gate.pass_}; head -c 9000000 /dev/zero; echo; echo end")
    async with working(database) as worker:
        follower = await follow(database, job)
        assert await line(follower) == b"begin\n"
        await gate.open()
        assert (await worker.hear("Settled", job=job))["state"] == "completed"
        out, err = await follower.communicate()
        await worker.stop()
    assert out.startswith(b"\0\0\0")
    assert out.endswith(b"\0\0\nend\n")
    assert len(out) < 2 * KIBI * KIBI
    assert re.fullmatch(rb"(Job 1 has not run yet: .*\n)?(\[\xe2\x80\xa6 \d+KiB left out \xe2\x80\xa6\]\n)+", err)


async def test_follow_of_a_finished_job_prints_all_and_ends(database: Path) -> None:
    await printed(database, "echo out; echo err >&2", id="job")
    assert await logs(database, "job", "--follow") == (b"out\n", b"err\n")
    assert await logs(database, "job", "--follow", "--tail", "0") == (b"", b"")


async def test_follow_of_one_run_ends_with_that_run(database: Path, gate: Gate) -> None:
    command = f'echo "run $AQUEUE_RUN"; {gate.pass_}; exit 1'
    (job,) = await enqueue(database, command, backoff_base=0.05, max_retries=1)
    async with working(database) as worker:
        await worker.hear("Started", job=job)
        first = await follow(database, job, "--run", "1")
        assert await line(first) == b"run 1\n"
        await gate.open()
        assert await first.communicate() == (b"", b"")
        await worker.hear("Started", job=job)
        assert await logs(database, job, "--follow", "--run", "1") == (b"run 1\n", b"")
        assert b"has no run 3: it had runs 1 to 2" in (await logs(database, job, "--run", "3"))[1]
        await gate.open()
        await worker.hear("Settled", job=job, state="dead")
        await worker.stop()


async def test_a_job_that_has_not_run_has_printed_nothing_and_it_is_said_why(database: Path) -> None:
    await enqueue(database, "true", id="job", hold=True)
    assert await logs(database, "job") == (
        b"",
        b"Job job has not run yet: it is held; `aqueue release job` lets it run.\n",
    )
    assert (await logs(database, "job", "--run", "1"))[1] == b"Error: job job has no run 1: it had none yet\n"


async def follow(database: Path, job: str, *words: str, stdout: int = subprocess.PIPE) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aqueue", "--db", str(database), "logs", "--follow", job, *words),
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environ(),
    )


async def line(follower: asyncio.subprocess.Process) -> bytes:
    assert follower.stdout is not None
    async with asyncio.timeout(ENOUGH):
        return await follower.stdout.readline()


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["--tail", "2"], b"4\n5"),
        (["--tail", "0"], b""),
        (["--tail", "99"], b"1\n2\n3\n4\n5"),
        (["--stderr"], b""),
        (["--stdout", "--tail", "1"], b"5"),
    ],
    ids=str,
)
async def test_logs_shows_the_part_that_is_asked_for(database: Path, words: Sequence[str], out: bytes) -> None:
    await printed(database, "for i in 1 2 3 4; do echo $i; done; echo err >&2; printf 5", id="job")
    assert (await logs(database, "job", *words))[0] == out


async def test_timestamps_stand_before_each_line(database: Path) -> None:
    await printed(database, "echo one; echo two", id="job")
    out, _ = await logs(database, "job", "--timestamps")
    assert [re.fullmatch(rb"\d\d:\d\d:\d\d\.\d\d\d (.*)", one)[1] for one in out.splitlines()] == [b"one", b"two"]  # type: ignore[index]


async def test_the_last_report_of_progress_is_shown(database: Path, gate: Gate) -> None:
    (job,) = await enqueue(
        database,
        f"echo '::progress 10 first'; printf '::prog'; sleep 0.05; echo 'ress 42 almost "
        f"there'; echo '::progress 101 no'; {gate.pass_}",
    )
    async with working(database) as worker, Queue.open(database) as queue:
        async for (seen,) in queue.watch(job):
            if seen.progress == "42 almost there":
                break
        for words in (["list"], ["show", job], ["status"]):
            code, out, _ = await run(sys.executable, "-m", "aqueue", "--db", str(database), *words)
            assert (code, "42 almost there" in out) == (0, True), words
        await gate.open()
        await worker.hear("Settled", job=job)
        await worker.stop()


async def test_enqueue_follow_prints_as_the_job_and_exits_with_its_code(database: Path) -> None:
    async with working(database) as worker:
        words = ("enqueue", "--follow", "--max-retries", "0", "echo out; echo err >&2; exit 7")
        code, out, err = await run(sys.executable, "-m", "aqueue", "--db", str(database), *words)
        assert (code, out) == (7, "out\n")
        assert err.startswith("err\n")
        await worker.stop()
    assert {one["state"] for one in (await jobs(database)).values()} == {"dead"}
