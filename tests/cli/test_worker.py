"""The worker as a person meets it: a real process, its lines, its signals, and the commands that stop and list it."""

import asyncio
import contextlib
import fcntl
import json
import os
import re
import signal
import stat
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

import aqueue
from aqueue import Job, Queue
from aqueue.cli.lines import MOST_WAITING, Lines
from aqueue.engine.cpus import usable_cpus
from aqueue.model.job import State

PATIENCE = 30.0
"""Seconds until a test gives up on what it waits for."""


class Place:
    """A folder with a queue, and the processes that a test starts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "queue.db"
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(Path(aqueue.__file__).parents[1]),
            "AQUEUE_DB": str(self.database),
        }
        self._started: list[Process] = []

    def queue(self) -> contextlib.AbstractAsyncContextManager[Queue]:
        return Queue.open(self.database, environ=self.environ)

    async def process(
        self, *words: str, stdout: int = PIPE, environ: Mapping[str, str] = MappingProxyType({})
    ) -> Process:
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=DEVNULL,
            stdout=stdout,
            stderr=PIPE,
        )
        self._started.append(process)
        return process

    async def worker(self, *options: str, **environ: str) -> "Worker":
        return Worker(await self.process(*AQUEUE, "worker", *options, environ=environ))

    async def run(self, *words: str, **environ: str) -> tuple[int | None, str, str]:
        process = await self.process(*AQUEUE, *words, environ=environ)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        return process.returncode, out.decode(), err.decode()

    async def close(self) -> None:
        """End what is left, jobs included: a second signal to a worker ends them."""
        async with self.queue() as queue:
            for worker in await queue.workers():
                for number in (signal.SIGINT, signal.SIGINT):
                    os.kill(worker.pid, number)
        for process in self._started:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 5)
            if process.returncode is None:
                process.kill()
                await process.wait()


class Worker:
    """A worker in a process of its own, and what it has said so far."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.said = ""

    async def says(self, part: str) -> str:
        """Wait for a line that has this in it; returns the line."""
        assert self.process.stdout is not None
        while line := (await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)).decode():
            self.said += line
            if part in line:
                return line.rstrip("\n")
        raise AssertionError(f"never said {part!r}, but:\n{self.said}")

    async def ends(self) -> int:
        """Wait for the end; returns the exit code. All that it said is in `said` then."""
        assert self.process.stdout is not None
        self.said += (await asyncio.wait_for(self.process.stdout.read(), PATIENCE)).decode()
        return await asyncio.wait_for(self.process.wait(), PATIENCE)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


class Gate:
    """What a job waits for: a named pipe that the test opens."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "gate"
        os.mkfifo(self._path)
        self.command = f"read _ < {self._path}"

    def open(self) -> None:
        self._path.write_text("go\n")


AQUEUE = (sys.executable, "-m", "aqueue")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path)
    yield place
    await place.close()


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


async def test_a_worker_tells_each_start_end_retry_and_death_in_a_line_with_the_time(place: Place) -> None:
    async with place.queue() as queue:
        await queue.enqueue("echo hi", id="good")
        await queue.enqueue("echo oops >&2; exit 3", id="bad", max_retries=1, backoff_base=0.05)
        await queue.enqueue("exit 4", id="hopeless", no_retry_on=[4])
        await queue.enqueue("sleep 60", id="slow", timeout=0.05, max_retries=0)
        await queue.enqueue('test "$AQUEUE_RUN" = 2 || exit 75', id="later", defer_on=[75], backoff_base=0.05)
        await queue.enqueue("true")
    worker = await place.worker("--burst", "--concurrency", "2")
    assert await worker.ends() == 0
    for line in (
        r"worker w[0-9a-f]{8} started: 2 slots, /.*/queue\.db",
        r"good started: echo hi",
        r"good completed in \S+ s",
        r"bad started: echo oops >&2; exit 3",
        r"bad failed: exit code 3: oops; retry 1 of 1 in 0\.05 s",
        r"bad started, attempt 2 of 2: echo oops >&2; exit 3",
        r"bad is dead after 2 attempts: exit code 3: oops",
        r"hopeless is dead after 1 attempt: exit code 4 \(not to be retried\)",
        r"slow is dead after 1 attempt: timed out after 0\.05 s",
        r"later put off: exit code 75; again, uncounted, in 0\.05 s",
        r"later completed in \S+ s",
        r"job 6 started: true",
        r"worker w[0-9a-f]{8} stopped: .*3 completed.*",
        r"worker w[0-9a-f]{8} stopped: .*1 put off.*",
    ):
        assert re.search(rf"^\d\d:\d\d:\d\d {line}$", worker.said, re.MULTILINE), (line, worker.said)


async def test_what_others_wrote_cannot_command_the_terminal(place: Place) -> None:
    async with place.queue() as queue:
        await queue.enqueue("printf '\x1b]0;owned\x07\u202e\n\\033[31mred\\n' >&2; exit 1", max_retries=0)
    worker = await place.worker("--burst", "--concurrency", "1")
    assert await worker.ends() == 0
    assert not set(worker.said) & {"\x1b", "\x07", "\u202e"}
    assert r"printf '\x1b]0;owned\x07\u202e\n\033[31mred" in worker.said
    assert r"exit code 1: \x1b[31mred" in worker.said


async def test_where_the_encoding_has_no_such_character_a_line_still_comes(place: Place) -> None:
    async with place.queue() as queue:
        await queue.enqueue(f"true grüezi {'x' * 100}")
    worker = await place.worker("--burst", PYTHONIOENCODING="ascii")
    assert await worker.ends() == 0
    assert re.search(r"true gr\\xfcezi x+\.\.\.\n", worker.said)


async def test_without_a_number_there_are_as_many_slots_as_usable_cpus(place: Place) -> None:
    worker = await place.worker("--burst")
    assert await worker.ends() == 0
    cpus = usable_cpus()
    assert f"started: {cpus} slot" in worker.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_the_first_signal_waits_for_what_runs_and_takes_nothing_new(
    place: Place, gate: Gate, number: signal.Signals
) -> None:
    worker = await place.worker("--concurrency", "2")
    async with place.queue() as queue:
        await queue.enqueue(gate.command, id="running")
        await worker.says("running started")
        worker.send(number)
        line = await worker.says("Draining")
        assert "waiting for 1 job to end; a second signal ends it and puts it back" in line
        await queue.enqueue("true", id="new")
        gate.open()
        assert await worker.ends() == 0
        assert [job.state for job in await queue.find(["running", "new"])] == [State.COMPLETED, State.PENDING]
        assert not await queue.workers()


async def test_a_second_signal_ends_the_jobs_and_puts_them_back_uncounted(place: Place, gate: Gate) -> None:
    worker = await place.worker("--concurrency", "2")
    async with place.queue() as queue:
        await queue.enqueue(gate.command, id="running")
        await worker.says("running started")
        worker.send(signal.SIGINT)
        await worker.says("Draining")
        worker.send(signal.SIGTERM)
        assert await worker.ends() == 0
        job = await queue.get("running")
        assert (job.state, job.attempts, job.run) == (State.PENDING, 0, 1)
        assert [run.ending for run in await queue.runs(job)] == ["interrupted"]
    assert "running interrupted and put back, uncounted" in worker.said


async def test_after_the_grace_the_jobs_are_ended_and_put_back_even_if_they_ignore_it(place: Place) -> None:
    worker = await place.worker("--concurrency", "1", "--grace", "0.05s")
    async with place.queue() as queue:
        await queue.enqueue("trap '' TERM; echo; while :; do sleep 60; done", id="stubborn")
        await worker.says("stubborn started")
        worker.send(signal.SIGTERM)
        assert await worker.ends() == 0
        job = await queue.get("stubborn")
        assert (job.state, job.attempts) == (State.PENDING, 0)


async def test_a_signal_that_comes_when_all_is_over_does_not_spoil_the_exit_code(place: Place) -> None:
    worker = await place.worker()
    await worker.says("started")
    worker.send(signal.SIGTERM)
    await worker.says("stopped")
    with contextlib.suppress(ProcessLookupError):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            worker.send(number)
    assert await worker.ends() == 0


async def test_a_worker_under_nohup_outlives_a_hangup(place: Place) -> None:
    worker = Worker(await place.process("/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *AQUEUE, "worker"))
    await worker.says("started")
    worker.send(signal.SIGHUP)
    async with place.queue() as queue:
        job = await queue.enqueue("true")
        await queue.wait(job.id, timeout=PATIENCE)
    worker.send(signal.SIGTERM)
    assert await worker.ends() == 0
    assert "Draining" not in worker.said


async def test_a_burst_waits_for_retries_but_not_for_what_is_scheduled_or_held(place: Place) -> None:
    async with place.queue() as queue:
        await queue.enqueue('test "$AQUEUE_ATTEMPT" = 2', id="retried", backoff_base=0.05)
        await queue.enqueue("true", id="scheduled", delay=3600)
        await queue.enqueue("true", id="held", hold=True)
        worker = await place.worker("--burst")
        assert await worker.ends() == 0
        jobs = await queue.find(["retried", "scheduled", "held"])
    assert [job.state for job in jobs] == [State.COMPLETED, State.SCHEDULED, State.SCHEDULED]


async def test_a_detached_worker_goes_on_after_its_command_until_it_is_stopped(place: Place) -> None:
    code, out, err = await place.run("worker", "start", "--count", "3", "--detach")
    worker = out.strip()
    log = place.folder / "queue.db.log"
    assert (code, out) == (0, f"{worker}\n")
    assert re.fullmatch("w[0-9a-f]{8}", worker)
    assert str(log) in err
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    async with place.queue() as queue:
        (seen,) = await queue.workers()
        assert (seen.id, seen.concurrency) == (worker, 3)
        job = await queue.enqueue("true")
        await queue.wait(job.id, timeout=PATIENCE)
    code, out, err = await place.run("worker", "stop")
    assert (code, out) == (0, "")
    assert f"Asked {worker} to stop." in err
    assert f"{worker} has stopped." in err
    assert "job 1 completed" in log.read_text()
    assert f"worker {worker} stopped" in log.read_text()


async def test_a_worker_that_cannot_start_in_the_background_says_why_in_one_line(place: Place) -> None:
    code, out, err = await place.run("--db", str(place.folder), "worker", "--detach")
    assert (code, out, err) == (1, "", f"Error: {place.folder} is a folder; name a file in it\n")
    code, out, err = await place.run("worker", "--detach", AQUEUE_TIMEOUT="soon")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"Error: timeout: 'soon' is not a duration; .*\n", err)


async def test_workers_are_listed_for_people_and_for_scripts(place: Place, gate: Gate) -> None:
    async with place.queue() as queue:
        worker = await place.worker("--concurrency", "2")
        await queue.enqueue(gate.command)
        await worker.says("job 1 started")
    code, out, _ = await place.run("worker", "list", "--json")
    (document,) = json.loads(out)
    assert code == 0
    assert list(document) == ["id", "pid", "host", "concurrency", "running", "started_at", "queues"]
    assert (document["pid"], document["concurrency"], document["running"]) == (worker.process.pid, 2, 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document["started_at"])
    _, out, _ = await place.run("worker", "list", "--jsonl")
    assert json.loads(out) == document
    _, out, _ = await place.run("worker", "list")
    assert document["id"] in out
    gate.open()


async def test_of_two_workers_the_one_that_is_named_stops(place: Place) -> None:
    first, second = await place.worker(), await place.worker()
    named = (await first.says("started")).split()[2]
    other = (await second.says("started")).split()[2]
    code, _, err = await place.run("worker", "stop", named)
    assert (code, await first.ends()) == (0, 0)
    assert other not in err
    async with place.queue() as queue:
        assert [worker.id for worker in await queue.workers()] == [other]


async def test_stop_waits_for_the_running_job_and_for_the_end_of_the_process(place: Place, gate: Gate) -> None:
    worker = await place.worker()
    async with place.queue() as queue:
        await queue.enqueue(gate.command, id="running")
        await worker.says("running started")
        stop = await place.process(*AQUEUE, "worker", "stop")
        line = await worker.says("Draining")
        assert "`aqueue worker stop --now` ends it and puts it back" in line
        gate.open()
        assert await asyncio.wait_for(stop.wait(), PATIENCE) == 0
        assert await worker.ends() == 0
        assert (await queue.get("running")).state is State.COMPLETED


async def test_stop_now_ends_the_jobs_first(place: Place, gate: Gate) -> None:
    worker = await place.worker()
    async with place.queue() as queue:
        await queue.enqueue(gate.command, id="running")
        await worker.says("running started")
        code, _, err = await place.run("worker", "stop", "--now")
        assert (code, await worker.ends()) == (0, 0)
        assert "to end 1 job and stop" in err
        job = await queue.get("running")
        assert (job.state, job.attempts) == (State.PENDING, 0)


async def test_ctrl_c_ends_the_waiting_of_stop_but_not_the_drain(place: Place, gate: Gate) -> None:
    worker = await place.worker()
    async with place.queue() as queue:
        await queue.enqueue(gate.command, id="running")
        await worker.says("running started")
        stop = await place.process(*AQUEUE, "worker", "stop")
        assert stop.stderr is not None
        assert b"waiting for 1 job" in await asyncio.wait_for(stop.stderr.readline(), PATIENCE)
        stop.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(stop.wait(), PATIENCE) == 130
        gate.open()
        assert await worker.ends() == 0
        assert (await queue.get("running")).state is State.COMPLETED


async def test_stop_does_not_wait_for_a_worker_that_was_killed(place: Place, gate: Gate) -> None:
    worker = await place.worker()
    async with place.queue() as queue:
        await queue.enqueue(gate.command, id="running")
        await worker.says("running started")
        stop = await place.process(*AQUEUE, "worker", "stop")
        await worker.says("Draining")
        worker.send(signal.SIGKILL)
        assert await asyncio.wait_for(stop.wait(), PATIENCE) == 0
        gate.open()


async def test_stopping_nobody_is_done_and_stopping_a_stranger_is_an_error(place: Place) -> None:
    assert await place.run("worker", "stop") == (0, "", "No worker is running.\n")
    assert await place.run("worker", "stop", "w00000000") == (1, "", "Error: no worker w00000000 is running\n")


async def test_a_worker_goes_on_when_nobody_reads_its_lines_any_more(place: Place) -> None:
    reading, writing = os.pipe()
    process = await place.process(*AQUEUE, "worker", "--concurrency", "1", stdout=writing)
    os.close(writing)
    os.close(reading)
    async with place.queue() as queue:
        jobs = await queue.wait(*[(await queue.enqueue("true")).id for _ in range(3)], timeout=PATIENCE)
        assert all(job.state is State.COMPLETED for job in jobs)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_a_worker_goes_on_when_the_reader_of_its_lines_stands_still(place: Place) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    process = await place.process(*AQUEUE, "worker", "--concurrency", "4", stdout=writing)
    os.close(writing)
    async with place.queue() as queue:
        ids = [(await queue.enqueue(f"true {'x' * 100}")).id for _ in range(50)]
        jobs = await queue.wait(*ids, timeout=PATIENCE)
        assert all(job.state is State.COMPLETED for job in jobs)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    assert b"stopped" not in os.read(reading, 65536), "the pipe took all lines: this proves nothing"
    os.close(reading)


async def test_what_a_slow_reader_could_not_take_is_left_out_and_said_to_be() -> None:
    reading, writing = os.pipe()
    lines = Lines(writing, "utf-8")
    for _ in range(MOST_WAITING // 100 + 3000):
        lines.add("x" * 99)
    with os.fdopen(reading, "rb") as reader:
        read = asyncio.create_task(asyncio.to_thread(reader.read))
        await lines.finish()
        os.close(writing)
        text = await read
    assert re.search(rb"x\n\xe2\x80\xa6 299\d lines are left out here", text)


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
async def test_a_terminal_gets_colours_unless_they_are_not_wanted(
    place: Place, environ: dict[str, str], coloured: bool
) -> None:
    async with place.queue() as queue:
        await queue.enqueue("true")
    with _terminal() as (terminal, screen):
        process = await place.process(
            *AQUEUE, "worker", "--burst", stdout=terminal, environ={"TERM": "xterm"} | environ
        )
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
        assert (b"\x1b[32mjob 1 completed" in os.read(screen, 65536)) is coloured


@contextlib.contextmanager
def _terminal() -> Iterator[tuple[int, int]]:
    screen, terminal = os.openpty()
    try:
        yield terminal, screen
    finally:
        os.close(terminal)
        os.close(screen)


async def test_after_a_restart_every_job_is_where_it_was(place: Place) -> None:
    async with place.queue() as queue:
        await queue.enqueue("true", id="completed")
        await queue.enqueue("false", id="dead", max_retries=0)
        await queue.enqueue("false", id="failed", backoff_base=3600)
        await queue.enqueue("true", id="scheduled", delay=3600)
        await queue.enqueue("true", id="held", hold=True)
        worker = await place.worker("--concurrency", "1")
        await worker.says("failed failed")
        worker.send(signal.SIGTERM)
        assert await worker.ends() == 0
        before = await _by_id(queue)
        assert {name: str(job.state) for name, job in before.items()} == {
            "completed": "completed",
            "dead": "dead",
            "failed": "failed",
            "scheduled": "scheduled",
            "held": "scheduled",
        }
        await queue.enqueue("true", id="pending")
        again = await place.worker("--concurrency", "1")
        await again.says("pending completed")
        assert "pending" in again.said
        after = await _by_id(queue)
        assert after.pop("pending").state is State.COMPLETED
        assert after == before
        assert again.said.count("started") == 2, "the worker and the pending job, and nothing else"


async def _by_id(queue: Queue) -> dict[str, Job]:
    return {job.id: job for job in await queue.list()}


@pytest.mark.parametrize(
    "words",
    [
        ["worker", "--concurrency", "0"],
        ["worker", "--concurrency", "many"],
        ["worker", "--grace", "soon"],
        ["worker", "--burst", "stop"],
        ["worker", "dance"],
    ],
)
async def test_wrong_words_are_an_error_in_one_line_and_start_nothing(place: Place, words: list[str]) -> None:
    code, out, err = await place.run(*words)
    assert (code, out) == (2, "")
    assert re.fullmatch("Error: .*\n", err)
