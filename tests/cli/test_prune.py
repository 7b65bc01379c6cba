"""`aqueue prune`: by hand, what the settings say or what is asked for."""

import os
import re

import pytest

from .harness import Shell


@pytest.fixture
def finished(shell: Shell) -> Shell:
    """Two completed jobs, a dead and a cancelled one, and one that is held."""
    shell.ok("enqueue", "echo hi")
    shell.ok("enqueue", "echo hi")
    shell.ok("enqueue", "--max-retries", "0", "false")
    shell.ok("enqueue", "--hold", "true")
    shell.ok("enqueue", "--hold", "true")
    shell.ok("cancel", "4")
    shell.work()
    return shell


def left(shell: Shell) -> list[str]:
    return [job["id"] for job in shell.json("list")]


def test_without_words_the_settings_say_what_goes(finished: Shell) -> None:
    result = finished.run("prune")
    assert (result.code, result.out) == (0, "")
    assert result.err == (
        "Removed 0 jobs. Kept as configured: completed for 7d, cancelled for 7d, dead forever; "
        "--older-than overrules that.\n"
    )
    finished.ok("config", "keep_completed", "0")
    assert finished.run("prune").err == "Removed 2 jobs.\n"
    assert left(finished) == ["5", "4", "3"]


def test_all_finished_jobs_go_by_hand_and_nothing_else(finished: Shell) -> None:
    assert finished.run("prune", "--older-than", "0").err == "Removed 4 jobs.\n"
    assert left(finished) == ["5"]
    assert finished.run("prune", "--older-than", "0").err == "Removed 0 jobs.\n"


def test_an_age_and_a_state_choose(finished: Shell) -> None:
    assert finished.run("prune", "--older-than", "1h").err == "Removed 0 jobs.\n"
    assert finished.run("prune", "--older-than", "0", "--state", "dead").err == "Removed 1 job.\n"
    assert left(finished) == ["5", "4", "2", "1"]
    said = finished.run("prune", "--state", "dead").err
    assert said == "Removed 0 jobs. Kept as configured: dead forever; --older-than overrules that.\n"


def test_a_dry_run_counts_and_removes_nothing(finished: Shell) -> None:
    assert finished.run("prune", "--older-than", "0", "--dry-run").err == "Would remove 4 jobs.\n"
    assert finished.json("prune", "--older-than", "0", "--dry-run") == {"jobs": 4, "freed_bytes": 0, "dry_run": True}
    assert len(left(finished)) == 5


def test_scripts_get_a_document(finished: Shell) -> None:
    document = finished.json("prune", "--older-than", "0")
    assert (document["jobs"], document["dry_run"]) == (4, False)
    assert finished.json("prune") == {"jobs": 0, "freed_bytes": 0, "dry_run": False}


def test_the_space_is_given_back_and_told(shell: Shell) -> None:
    for _ in range(3):
        shell.ok("enqueue", "head -c 1000000 /dev/urandom")
    shell.work()
    before = shell.database.stat().st_size
    said = shell.run("prune", "--older-than", "0").err
    assert re.fullmatch(r"Removed 3 jobs\. The file is [23](\.\d)? MiB smaller\.\n", said)
    assert shell.database.stat().st_size < before - 2_000_000
    assert sorted(os.listdir(shell.folder)) == ["queue.db", "queue.db.d"]


@pytest.mark.parametrize("state", ["pending", "scheduled", "blocked", "processing", "failed"])
def test_jobs_that_are_not_finished_are_refused(finished: Shell, state: str) -> None:
    reason = finished.fails(2, "prune", "--older-than", "0", "--state", state)
    assert reason == f"{state} jobs are not finished, and only those are pruned: completed, cancelled, dead"


@pytest.mark.parametrize("words", [["--older-than", "yesterday"], ["--older-than", "-1"], ["--state", "done"], ["7"]])
def test_wrong_words_are_refused(finished: Shell, words: list[str]) -> None:
    finished.fails(2, "prune", *words)
