"""The verbs on jobs: all that are named, or none."""

import pytest

from .harness import Shell


@pytest.fixture
def filled(shell: Shell) -> Shell:
    shell.ok("enqueue", "--id", "dead", "--max-retries", "0", "exit 3")
    shell.ok("enqueue", "--id", "completed", "true")
    shell.work()
    shell.ok("enqueue", "--id", "pending", "true")
    shell.ok("enqueue", "--id", "held", "--hold", "true")
    shell.ok("enqueue", "--id", "scheduled", "--delay", "1h", "true")
    return shell


DONE = [
    ("cancel", "pending", "cancelled", "Cancelled job pending.\n"),
    ("cancel", "held", "cancelled", "Cancelled job held.\n"),
    ("cancel", "scheduled", "cancelled", "Cancelled job scheduled.\n"),
    ("retry", "dead", "pending", "Retrying job dead.\n"),
    ("retry", "completed", "pending", "Retrying job completed.\n"),
    ("hold", "pending", "scheduled", "Held job pending.\n"),
    ("release", "held", "pending", "Released job held.\n"),
    ("release", "scheduled", "pending", "Released job scheduled.\n"),
]


@pytest.mark.parametrize(("verb", "job", "state", "said"), DONE)
def test_a_verb_does_what_it_says_and_says_it_on_stderr(
    filled: Shell, verb: str, job: str, state: str, said: str
) -> None:
    result = filled.run(verb, job)
    assert (result.code, result.out, result.err) == (0, "", said)
    assert filled.job(job)["state"] == state


REFUSED = [
    ("cancel", "dead", "job dead is dead and cannot be cancelled"),
    ("cancel", "completed", "job completed is completed and cannot be cancelled"),
    ("retry", "pending", "job pending is pending and cannot be retried"),
    ("retry", "scheduled", "job scheduled is scheduled and cannot be retried"),
    ("hold", "dead", "job dead is dead and cannot be held"),
    ("hold", "held", "job held is held and cannot be held"),
    ("release", "pending", "job pending is pending and needs no release"),
    ("release", "dead", "job dead is dead and needs no release"),
]


@pytest.mark.parametrize(("verb", "job", "reason"), REFUSED)
def test_what_does_not_fit_the_state_is_refused(filled: Shell, verb: str, job: str, reason: str) -> None:
    assert filled.fails(1, verb, job) == reason


FITTING = [
    ("cancel", "pending", "dead"),
    ("retry", "dead", "pending"),
    ("hold", "pending", "dead"),
    ("release", "held", "dead"),
]


@pytest.mark.parametrize(("verb", "fits", "does_not"), FITTING)
def test_of_several_all_are_done_or_none(filled: Shell, verb: str, fits: str, does_not: str) -> None:
    filled.fails(1, verb, fits, does_not)
    filled.fails(1, verb, does_not, fits)
    filled.fails(3, verb, fits, "nobody")


def test_removed_jobs_are_gone_with_their_history(filled: Shell) -> None:
    filled.fails(3, "remove", "dead", "nobody")
    result = filled.run("remove", "dead", "pending", "dead")
    assert (result.code, result.err) == (0, "Removed 2 jobs.\n")
    assert filled.fails(3, "show", "dead") == "no such job: dead"
    assert {job["id"] for job in filled.json("list")} == {"completed", "held", "scheduled"}


@pytest.mark.parametrize("verb", ["cancel", "hold", "remove"])
def test_with_json_the_jobs_are_printed(filled: Shell, verb: str) -> None:
    (job,) = filled.json(verb, "pending")
    assert job["id"] == "pending"


def test_a_retry_gives_fresh_attempts_and_keeps_the_history(filled: Shell) -> None:
    filled.ok("retry", "dead")
    assert (filled.job("dead")["attempts"], filled.job("dead")["run"]) == (0, 1)
    filled.work()
    job = filled.job("dead")
    assert (job["state"], job["attempts"], [run["run"] for run in job["runs"]]) == ("dead", 1, [1, 2])
