"""`aqueue queue`, and `worker -q`."""

import pytest

from .harness import Shell


def queue(shell: Shell, name: str = "mail") -> dict[str, object]:
    (found,) = [one for one in shell.json("queue", "list") if one["name"] == name]
    return dict(found)


def test_what_is_said_of_a_queue_is_shown_in_words_and_in_json(shell: Shell) -> None:
    shell.ok("enqueue", "true", "-q", "mail")
    assert shell.run("queue", "limit", "mail", "3").err == "Queue mail runs at most 3 at once.\n"
    assert shell.run("queue", "rate", "mail", "30/m").err == "Queue mail starts at most 30/m.\n"
    assert shell.run("queue", "pause", "mail").err == "Queue mail is paused.\n"
    seen = queue(shell)
    assert (seen["paused"], seen["limit"], seen["rate"], seen["waiting"]) == (True, 3, "30/m", 1)
    header, row = shell.ok("queue", "list").splitlines()
    assert header.split() == ["QUEUE", "WAITING", "RUNNING", "OLDEST", "LIMIT", "RATE", "PAUSED"]
    assert row.split()[-3:] == ["3", "30/m", "paused"]
    (in_status,) = shell.json("status")["queues"]
    assert (in_status["paused"], in_status["limit"], in_status["rate"]) == (True, 3, "30/m")
    assert "The queue mail is paused." in shell.ok("status")


def test_none_takes_limit_and_rate_off_again(shell: Shell) -> None:
    shell.ok("queue", "limit", "mail", "3")
    shell.ok("queue", "rate", "mail", "5/s")
    shell.ok("queue", "limit", "mail", "none")
    shell.ok("queue", "rate", "mail", "none")
    assert shell.json("queue", "list") == []
    assert shell.run("queue", "list").err == "There is no queue yet.\n"


def test_why_names_what_is_in_the_way(shell: Shell) -> None:
    job = shell.ok("enqueue", "true", "-q", "mail").strip()
    shell.ok("queue", "pause", "mail")
    assert "its queue mail is paused; `aqueue queue resume mail` lets it run" in shell.ok("why", job)
    shell.ok("queue", "resume", "mail")
    assert "no worker runs" in shell.ok("why", job)


def test_a_paused_queue_does_not_keep_a_burst(shell: Shell) -> None:
    shell.ok("enqueue", "true", "-q", "mail")
    shell.ok("queue", "pause", "mail")
    assert shell.process("worker", "--burst", "--concurrency", "1").code == 0
    assert shell.job("1")["state"] == "pending"
    assert shell.process("worker", "--burst", "--concurrency", "1", "-q", "other").code == 0
    shell.ok("queue", "resume", "mail")
    assert shell.process("worker", "--burst", "--concurrency", "1", "-q", "mail=1", "-q", "other").code == 0
    assert shell.job("1")["state"] == "completed"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("limit", "mail", "0"), "a limit is at least 1"),
        (("limit", "mail", "-1"), "a limit is at least 1"),
        (("limit", "mail", "--", "-1"), "a limit is at least 1"),
        (("rate", "mail", "-1/s"), "'-1/s' is not a rate"),
        (("limit", "mail", "many"), "not a whole number"),
        (("rate", "mail", "fast"), "'fast' is not a rate; write it like 5/s, 30/m or 100/h"),
        (("rate", "mail", "0/s"), "a rate is from 1"),
        (("rate", "mail", "5/d"), "is not a rate"),
        (("pause", "a/b"), "'a/b' is no name of a queue"),
        (("resume", ""), "is no name of a queue"),
    ],
)
def test_what_makes_no_sense_is_refused(shell: Shell, words: tuple[str, ...], reason: str) -> None:
    shell.ok("enqueue", "true")
    assert reason in shell.fails(2, "queue", *words)


@pytest.mark.parametrize("name", ["a/b", "mail=0", "mail=many", "=3"])
def test_a_worker_is_refused_queues_that_cannot_be(shell: Shell, name: str) -> None:
    shell.ok("enqueue", "true")
    shell.fails(2, "worker", "--burst", "-q", name)


def test_a_worker_is_refused_two_bounds_of_one_queue(shell: Shell) -> None:
    twice = ("worker", "--burst", "-q", "mail=2", "-q", "mail")
    assert "-q mail is given twice, and not with the same number" in shell.fails(2, *twice)
    assert shell.process("worker", "--burst", "-q", "mail=2", "-q", "mail=2").code == 0
