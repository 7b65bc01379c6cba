"""`--with`: an app and its queue in one container."""

import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from faults.harness import Gate, enqueue, jobs, run_aqueue

from .harness import worker

TELLS_AND_IGNORES = "trap '' TERM; echo there; while :; do sleep 1000; done"


async def test_it_has_the_streams_and_the_environment_of_the_worker_and_knows_the_queue(database: Path) -> None:
    command = 'echo "$AQUEUE_DB $AQUEUE_TIMEOUT $MINE"; cat'
    variables = {"AQUEUE_TIMEOUT": "5m", "MINE": "mine"}
    async with worker(database, "start", "--with", command, variables=variables) as both:
        await both.says(f"{database} 5m mine")
        assert await both.ends() == 0


@pytest.mark.parametrize(("end", "code"), [("exit 7", 7), ("true", 0), ("kill -9 $$", 137), ("no-such-program", 127)])
async def test_its_end_drains_the_worker_and_its_exit_code_is_the_workers(
    end: str, code: int, database: Path, gate: Gate, tmp_path: Path
) -> None:
    (job,), end_of_app = await enqueue(database, gate.pass_), Gate(tmp_path / "app")
    async with worker(database, "--with", f"{end_of_app.pass_}; {end}") as both:
        await both.says("job 1 started")
        await end_of_app.open()
        await both.says(f"has ended: exit code {code}")
        await gate.open()
        assert await both.ends() == code
    assert (await jobs(database))[job]["state"] == "completed"


async def test_TERM_goes_to_it_at_once_while_the_slots_drain(database: Path, gate: Gate) -> None:  # noqa: N802
    (job,) = await enqueue(database, gate.pass_)
    app = "trap 'echo goodbye; exit 3' TERM; echo there; while :; do sleep 0.01; done"
    async with worker(database, "--with", app) as both:
        await both.says("job 1 started")
        both.send(signal.SIGTERM)
        await both.says("goodbye")
        await gate.open()
        assert await both.ends() == 3
    assert (await jobs(database))[job]["state"] == "completed"


async def test_a_command_whose_shell_is_gone_before_it_has_the_time_that_the_grace_gives(database: Path) -> None:
    app = "sh -c \"trap 'sleep 1.1; echo goodbye; exit' TERM; echo there; while :; do sleep 0.01; done\"; true"
    async with worker(database, "--grace", "1h", "--with", app) as both:
        await both.says("there")
        both.send(signal.SIGTERM)
        await both.says("has ended: exit code 143")
        await both.says("goodbye")
        assert await both.ends() == 143


async def test_what_ignores_TERM_is_killed_when_the_grace_is_over(database: Path) -> None:  # noqa: N802
    async with worker(database, "--grace", "0.1s", "--with", TELLS_AND_IGNORES) as both:
        await both.says("there")
        both.send(signal.SIGTERM)
        assert await both.ends() == 137


async def test_a_second_signal_kills_it(database: Path) -> None:
    app = TELLS_AND_IGNORES.replace("''", "'echo heard'").replace("1000", "0.01")
    async with worker(database, "--with", app) as both:
        await both.says("there")
        both.send(signal.SIGTERM)
        await both.says("heard")
        both.send(signal.SIGTERM)
        assert await both.ends() == 137


async def test_a_worker_that_was_worked_off_or_stopped_from_elsewhere_takes_it_along(database: Path) -> None:
    await enqueue(database, "true")
    async with worker(database, "--burst", "--with", "exec sleep 1000") as both:
        assert await both.ends() == 143
    async with worker(database, "--with", TELLS_AND_IGNORES) as both:
        await both.says("there")
        code, _, _ = await run_aqueue(database, "worker", "stop", "--now")
        assert (code, await both.ends()) == (0, 137)


async def test_as_the_first_process_its_end_is_the_containers(database: Path, inside: Sequence[str]) -> None:
    async with worker(database, "--with", "(setsid sleep 0.01 &) ; exit 5", inside=inside) as both:
        assert await both.ends() == 5


async def test_in_the_background_it_writes_to_the_workers_log(database: Path) -> None:
    code, out, _ = await run_aqueue(database, "worker", "start", "--detach", "--with", "echo hello; exec sleep 1000")
    assert code == 0
    log = database.with_name("queue.db.log")
    code, _, _ = await run_aqueue(database, "worker", "stop", out.strip())
    assert code == 0
    assert "hello\n" in log.read_text()


async def test_an_empty_command_is_refused_and_so_is_one_for_a_command_that_is_no_start(database: Path) -> None:
    for words in (["--with", ""], ["--with", "true", "list"]):
        code, out, err = await run_aqueue(database, "worker", *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
