"""Hooks as they run: a command of its own that is told of the dead and of the completed."""

import shlex
import sys
from pathlib import Path

from faults.harness import Gate, enqueue, run_aqueue, working

from aqueue.model.hooks import TAG
from aqueue.queue import Filter, Queue


def teller(path: Path) -> str:
    """A command that notes the whole environment of the hook, with NUL between the variables."""
    return f"cat /proc/self/environ >{shlex.quote(str(path))}"


def noted(path: Path) -> dict[bytes, bytes]:
    pairs = [one.partition(b"=") for one in path.read_bytes().split(b"\0")]
    return {name.removeprefix(b"AQUEUE_HOOK_"): value for name, _, value in pairs if name.startswith(b"AQUEUE_HOOK_")}


async def test_a_dead_job_is_told_of_by_the_same_worker_with_its_last_words(database: Path, tmp_path: Path) -> None:
    async with Queue.open(database) as queue:
        await queue.set_setting("on_dead", teller(tmp_path / "told"))
        job = await queue.enqueue("echo 'it is broken' >&2; exit 3", max_retries=0, tags=["a", "b"], queue="mail")
        async with working(database, burst=True) as worker:
            assert await worker.ended() == (0, "")
        (hook,) = await queue.list(Filter(tag=TAG))
    assert (hook.state, hook.hook_of, hook.queue) == ("completed", job.id, "mail")
    assert noted(tmp_path / "told") == {
        b"JOB_ID": job.id.encode(),
        b"STATE": b"dead",
        b"ERROR": b"exit code 3: it is broken",
        b"EXIT_CODE": b"3",
        b"COMMAND": job.command.encode(),
        b"QUEUE": b"mail",
        b"TAGS": b"a,b",
        b"RUN": b"1",
        b"ATTEMPTS": b"1",
    }


async def test_a_dead_hook_is_not_told_of(database: Path) -> None:
    async with Queue.open(database) as queue:
        await queue.set_setting("on_dead", "exit 1")
        await queue.set_setting("on_completed", "exit 1")
        await queue.set_setting("max_retries", "0")
        await enqueue(database, "true", "false")
        async with working(database, burst=True) as worker:
            assert await worker.ended() == (0, "")
        jobs = await queue.list()
    assert sorted((job.hook_of or "", job.state) for job in jobs) == [
        ("", "completed"),
        ("", "dead"),
        ("1", "dead"),
        ("2", "dead"),
    ]


async def test_a_hook_reaches_a_running_worker_at_once_and_leaves_it_again(database: Path, gate: Gate) -> None:
    (before,) = await enqueue(database, gate.pass_)
    async with Queue.open(database) as queue, working(database) as worker:
        await worker.hear("Started", job=before)
        await queue.set_setting("on_completed", "true")
        (second,) = await enqueue(database, "true")
        await gate.open()
        await queue.wait(before, second)
        hooks = await queue.list(Filter(tag=TAG))
        assert second in {hook.hook_of for hook in hooks}
        await queue.wait(*[hook.id for hook in hooks])
        await queue.set_setting("on_completed", "none")
        third, fourth = await enqueue(database, "true", "true")
        await queue.wait(third, fourth)
        assert fourth not in {hook.hook_of for hook in await queue.list(Filter(tag=TAG))}
        await worker.stop()


async def test_a_job_that_died_with_its_worker_is_told_of_by_who_takes_it_back(database: Path, gate: Gate) -> None:
    async with Queue.open(database) as queue:
        await queue.set_setting("on_dead", "true")
        (job,) = await enqueue(database, gate.pass_, max_retries=0)
        async with working(database) as dying:
            await dying.hear("Started", job=job)
            await dying.kill()
        async with working(database, burst=True) as peer:
            assert await peer.ended() == (0, "")
        (hook,) = await queue.list(Filter(tag=TAG))
    assert (hook.hook_of, hook.state) == (job, "completed")
    assert hook.env["AQUEUE_HOOK_ERROR"].startswith("lost: its worker ")


async def test_the_longest_command_can_be_told_of(database: Path, tmp_path: Path) -> None:
    command = "exit 1 # " + "x" * 131_000
    async with Queue.open(database) as queue:
        await queue.set_setting("on_dead", teller(tmp_path / "told"))
        await queue.enqueue(command, max_retries=0, tags=["t" * 127 + str(n) for n in range(9)])
        async with working(database, burst=True) as worker:
            assert await worker.ended() == (0, "")
    assert noted(tmp_path / "told")[b"COMMAND"] == command[: 32 * 1024].encode() + "…".encode()


async def test_a_hook_can_ask_the_queue_about_the_job(database: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    aqueue = shlex.join([sys.executable, "-m", "aqueue"])
    async with Queue.open(database) as queue:
        await queue.set_setting("on_dead", f'{aqueue} logs "$AQUEUE_HOOK_JOB_ID" >{shlex.quote(str(told))} 2>&1')
        await queue.enqueue("echo all that it said; exit 1", max_retries=0)
        async with working(database, burst=True) as worker:
            assert await worker.ended() == (0, "")
        (hook,) = await queue.list(Filter(tag=TAG))
    assert told.read_text() == "all that it said\n"
    code, out, _ = await run_aqueue(database, "show", hook.id)
    assert code == 0
    assert "\nhook of   job 1\n" in out
