"""Jobs that wait for others, as people see and say it."""

import json
from typing import Any

import pytest

from .harness import Shell

DOCUMENTS: list[dict[str, Any]] = [
    {"id": "top", "command": "true"},
    {"id": "left", "command": "exit 3", "after": ["top"], "max_retries": 0},
    {"id": "right", "command": "true", "after": ["top"]},
    {"id": "bottom", "command": "true", "after": ["left", "right"]},
    {"id": "report", "command": "true", "after_any": ["bottom"]},
]


@pytest.fixture
def family(shell: Shell) -> Shell:
    (shell.folder / "jobs.json").write_text(json.dumps(DOCUMENTS))
    assert shell.ok("enqueue", "--file", "jobs.json").split() == [document["id"] for document in DOCUMENTS]
    return shell


def states(shell: Shell) -> dict[str, str]:
    return {job["id"]: job["state"] for job in reversed(shell.json("list"))}


def test_each_runs_after_what_it_comes_after_and_a_death_cancels_what_needed_it(family: Shell) -> None:
    family.work()
    assert states(family) == {
        "top": "completed",
        "left": "dead",
        "right": "completed",
        "bottom": "cancelled",
        "report": "completed",
    }
    bottom = family.job("bottom")
    assert (bottom["after"], bottom["after_any"], bottom["runs"]) == (["left", "right"], [], [])
    assert bottom["error"] == "cancelled: job left, which it waits for, is dead"
    assert "blocked → cancelled  cancelled: job left, which it waits for, is dead\n" in family.ok("events", "bottom")
    assert family.json("events", "bottom")[-1]["error"] == bottom["error"]


def test_a_repair_and_a_retry_bring_back_what_was_cancelled(family: Shell) -> None:
    family.work()
    reason = "job bottom cannot be retried: job left, which it waits for, is dead"
    assert family.fails(1, "retry", "bottom") == reason
    family.ok("edit", "left", "--command", "true")
    family.ok("retry", "left")
    assert (family.job("left")["state"], family.job("bottom")["state"]) == ("pending", "blocked")
    family.work()
    assert set(states(family).values()) == {"completed"}


@pytest.mark.parametrize(
    "words",
    [["--after", "1", "--after", "a"], ["--after", "1,a"], ["--after", " 1\na\n"], ["--after=1, a", "--after", "a"]],
    ids=str,
)
def test_ids_come_one_by_one_or_as_other_commands_print_them(shell: Shell, words: list[str]) -> None:
    shell.ok("enqueue", "--hold", "true")
    shell.ok("enqueue", "--id", "a", "--hold", "true")
    job_id = shell.ok("enqueue", *words, "--after-any", "a", "true").strip()
    job = shell.job(job_id)
    assert (job["state"], job["after"], job["after_any"], job["run_at"]) == ("blocked", ["1", "a"], ["a"], None)


def test_a_job_comes_after_all_that_a_list_makes(shell: Shell) -> None:
    shell.ok("enqueue", "--hold", "true")
    ids = shell.ok("enqueue", "--each", "-", "--after", "1", "cc -c {}", stdin=b"a.c\nb.c\n")
    assert shell.ok("enqueue", "--after", ids, "cc -o app *.o") == "4\n"
    assert [shell.job(one)["after"] for one in "234"] == [["1"], ["1"], ["2", "3"]]


def test_flags_beat_json_also_for_parents(shell: Shell) -> None:
    shell.ok("enqueue", "--hold", "true")
    shell.ok("enqueue", "--hold", "true")
    shell.ok("enqueue", '{"command": "true", "after": ["1"]}', "--after", "2")
    assert shell.job("3")["after"] == ["2"]


def test_what_cannot_run_any_more_is_cancelled_at_once_and_that_is_said(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "a", "true")
    shell.ok("cancel", "a")
    result = shell.run("enqueue", "--id", "b", "--after", "a", "true")
    assert (result.code, result.out) == (0, "b\n")
    assert result.err == "Job b is cancelled: job a, which it waits for, is cancelled.\n"
    result = shell.run("enqueue", "-", "--after", "a", stdin=b"true\nfalse\n")
    assert result.err == "2 of 2 jobs are cancelled: what they wait for has ended badly.\n"
    assert shell.run("enqueue", "--wait", "--after", "b", "true").code == 125


REFUSED = [
    (["--after", "nobody", "true"], b"", 3, "no such job: nobody"),
    (["--after", "9", "true"], b"", 3, "no such job: 9"),
    (["--after-any", "nobody", "-"], b"true\n", 3, "no such job: nobody"),
    (['{"command": "true", "after": ["nobody"]}'], b"", 3, "no such job: nobody"),
    (["--id", "b", "--after", "b", "true"], b"", 2, "after: job b cannot wait for itself"),
    (["--after", "a b,c/d", "true"], b"", 2, "after: 'c/d' is no id: it begins with a letter or digit, "),
    (["--after", "", "true"], b"", 2, "Invalid value for '--after': give the id of a job, not an empty word"),
    (['{"command": "true", "after": "1"}'], b"", 2, "after: must be a list, not '1'"),
    (['{"command": "true", "after": [1]}'], b"", 2, "after: must be a text, not 1"),
    (["-"], b'true\n{"command": "true", "after": ["nobody"]}\n', 1, "line 2: no such job: nobody"),
    (
        ["-"],
        b'true\n{"id": "x", "command": "true", "after": ["y"]}\n{"id": "y", "command": "true", "after_any": ["x"]}\n',
        1,
        "line 2: jobs would wait for one another: x, y",
    ),
    (["-"], b'{"id": "x", "command": "true", "after": ["x"]}\n', 1, "line 1: after: job x cannot wait for itself"),
    (
        ["--file", "-"],
        b'[{"command": "true"}, {"command": "true", "after": ["1", "2"]}]',
        1,
        "stdin: item 2: no such job: 2",
    ),
]


@pytest.mark.parametrize(("words", "stdin", "code", "reason"), REFUSED, ids=[reason for _, _, _, reason in REFUSED])
def test_parents_that_make_no_sense_are_refused(
    shell: Shell, words: list[str], stdin: bytes, code: int, reason: str
) -> None:
    shell.ok("enqueue", "--hold", "true")
    assert shell.fails(code, "enqueue", *words, stdin=stdin).startswith(reason)


TREE = """
   ┌─ top pending: true
┌─ left blocked: exit 3
│  ┌─ top pending: true
├─ right blocked: true
bottom blocked: true
└─ report blocked: true  (any end)
"""

PLAIN_TREE = """
   ,- top pending: true
,- left blocked: exit 3
|  ,- top pending: true
|- right blocked: true
bottom blocked: true
`- report blocked: true  (any end)
"""


def test_show_draws_what_is_before_and_what_comes_after(family: Shell) -> None:
    shown = family.ok("show", "bottom")
    assert "\nwhy       it waits for job left (blocked) and job right (blocked)\n" in shown
    assert "\nafter     left, right\n" in shown
    assert shown.endswith(f"\n{TREE}")
    assert family.process("show", "bottom", environ={"PYTHONIOENCODING": "ascii"}).out.endswith(f"\n{PLAIN_TREE}")
    family.ok("enqueue", "--id", "alone", "true")
    assert "\n\n" not in family.ok("show", "alone")


def test_a_tree_stays_small_and_its_commands_short_and_harmless(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "a", f"echo \x1b[31m {'x' * 500}")
    shell.ok("enqueue", "-", "--after", "a", stdin=b"true\n" * 500)
    tree = shell.ok("show", "a").split("\n\n")[1].splitlines()
    assert len(tree) == 1 + 5 + 1
    assert tree[0].startswith("a pending: echo \\x1b[31m xxx")
    assert len(tree[0]) < 80
    assert tree[-1] == "└─ … 495 more"


def test_why_names_what_it_waits_for_and_what_would_bring_it_back(family: Shell) -> None:
    assert family.ok("why", "report") == "Job report: it waits for the end of job bottom (blocked).\n"
    family.ok("cancel", "top")
    assert family.ok("why", "bottom") == (
        "Job bottom: it is cancelled (job left, which it waits for, is cancelled); `aqueue retry top` brings it back.\n"
    )


def test_a_wait_that_only_a_person_could_end_is_refused(family: Shell) -> None:
    family.ok("hold", "top")
    assert family.fails(1, "wait", "report") == "job report waits for job top, which is held; release that first"
    result = family.run("enqueue", "--wait", "--after", "report", "true")
    assert (result.code, result.out) == (1, "6\n")
    assert result.err == "Error: job 6 waits for job top, which is held; release that first\n"


def test_a_job_that_others_wait_for_is_not_removed(family: Shell) -> None:
    assert family.fails(1, "remove", "top") in {
        f"job top cannot be removed: job {child}, which comes after it, is blocked" for child in ("left", "right")
    }
    family.ok("remove", *(document["id"] for document in DOCUMENTS))
    assert states(family) == {}


def test_hold_and_release_of_what_is_blocked_matter_when_its_parents_have_ended(family: Shell) -> None:
    assert family.fails(1, "release", "right") == "job right is blocked: it waits for other jobs, not for a release"
    family.ok("hold", "right")
    job = family.job("right")
    assert (job["state"], job["held"]) == ("blocked", True)
    assert family.ok("why", "right") == "Job right: it waits for job top (pending); then it is held.\n"
    family.work()
    assert family.job("right")["state"] == "scheduled"
    assert " held " in family.ok("list", "--search", "right")
    family.ok("release", "right")
    family.work()
    assert family.job("right")["state"] == "completed"


def test_parents_can_be_given_and_taken_off(shell: Shell) -> None:
    shell.ok("enqueue", "--hold", "true")
    shell.ok("enqueue", "true")
    shell.ok("edit", "2", "--after", "1", "--after-any", "1")
    assert [shell.job("2")[key] for key in ("state", "after", "after_any")] == ["blocked", ["1"], ["1"]]
    shell.ok("edit", "2", "--after", "none")
    assert [shell.job("2")[key] for key in ("state", "after", "after_any")] == ["blocked", [], ["1"]]
    shell.ok("edit", "2", "--after-any", "none")
    assert [shell.job("2")[key] for key in ("state", "after", "after_any")] == ["pending", [], []]


def test_an_edit_that_would_close_a_circle_or_wait_for_nobody_is_refused(family: Shell) -> None:
    assert family.fails(1, "edit", "top", "--after", "report") == "jobs would wait for one another: top, report"
    assert family.fails(3, "edit", "top", "--after", "nobody") == "no such job: nobody"
    assert family.fails(2, "edit", "top", "--after", "top") == "after: job top cannot wait for itself"
    family.work()
    reason = "job report cannot be edited: job left, which it waits for, is dead"
    family.ok("enqueue", "--id", "last", "--hold", "true")
    assert family.fails(1, "edit", "last", "--after", "left") == reason.replace("report", "last")


def test_a_worker_that_works_off_what_is_there_leaves_what_waits_for_a_held_job(family: Shell) -> None:
    family.ok("enqueue", "--id", "x", "--hold", "true")
    family.ok("enqueue", "--id", "y", "--after", "x,top", "true")
    result = family.process("worker", "--burst")
    assert result.code == 0, result.err
    assert (family.job("y")["state"], family.job("report")["state"]) == ("blocked", "completed")


@pytest.mark.long
def test_a_graph_of_ten_thousand_jobs_comes_in_one_file(shell: Shell) -> None:
    graph = [
        {"id": f"j{n}", "command": "true", "after": sorted({f"j{max(0, n - 1)}", f"j{n // 2}"} - {f"j{n}"})}
        for n in range(10_000)
    ]
    (shell.folder / "graph.jsonl").write_text("\n".join(map(json.dumps, reversed(graph))))
    assert shell.ok("enqueue", "--file", "graph.jsonl").count("\n") == 10_000
    counts = shell.json("status")["counts"]
    assert (counts["blocked"], counts["pending"]) == (9_999, 1)
    circle = [{"command": "true", "after": ["j9999"]}, {"id": "x", "command": "true", "after": ["x2", "j5"]}]
    (shell.folder / "graph.jsonl").write_text(
        "\n".join(map(json.dumps, [*circle, {"id": "x2", "command": "true", "after": ["x"]}]))
    )
    reason = "graph.jsonl: line 2: jobs would wait for one another: x, x2"
    assert shell.fails(1, "enqueue", "--file", "graph.jsonl") == reason
