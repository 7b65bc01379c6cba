"""`aqueue dlq`: the jobs that were given up."""

import json

import pytest

from .harness import Shell


@pytest.fixture
def filled(shell: Shell) -> Shell:
    shell.ok("enqueue", "--id", "one", "--max-retries", "0", "echo oops >&2; exit 3")
    shell.ok("enqueue", "--id", "two", "--max-retries", "0", "exit 4")
    shell.work()
    shell.ok("enqueue", "--id", "alive", "true")
    return shell


def test_the_list_holds_the_dead_newest_first_each_with_its_reason(filled: Shell) -> None:
    lines = filled.ok("dlq", "list").splitlines()
    assert [line.split()[0] for line in lines] == ["ID", "two", "one"]
    assert lines[2].endswith("exit code 3: oops")
    assert [job["id"] for job in filled.json("dlq", "list")] == ["two", "one"]
    assert [json.loads(line)["id"] for line in filled.ok("dlq", "list", "--jsonl").splitlines()] == ["two", "one"]


def test_a_retry_takes_a_job_out_of_it(filled: Shell) -> None:
    result = filled.run("dlq", "retry", "one")
    assert (result.code, result.out, result.err) == (0, "", "Retrying job one.\n")
    assert filled.job("one")["state"] == "pending"
    assert filled.job("one")["attempts"] == 0
    assert filled.run("dlq", "retry", "--all").err == "Retrying 1 job.\n"
    assert filled.json("dlq", "list") == []


def test_remove_deletes(filled: Shell) -> None:
    assert filled.run("dlq", "remove", "one").err == "Removed job one.\n"
    assert filled.run("dlq", "remove", "--all").err == "Removed 1 job.\n"
    assert [job["id"] for job in filled.json("list")] == ["alive"]


@pytest.mark.parametrize("verb", ["retry", "remove"])
def test_what_is_not_dead_is_refused_and_the_others_with_it(filled: Shell, verb: str) -> None:
    reason = "job alive is pending, and not in the dead letter queue"
    assert filled.fails(1, "dlq", verb, "alive") == reason
    assert filled.fails(1, "dlq", verb, "one", "alive") == reason
    assert filled.fails(3, "dlq", verb, "one", "nobody") == "no such job: nobody"


@pytest.mark.parametrize("words", [["list"], ["retry", "--all"], ["remove", "--all"]], ids=str)
def test_an_empty_one_is_no_error(shell: Shell, words: list[str]) -> None:
    result = shell.run("dlq", *words)
    assert (result.code, result.out, result.err) == (0, "", "The dead letter queue is empty.\n")


def test_a_job_named_twice_is_meant_once(filled: Shell) -> None:
    assert filled.run("dlq", "retry", "one", "one").err == "Retrying job one.\n"
