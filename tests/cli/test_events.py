"""`aqueue events`, `aqueue why` and `aqueue logs`: what has happened to a job, and what it printed."""

import json
import signal

import pytest

from .harness import Result, Shell


@pytest.fixture
def worked(shell: Shell) -> Shell:
    shell.ok("enqueue", "--id", "a", "--max-retries", "1", "--backoff-base", "0.01", "echo out $AQUEUE_RUN; exit 3")
    shell.ok("enqueue", "--id", "b", "echo out; echo err >&2")
    shell.work(1)
    return shell


def test_the_events_of_a_job_come_in_the_order_in_which_they_happened(worked: Shell) -> None:
    events = worked.json("events", "a")
    assert [(event["from"], event["to"]) for event in events] == [
        (None, "pending"),
        ("pending", "processing"),
        ("processing", "failed"),
        ("failed", "processing"),
        ("processing", "dead"),
    ]
    assert list(events[0]) == ["event", "at", "job", "from", "to", "run", "attempt", "worker", "ending", "error"]
    assert [json.loads(line) for line in worked.ok("events", "a", "--jsonl").splitlines()] == events
    lines = worked.ok("events", "a").splitlines()
    assert "job a  enqueued, pending" in lines[0]
    assert "job a  processing → dead" in lines[-1]
    assert {event["job"] for event in worked.json("events")} == {"a", "b"}


def test_of_an_empty_queue_there_are_none(shell: Shell) -> None:
    assert shell.json("events") == []
    assert shell.ok("events") == ""


def test_events_are_followed_until_ctrl_c(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "a", "true")
    with shell.running("events", "a", "--follow", "--jsonl") as following:
        assert json.loads(following.says("event"))["to"] == "pending"
        shell.ok("cancel", "a")
        assert json.loads(following.says("event"))["to"] == "cancelled"
        following.send(signal.SIGINT)
        assert following.ends() == Result(130, "", "")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "no worker runs; start one with `aqueue worker`"),
        (["--hold"], "it is held; `aqueue release 1` lets it run"),
        (["--delay", "1h"], "it waits until its time: it is due in "),
    ],
    ids=str,
)
def test_why_says_it_in_a_sentence(shell: Shell, words: list[str], reason: str) -> None:
    shell.ok("enqueue", *words, "true")
    assert shell.ok("why", "1").startswith(f"Job 1: {reason}")
    document = shell.json("why", "1")
    assert document["id"] == "1"
    assert document["why"].startswith(reason)


def test_why_of_finished_jobs(worked: Shell) -> None:
    assert worked.ok("why", "b") == "Job b: it has completed.\n"
    assert worked.ok("why", "a") == "Job a: it is dead (exit code 3); `aqueue retry a` runs it again.\n"


def test_output_goes_where_it_was_meant_to_go(worked: Shell) -> None:
    result = worked.process("logs", "b")
    assert (result.code, result.out, result.err) == (0, "out\n", "err\n")
    assert worked.process("logs", "b", "--stderr").out == ""
    assert worked.process("logs", "b", "--stdout").err == ""


def test_output_is_that_of_the_last_run_or_of_the_one_that_is_named(worked: Shell) -> None:
    assert worked.process("logs", "a").out == "out 2\n"
    assert worked.process("logs", "a", "--run", "1").out == "out 1\n"


def test_a_run_that_never_was_is_refused(worked: Shell) -> None:
    assert worked.fails(1, "logs", "a", "--run", "3") == "job a has no run 3: it had runs 1 to 2"
    assert worked.fails(1, "logs", "a", "--run", "0") == "job a has no run 0: it had runs 1 to 2"
    assert worked.fails(1, "logs", "b", "--run", "2") == "job b has no run 2: it had only run 1"
    worked.ok("enqueue", "--id", "new", "true")
    assert worked.fails(1, "logs", "new", "--run", "1") == "job new has no run 1: it had none yet"


def test_of_a_job_that_has_not_run_that_is_said(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    result = shell.run("logs", "1")
    why = "no worker runs; start one with `aqueue worker`"
    assert (result.code, result.out, result.err) == (0, "", f"Job 1 has not run yet: {why}.\n")


@pytest.mark.parametrize(("count", "lines"), [("0", ""), ("1", "3\n"), ("2", "2\n3\n"), ("9", "1\n2\n3\n")])
def test_the_tail_is_the_last_lines(shell: Shell, count: str, lines: str) -> None:
    shell.ok("enqueue", "echo 1; echo 2; echo 3")
    shell.work()
    assert shell.process("logs", "1", "--tail", count).out == lines
