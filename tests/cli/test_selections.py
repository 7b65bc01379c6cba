"""One grammar on every verb: ids, or --all, or what jobs have in common."""

import os
import sys

import pytest

from .harness import Shell
from .pty import on_terminal


@pytest.fixture
def filled(shell: Shell) -> Shell:
    """A dead, a completed, a held and a scheduled job, and three that are pending, two of them in the queue mail."""
    shell.ok("enqueue", "--id", "dead", "--max-retries", "0", "exit 3")
    shell.ok("enqueue", "--id", "completed", "true")
    shell.work()
    shell.ok("enqueue", "--id", "held", "--hold", "true")
    shell.ok("enqueue", "--id", "scheduled", "--delay", "1h", "true")
    shell.ok("enqueue", "--id", "one", "true")
    shell.ok("enqueue", "--id", "two", "-q", "mail", "--tag", "x", "echo TWO")
    shell.ok("enqueue", "--id", "three", "-q", "mail", "true")
    return shell


def states(shell: Shell) -> dict[str, str]:
    return {job["id"]: "held" if job["held"] else job["state"] for job in shell.json("list")}


@pytest.mark.parametrize(
    ("words", "said", "changed"),
    [
        ("cancel --all", "Cancelled 5 jobs.", "held scheduled one two three"),
        ("cancel -q mail", "Cancelled 2 jobs.", "two three"),
        ("cancel --all -q mail", "Cancelled 2 jobs.", "two three"),
        ("cancel --tag x", "Cancelled 1 job.", "two"),
        ("cancel --search two", "Cancelled 1 job.", "two"),
        ("cancel --state pending -q mail --search true", "Cancelled 1 job.", "three"),
        ("retry --all", "Retrying 1 job.", "dead"),
        ("retry --state completed", "Retrying 1 job.", "completed"),
        ("hold --all", "Held 4 jobs.", "scheduled one two three"),
        ("release --all", "Released 1 job.", "held"),
        ("release --state scheduled", "Released 2 jobs.", "held scheduled"),
        ("remove --all", "Removed 7 jobs.", "dead completed held scheduled one two three"),
        ("remove --state dead", "Removed 1 job.", "dead"),
        ("dlq retry --all", "Retrying 1 job.", "dead"),
        ("dlq remove --search exit", "Removed 1 job.", "dead"),
        ("edit --all --in-queue mail --queue bulk", "Changed queue of 2 jobs.", ""),
    ],
)
def test_all_that_are_meant_are_done_and_no_other(filled: Shell, words: str, said: str, changed: str) -> None:
    before = states(filled)
    dry = filled.run(*words.split(), "--dry-run")
    assert (dry.code, dry.out) == (0, "")
    assert dry.err.startswith(f"Would {words.removeprefix('dlq ').split()[0]} ")
    assert dry.err.split()[-2:] == said.split()[-2:]
    assert states(filled) == before
    result = filled.run(*words.split())
    assert (result.code, result.out, result.err) == (0, "", said + "\n")
    after = states(filled)
    assert {job for job in before if before[job] != after.get(job)} == set(changed.split())


def test_an_edit_has_other_words_for_what_its_own_options_say_already(filled: Shell) -> None:
    filled.ok("edit", "--with-tag", "x", "--tag", "y", "--priority", "3")
    assert (filled.job("two")["tags"], filled.job("two")["priority"]) == (["y"], 3)
    assert filled.job("three")["priority"] == 0


def test_what_cannot_be_done_is_passed_over_and_counted_with_the_reason(filled: Shell) -> None:
    assert filled.run("hold", "--state", "scheduled").err == (
        "Held 1 job; 1 could not be: job held is held and cannot be held\n"
    )


def test_where_nothing_can_be_done_it_is_refused(filled: Shell) -> None:
    assert filled.fails(1, "retry", "--state", "pending", "--tag", "x") == "job two is pending and cannot be retried"
    reason = filled.fails(1, "retry", "--state", "pending")
    assert reason == "none of 3 jobs could be retried: " + "; ".join(
        f"job {job} is pending and cannot be retried" for job in ("one", "two", "three")
    )
    filled.ok("enqueue", "-", stdin=b"true\n" * 4)
    assert filled.fails(1, "release", "--state", "pending").endswith("; and 4 more")


@pytest.mark.parametrize("words", ["cancel --tag none", "remove -q none", "wait --tag none", "dlq retry --tag none"])
def test_a_selection_of_nothing_says_so_and_is_no_error(filled: Shell, words: str) -> None:
    result = filled.run(*words.split())
    assert (result.code, result.out) == (0, "")
    assert result.err in {"No job matches.\n", "There is nothing to wait for.\n"}


def test_with_json_a_selection_says_how_many(filled: Shell) -> None:
    wanted = {"verb": "hold", "dry_run": True, "matched": 2, "done": 1, "passed_over": 1}
    reasons = ["job held is held and cannot be held"]
    assert filled.json("hold", "--state", "scheduled", "--dry-run") == {**wanted, "reasons": reasons}
    assert filled.json("hold", "--state", "scheduled") == {**wanted, "dry_run": False, "reasons": reasons}
    assert filled.json("cancel", "one", "two", "--dry-run") == {
        **wanted,
        "verb": "cancel",
        "done": 2,
        "passed_over": 0,
        "reasons": [],
    }
    assert [job["id"] for job in filled.json("cancel", "one", "two")] == ["one", "two"]
    assert filled.json("cancel", "--tag", "none")["matched"] == 0


def test_ids_are_all_or_none_in_a_dry_run_too(filled: Shell) -> None:
    assert filled.fails(3, "cancel", "one", "nobody", "--dry-run") == "no such job: nobody"
    assert filled.fails(1, "cancel", "one", "dead", "--dry-run") == "job dead is dead and cannot be cancelled"
    assert filled.run("cancel", "one", "two", "--dry-run").err == "Would cancel 2 jobs.\n"
    assert filled.run("edit", "one", "--priority", "3", "--dry-run").err == "Would edit priority of job one.\n"


@pytest.fixture
def many(shell: Shell) -> Shell:
    shell.ok("enqueue", "-", stdin=b"true\n" * 101)
    return shell


def test_scripts_must_say_that_they_mean_to_remove_many(many: Shell) -> None:
    reason = "this would remove 101 jobs; if that is meant, give --yes"
    assert many.fails(1, "remove", "--all") == reason
    assert many.fails(1, "remove", *map(str, range(1, 102))) == reason
    assert many.run("remove", "--all", "--dry-run").err == "Would remove 101 jobs.\n"
    many.ok("remove", "1")
    assert many.run("remove", "--all").err == "Removed 100 jobs.\n"


def test_a_script_that_says_so_is_not_asked(many: Shell) -> None:
    assert many.run("remove", "--all", "--yes").err == "Removed 101 jobs.\n"


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("YES\n", 0), ("n\n", 101), ("\n", 101), ("\x04", 101)])
def test_a_person_is_asked_before_many_are_removed(many: Shell, answer: str, left: int) -> None:
    with on_terminal(many, "remove", "--all") as terminal:
        terminal.shows("Remove 101 jobs with their history? [y/N] ")
        terminal.types(answer)
        assert terminal.ends() == (1 if left else 0)
    assert ("Error: nothing was removed" if left else "Removed 101 jobs.") in terminal.screen.shown
    assert len(many.json("list")) == left


def test_ctrl_c_is_an_answer_too(many: Shell) -> None:
    with on_terminal(many, "remove", "--all") as terminal:
        terminal.shows("[y/N] ")
        terminal.types("\x03")
        assert terminal.ends() == 130
    assert len(terminal.screen.shown) == 1
    assert len(many.json("list")) == 101


def test_a_wait_for_a_selection_is_0_if_all_completed_and_else_1(filled: Shell) -> None:
    filled.ok("cancel", "held", "scheduled")
    filled.ok("enqueue", "--id", "bad", "-q", "bad", "--max-retries", "0", "exit 7")
    with filled.running("wait", "-q", "mail") as mail, filled.running("wait", "--all") as all_of_them:
        while len(list(filled.database.with_name("queue.db.d").glob("*.bell"))) < 2:
            os.sched_yield()
        filled.work()
        assert (mail.ends().code, mail.ends().err) == (0, "")
        result = all_of_them.ends()
    assert (result.code, result.err) == (1, "job bad is dead: exit code 7\n")
    assert filled.run("wait", "--state", "dead").code == 1
    assert filled.run("wait", "--state", "completed").code == 0


def test_of_many_that_did_not_complete_the_first_are_told(shell: Shell) -> None:
    shell.ok("enqueue", "-", stdin=b"true\n" * 25)
    shell.ok("cancel", "--all")
    for words in (["--state", "cancelled"], [str(number) for number in range(1, 26)]):
        result = shell.run("wait", *words)
        assert result.code == 1
        assert result.err.splitlines()[0] == "job 1 is cancelled: cancelled"
        assert result.err.splitlines()[-1] == "... and 5 more did not complete"
        assert result.err.count("\n") == 21


def test_a_job_cannot_wait_for_itself_and_is_left_out_of_a_wait_for_all(shell: Shell) -> None:
    aqueue = f"PYTHONPATH='{shell.environ()['PYTHONPATH']}' {sys.executable} -m aqueue"
    shell.ok("enqueue", "--max-retries", "0", f"{aqueue} wait $AQUEUE_JOB_ID")
    shell.ok("enqueue", "--max-retries", "0", f"{aqueue} wait --all")
    shell.work(slots=1)
    assert shell.job("1")["error"] == "exit code 1: Error: job 1 is the one that waits here"
    assert shell.job("2")["state"] == "completed"
