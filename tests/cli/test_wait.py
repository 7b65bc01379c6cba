"""`aqueue wait`: the exit code says how it ended."""

import os
import signal

import pytest

from .harness import Result, Shell


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["true"], 0, ""),
        (["exit 7"], 7, "job 1 is dead: exit code 7\n"),
        (["kill -9 $$"], 137, "job 1 is dead: killed by SIGKILL\n"),
        (["kill -15 $$"], 143, "job 1 is dead: killed by SIGTERM\n"),
        (["--timeout", "0.05", "sleep 60"], 124, "job 1 is dead: timed out after 0.05 s\n"),
        (["--cwd", "/nowhere", "true"], 126, "job 1 is dead: could not start: "),
    ],
    ids=str,
)
def test_for_one_job_the_code_is_its_own(shell: Shell, words: list[str], code: int, said: str) -> None:
    shell.ok("enqueue", "--max-retries", "0", *words)
    shell.work()
    result = shell.run("wait", "1")
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(said)
    assert shell.run("wait", "1", "1").code == code


def test_for_a_cancelled_job_it_is_125_also_when_it_has_never_run(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    shell.ok("cancel", "1")
    assert shell.run("wait", "1").code == 125


def test_the_code_is_that_of_the_last_run(shell: Shell) -> None:
    shell.ok("enqueue", "--max-retries", "1", "--backoff-base", "0.01", "exit $AQUEUE_RUN")
    shell.work()
    assert shell.run("wait", "1").code == 2


def test_for_several_it_is_0_if_all_completed_and_else_1(shell: Shell) -> None:
    shell.ok("enqueue", "-", "--max-retries", "0", stdin=b"true\ntrue\nexit 7\n")
    shell.work()
    assert shell.run("wait", "1", "2").code == 0
    result = shell.run("wait", "1", "2", "3")
    assert (result.code, result.err) == (1, "job 3 is dead: exit code 7\n")


def test_its_own_timeout_is_124(shell: Shell) -> None:
    shell.ok("enqueue", "-", stdin=b"true\ntrue\n")
    for words in (["1"], ["1", "2"], ["--all"]):
        result = shell.run("wait", *words, "--timeout", "0.05")
        assert (result.code, result.out, result.err) == (124, "", "Not finished in time.\n")


def test_a_held_job_ends_the_wait_at_once_with_the_reason(shell: Shell) -> None:
    shell.ok("enqueue", "--hold", "true")
    assert shell.fails(1, "wait", "1") == "job 1 is held; release it first"


def test_of_several_of_which_one_is_unknown_none_is_waited_for(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    assert shell.fails(3, "wait", "1", "nobody") == "no such job: nobody"


def test_all_are_those_that_are_not_finished(shell: Shell) -> None:
    assert shell.run("wait", "--all").code == 0
    shell.ok("enqueue", "--max-retries", "0", "exit 7")
    shell.work()
    assert shell.run("wait", "--all").code == 0, "what is finished is not waited for"


def test_it_waits_until_the_jobs_are_finished(shell: Shell) -> None:
    shell.ok("enqueue", "-", stdin=b"true\ntrue\n")
    with (
        shell.running("wait", "1") as one,
        shell.running("wait", "1", "2") as several,
        shell.running("wait", "--all") as all_of_them,
    ):
        shell.work()
        assert [process.ends().code for process in (one, several, all_of_them)] == [0, 0, 0]


def test_ctrl_c_ends_it_with_130_and_without_a_word(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    with shell.running("wait", "1") as waiting:
        while not any(shell.database.with_name("queue.db.d").glob("*.bell")):
            os.sched_yield()
        waiting.send(signal.SIGINT)
        assert waiting.ends() == Result(130, "", "")
