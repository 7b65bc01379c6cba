"""`aqueue health`: for probes that run a command."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from faults.harness import enqueue, environ, run_aqueue

from .harness import worker


async def test_a_worker_that_runs_here_answers(database: Path) -> None:
    async with worker(database) as well:
        name = (await well.says("started")).split()[2]
        assert await run_aqueue(database, "health") == (0, f"{name} answers\n", "")
        well.send(signal.SIGTERM)
        assert await well.ends() == 0
    assert not [*database.with_name("queue.db.d").glob("*.pulse"), *database.with_name("queue.db.d").glob("*.answer")]


async def test_what_a_killed_probe_has_left_is_removed_by_the_next_one(database: Path) -> None:
    async with worker(database) as well:
        await well.says("started")
        left = database.with_name("queue.db.d") / f"{'0' * 16}.answer"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as killed, contextlib.chdir(left.parent):
            killed.bind(left.name)  # the whole path can be too long for a socket
            assert (await run_aqueue(database, "health"))[0] == 0
            assert left.exists()
        assert (await run_aqueue(database, "health"))[0] == 0
        assert not left.exists()


async def test_where_none_runs_that_is_told_in_a_sentence_and_exits_1(database: Path) -> None:
    await enqueue(database, "true")
    assert await run_aqueue(database, "health") == (1, "", f"Error: no worker of {database} runs here\n")


async def test_where_there_is_no_queue_none_is_made(database: Path) -> None:
    assert await run_aqueue(database, "health") == (1, "", f"Error: there is no queue at {database}\n")
    assert not database.exists()


async def test_a_worker_whose_loop_stands_still_does_not_answer(database: Path) -> None:
    async with worker(database) as stopped:
        name = (await stopped.says("started")).split()[2]
        (job,) = await enqueue(database, "true")
        await run_aqueue(database, "wait", job)  # what it has written is over: a lock that it held, it would keep
        stopped.send(signal.SIGSTOP)
        code, out, err = await run_aqueue(database, "health", "--timeout", "0.5s")
        assert (code, out, err) == (1, "", f"Error: {name} lives, but does not answer within 0.5s\n")
        async with worker(database) as other:
            await other.says("started")
            assert (await run_aqueue(database, "health"))[0] == 0


async def test_a_worker_that_was_killed_is_none_and_leaves_nothing_when_it_is_rescued(database: Path) -> None:
    await enqueue(database, "exec sleep 1000", max_retries=0)
    async with worker(database) as dying:
        await dying.says("started: exec")
        dying.send(signal.SIGKILL)
        await dying.ends()
    assert (await run_aqueue(database, "health"))[0] == 1
    async with worker(database, "--burst") as next_one:
        assert await next_one.ends() == 0
    assert not list(database.with_name("queue.db.d").glob("*.pulse"))


async def test_the_worker_of_another_container_is_none_of_this_one(database: Path, inside: Sequence[str]) -> None:
    async with worker(database, inside=inside) as elsewhere:
        await elsewhere.says("started")
        code, _, err = await run_aqueue(database, "health")
        assert (code, err) == (1, f"Error: no worker of {database} runs here\n")
        if os.geteuid() == 0:  # to come in from outside, as an engine does
            enter = ("nsenter", f"--target={elsewhere.pid}", "--pid", "--mount")
            code, out, _ = await run_aqueue(database, "health", inside=enter)
            assert code == 0
            assert re.fullmatch("w[0-9a-f]{8} answers\n", out)


@pytest.mark.parametrize("words", [["--timeout", "soon"], ["now"]])
async def test_wrong_words_are_refused(words: list[str], database: Path) -> None:
    code, out, err = await run_aqueue(database, "health", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_probe_loads_no_engine_for_it_comes_every_few_seconds() -> None:
    code = "import sys, aqueue.cli.health; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=environ(), capture_output=True, text=True, check=True)
    packages = {".".join(name.split(".")[:2]) for name in done.stdout.split()}
    assert not packages & {"aqueue.engine", "aqueue.web", "aqueue.queue", "rich", "fastapi"}
