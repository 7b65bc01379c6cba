"""Jobs that cannot be started, end oddly, or say what is no text: they count, and say why."""

import contextlib
import sqlite3
import sys
from pathlib import Path

import pytest

from aqueue.queue import Queue

from .harness import jobs, working


async def _error_of(database: Path, command: str, **options: object) -> str:
    """What is said of a job that was tried twice and is dead."""
    async with Queue.open(database) as queue:
        job_id = (await queue.enqueue(command, max_retries=1, backoff_base=0.001, **options)).id
    async with working(database, burst=True) as worker:
        assert await worker.ended() == (0, "")
    job = (await jobs(database))[job_id]
    assert (job["state"], job["attempts"], job["run"]) == ("dead", 2, 2)
    return str(job["error"])


async def test_a_job_whose_folder_is_not_there_could_not_start_and_that_counts(database: Path) -> None:
    folder = str(database.parent / "nowhere")
    error = await _error_of(database, "true", cwd=folder)
    assert error == f"could not start: No such file or directory: {folder}"


async def test_a_job_whose_folder_is_a_file_could_not_start_and_that_counts(database: Path) -> None:
    file = database.parent / "file"
    file.touch()
    assert await _error_of(database, "true", cwd=str(file)) == f"could not start: Not a directory: {file}"


async def test_a_job_with_too_much_environment_could_not_start_and_that_counts(database: Path) -> None:
    error = await _error_of(database, "true", env={"HUGE": "x" * 200_000})
    assert error == "could not start: Argument list too long"


async def test_a_job_whose_environment_is_no_text_could_not_start_and_that_counts(database: Path) -> None:
    async with Queue.open(database) as queue:
        with contextlib.closing(sqlite3.connect(database)) as plain, plain:
            plain.execute("INSERT INTO jobs (command, max_retries, env) VALUES ('true', 0, ?)", [r'{"A": "\ud800"}'])
        async with working(database, burst=True) as worker:
            assert await worker.ended() == (0, "")
        job = await queue.get("1")
    assert (job.state, job.attempts) == ("dead", 1)
    assert str(job.error).startswith("could not start: 'utf-8' codec can't encode character")


async def test_a_command_that_may_not_be_executed_ends_with_the_exit_code_of_the_shell(database: Path) -> None:
    file = database.parent / "file"
    file.touch(mode=0o600)
    assert (await _error_of(database, str(file))).startswith("exit code 126: ")


async def test_the_last_line_of_stderr_is_told_also_if_it_is_no_text(database: Path) -> None:
    error = await _error_of(database, r"printf 'fine\nbad \377\376 bytes\000 and \033[31m\n\n' >&2; exit 3")
    assert error.startswith("exit code 3: bad \ufffd\ufffd bytes")


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (11, "SIGSEGV"), (40, "signal 40")])
async def test_a_shell_that_is_killed_by_a_signal_says_by_which(database: Path, number: int, name: str) -> None:
    assert await _error_of(database, f"kill -{number} $$; sleep 1") == f"killed by {name}"


async def test_a_worker_whose_starter_ignores_sigchld_still_learns_how_its_jobs_end(database: Path) -> None:
    async with Queue.open(database) as queue:
        job = await queue.enqueue("exit 7", max_retries=0)
    ignore = (
        "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execvp(sys.argv[1], sys.argv[1:])"
    )
    ignoring = [sys.executable, "-c", ignore]
    async with working(database, burst=True, inside=ignoring) as worker:
        await worker.hear("Settled", job=job.id, ending="exit code 7")
        assert await worker.ended() == (0, "")
