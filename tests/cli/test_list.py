"""`aqueue list`: which jobs, in which order, and in which columns."""

import json

import pytest

from aqueue.cli.list import SHOWN_TO_PEOPLE

from .harness import Shell


@pytest.fixture
def filled(shell: Shell) -> Shell:
    shell.ok("enqueue", "--id", "good", "-q", "mail", "--tag", "a", "--tag", "b", "echo good")
    shell.ok("enqueue", "--id", "bad", "--max-retries", "0", "--tag", "b", "echo 100% wrong >&2; exit 3")
    shell.work()
    shell.ok("enqueue", "--id", "later", "--delay", "1h", "echo later")
    shell.ok("enqueue", "--id", "held", "--hold", "echo held")
    shell.ok("enqueue", "--id", "next", "--priority", "5", "echo next")
    return shell


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ([], ["next", "held", "later", "bad", "good"]),
        (["--state", "pending"], ["next"]),
        (["--state", "COMPLETED"], ["good"]),
        (["--state", "scheduled"], ["held", "later"]),
        (["--state", "cancelled"], []),
        (["-q", "mail"], ["good"]),
        (["--queue", "default", "--state", "dead"], ["bad"]),
        (["--queue", "no-such-queue"], []),
        (["--tag", "b"], ["bad", "good"]),
        (["--tag", "a"], ["good"]),
        (["--tag", "a\" OR '"], []),
        (["--search", "ECHO G"], ["good"]),
        (["--search", "0% w"], ["bad"]),
        (["--search", "%"], ["bad"]),
        (["--search", "exit code 3"], ["bad"]),
        (["--search", "nex"], ["next"]),
        (["--limit", "2"], ["next", "held"]),
        (["--limit", "0"], []),
        (["--limit", "99"], ["next", "held", "later", "bad", "good"]),
    ],
    ids=str,
)
def test_filters_choose_and_the_newest_come_first(filled: Shell, options: list[str], ids: list[str]) -> None:
    assert [job["id"] for job in filled.json("list", *options)] == ids
    assert [json.loads(line)["id"] for line in filled.ok("list", *options, "--jsonl").splitlines()] == ids
    assert [line.split()[0] for line in filled.ok("list", *options).splitlines()[1:]] == ids


def test_columns_that_are_empty_in_every_row_vanish(filled: Shell) -> None:
    assert filled.ok("list", "--state", "pending").split("\n")[0].split() == [
        "ID",
        "STATE",
        "PRIORITY",
        "WHEN",
        "COMMAND",
    ]
    header = filled.ok("list").split("\n")[0].split()
    assert header == ["ID", "STATE", "QUEUE", "PRIORITY", "ATTEMPTS", "WHEN", "TAGS", "COMMAND", "ERROR"]


def test_verbose_shows_more(filled: Shell) -> None:
    header = filled.ok("list", "--verbose").split("\n")[0].split()
    assert {"CREATED", "STARTED", "FINISHED", "EXIT", "WORKER", "CWD"} < set(header)


def test_a_row_tells_of_a_job_what_a_person_wants_to_know(filled: Shell) -> None:
    rows = {line.split()[0]: line for line in filled.ok("list").splitlines()}
    assert "held " in rows["held"][6:]
    assert "in 60 min" in rows["later"]
    assert "1 of 1" in rows["bad"]
    assert rows["bad"].endswith("echo 100% wrong >&2; exit 3  exit code 3: 100% wrong")


def test_nothing_to_show_is_said_on_stderr_and_is_no_error(shell: Shell) -> None:
    result = shell.run("list")
    assert (result.code, result.out, result.err) == (0, "", "The queue is empty.\n")
    assert shell.ok("list", "--json") == "[]\n"
    assert shell.ok("list", "--jsonl") == ""
    shell.ok("enqueue", "true")
    assert shell.run("list", "--state", "dead").err == "No job matches.\n"


def test_a_person_is_shown_the_newest_and_told_so_and_a_script_gets_all(shell: Shell) -> None:
    count = SHOWN_TO_PEOPLE + 1
    shell.ok("enqueue", "-", stdin=b"true\n" * count)
    result = shell.run("list")
    assert len(result.out.splitlines()) == 1 + SHOWN_TO_PEOPLE
    assert result.err == f"These are the newest {SHOWN_TO_PEOPLE}; --limit shows more.\n"
    assert len(shell.json("list")) == count
    assert len(shell.ok("list", "--limit", "100").splitlines()) == 1 + count
