"""`aqueue cron`."""

import os
import re
import time
from datetime import datetime
from itertools import pairwise

import pytest

from aqueue.model.job import State

from .harness import Shell
from .test_imports import imported_by

KEYS = [
    *("name", "schedule", "timezone", "missed", "overlap", "paused", "job", "created_at", "next", "last_at"),
    *("owed_since", "unfinished", "last", "error"),
]


def test_a_schedule_is_added_and_said_in_words_on_stderr(shell: Shell) -> None:
    result = shell.run("cron", "add", "nightly", "30 2 * * *", "./backup.sh", "--timezone", "Europe/Berlin")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("Added schedule nightly: At 02:30 every day (Europe/Berlin). Next: 20")


def test_a_known_name_is_replaced_and_that_is_said(shell: Shell) -> None:
    shell.ok("cron", "add", "x", "@daily", "true")
    result = shell.run("cron", "add", "x", "@hourly", "false")
    assert result.err.startswith("Replaced schedule x: At the start of every hour. Next: ")
    (schedule,) = shell.json("cron", "list")
    assert (schedule["schedule"], schedule["job"]["command"]) == ("@hourly", "false")


def test_all_of_a_schedule_is_in_its_json(shell: Shell) -> None:
    shell.ok(
        *("cron", "add", "x", "0 8 * * MON", "make", "a b", "--timezone", "Europe/Berlin", "--missed", "all"),
        *("--overlap", "-q", "mail", "-p", "5", "--tag", "t", "--env", "SECRET=s3cret", "--timeout", "5m"),
        *("--max-retries", "0", "--no-retry-on", "2,3", "--backoff-max", "1h"),
    )
    (schedule,) = shell.json("cron", "list")
    assert list(schedule) == KEYS
    assert schedule["job"] == {
        "command": "make 'a b'",
        "queue": "mail",
        "priority": 5,
        "tags": ["t"],
        "env": ["SECRET"],
        "timeout": "5m",
        "max_retries": 0,
        "no_retry_on": [2, 3],
        "backoff_max": "1h",
        "cwd": str(shell.folder),
    }
    assert (schedule["timezone"], schedule["missed"], schedule["overlap"]) == ("Europe/Berlin", "all", True)
    ticks = [datetime.fromisoformat(tick) for tick in schedule["next"]]
    assert len(ticks) == 3
    assert all((tick.isoweekday(), tick.minute) == (1, 0) and tick.hour in (6, 7) for tick in ticks)
    assert all(6 <= (later - earlier).days <= 7 for earlier, later in pairwise(ticks))
    assert (schedule["last"], schedule["unfinished"], schedule["error"]) == (None, None, None)


def test_the_schedule_that_is_added_is_printed_with_json_and_all_of_them_a_line_each(shell: Shell) -> None:
    assert shell.json("cron", "add", "x", "@daily", "true")["name"] == "x"
    shell.ok("cron", "add", "a", "@daily", "true")
    lines = shell.ok("cron", "list", "--jsonl").splitlines()
    assert [re.findall('"name": "(.)"', line) for line in lines] == [["a"], ["x"]]
    shell.ok("cron", "remove", "a")
    shell.ok("cron", "remove", "x")
    assert shell.json("cron", "list") == []


def test_words_and_options_are_taken_as_enqueue_takes_them(shell: Shell) -> None:
    shell.ok("cron", "add", "words", "@daily", "--tag", "t", "--", "ls", "--all", "a b")
    shell.ok("cron", "add", "json", "@daily", '{"command": "ls", "tags": ["a"], "priority": 1}', "-p", "2")
    json, words = shell.json("cron", "list")
    assert (words["job"]["command"], words["job"]["tags"]) == ("ls --all 'a b'", ["t"])
    assert (json["job"]["command"], json["job"]["tags"], json["job"]["priority"]) == ("ls", ["a"], 2)


def test_a_job_of_a_schedule_runs_as_it_was_added(shell: Shell) -> None:
    (shell.folder / "inside").mkdir()
    command = 'pwd > "$OUT"; echo "$AQUEUE_QUEUE" >> "$OUT"'
    out = shell.folder / "out"
    shell.ok("cron", "add", "x", "@daily", command, "--cwd", "inside", "--env", f"OUT={out}", "-q", "q", "--tag", "t")
    job_id = shell.ok("cron", "trigger", "x").strip()
    shell.work()
    job = shell.job(job_id)
    assert (job["state"], job["cron"], job["tags"]) == (State.COMPLETED, "x", ["t"])
    assert out.read_text().split() == [str(shell.folder / "inside"), "q"]


def test_the_list_shows_people_the_next_times_and_what_the_last_job_came_to(shell: Shell) -> None:
    shell.ok("cron", "add", "x", "0 0 1 1 *", "exit 3", "--max-retries", "0")
    shell.ok("cron", "trigger", "x")
    shell.work()
    shell.ok("cron", "trigger", "x")
    heading, row = shell.ok("cron", "list").splitlines()
    assert re.split("  +", heading) == ["NAME", "SCHEDULE", "ZONE", "MEANING", "NEXT", "THEN", "NOW", "LAST", "COMMAND"]
    name, line, zone, meaning, first, more, now, last, command = re.split("  +", row)
    assert (name, line, zone, meaning, command) == ("x", "0 0 1 1 *", "UTC", "At 00:00 on January 1", "exit 3")
    assert re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d){3}", first + more.replace(", ", ""))
    assert now == "job 2 is pending"
    assert re.fullmatch(r"dead [\d.]+ s ago", last)


def test_times_are_shown_to_people_in_their_own_zone(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        shell.ok("cron", "add", "x", "15 2 * * *", "true")
        assert re.search(r" (\d\d-\d\d )?08:00  \d\d-\d\d 08:00, ", shell.ok("cron", "list"))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_job_says_which_schedule_made_it(shell: Shell) -> None:
    shell.ok("cron", "add", "nightly", "@daily", "true")
    shell.ok("cron", "trigger", "nightly")
    shell.ok("enqueue", "true")
    assert [job["cron"] for job in shell.json("list")] == [None, "nightly"]
    assert re.search(r"\nschedule +nightly\n", shell.ok("show", "1"))
    assert "CRON" in shell.ok("list")
    shell.ok("remove", "1")
    assert "CRON" not in shell.ok("list")


def test_to_trigger_prints_the_id_alone_and_is_refused_while_one_is_unfinished(shell: Shell) -> None:
    shell.ok("cron", "add", "x", "@daily", "true")
    assert shell.ok("cron", "trigger", "x") == "1\n"
    assert shell.fails(1, "cron", "trigger", "x") == "job 1 of schedule x is pending, and x runs one at a time"
    shell.work()
    assert shell.json("cron", "trigger", "x")["id"] == "2"


def test_a_paused_schedule_says_so_and_goes_on_when_it_is_resumed(shell: Shell) -> None:
    shell.ok("cron", "add", "x", "@daily", "true")
    assert shell.run("cron", "pause", "x").err == "Schedule x is paused.\n"
    (schedule,) = shell.json("cron", "list")
    assert (schedule["paused"], schedule["next"]) == (True, [])
    assert " paused " in shell.ok("cron", "list")
    again = shell.run("cron", "add", "x", "@daily", "true")
    assert again.err.endswith("It is paused; `aqueue cron resume x` lets it go on.\n")
    assert shell.run("cron", "resume", "x").err.startswith("Schedule x goes on. Next: ")
    assert len(shell.json("cron", "list")[0]["next"]) == 3


def test_a_removed_schedule_is_gone_and_its_job_stays(shell: Shell) -> None:
    shell.ok("cron", "add", "x", "@daily", "true")
    shell.ok("cron", "trigger", "x")
    assert shell.run("cron", "remove", "x").err == "Removed schedule x. Job 1 is pending still.\n"
    assert shell.run("cron", "list").err == "There is no schedule.\n"
    assert shell.job("1")["cron"] == "x"


@pytest.mark.parametrize("verb", ["remove", "pause", "resume", "trigger"])
def test_an_unknown_schedule_is_refused(shell: Shell, verb: str) -> None:
    assert shell.fails(1, "cron", verb, "no") == "no such schedule: no"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["x", "61 * * * *", "true"], "'61 * * * *' is no schedule: '61' is no minute, which is 0 to 59"),
        (["x", "0 0 30 2 *", "true"], "'0 0 30 2 *' never comes: there is no such day"),
        (["x", "0", "3", "*", "*", "*", "true"], "'0' is no schedule: it needs five fields"),
        (["x", "@reboot", "true"], "@reboot is no time that comes again"),
        (["x", "@daily", "true", "--timezone", "Europe/Berln"], "did you mean Europe/Berlin?"),
        (["x", "@daily", "true", "--missed", "twice"], "missed: must be skip, once, all, not 'twice'"),
        (["a/b", "@daily", "true"], "'a/b' is no name of a schedule"),
        (["x", "@daily"], "Missing argument 'COMMAND | JSON'"),
        (["x", "@daily", " "], "command: must not be empty"),
        (["x", "@daily", '{"id": "a", "command": "true"}'], "id: not for the jobs of a schedule"),
        (["x", "@daily", '{"command": '], "not valid JSON"),
        (["x", "@daily", "true", "--timeout", "soon"], "timeout: 'soon' is not a duration"),
        *(
            (["x", "@daily", "true", option, "1"], f"{option} is not for a schedule: each of its jobs is a new one")
            for option in ("--id", "--at", "--delay", "--after", "--after-any")
        ),
        (["x", "@daily", "true", "--hold"], "--hold is not for a schedule"),
        (["x", "@daily", "ls", "--all"], "no such option: --all; put `--` before a command that has options"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(shell: Shell, words: list[str], reason: str) -> None:
    shell.ok("cron", "add", "x", "@weekly", "false")
    assert reason in shell.fails(2, "cron", "add", *words)


def test_one_that_cannot_be_read_here_is_listed_all_the_same(shell: Shell) -> None:
    shell.ok("cron", "add", "x", "@daily", "true", "--timezone", "Europe/Berlin")
    everywhere_else = {"PYTHONTZPATH": str(shell.folder), "PYTHONNODEBUGRANGES": "1"}
    result = shell.process("cron", "list", environ=everywhere_else)
    if "Berlin" in result.out and "no time zone data" not in result.out:
        pytest.skip("the package tzdata is installed: a system without time zones cannot be had")
    assert "this system has no time zone data; install its package tzdata" in result.out
    refused = shell.process("cron", "add", "y", "@daily", "true", "--timezone", "Asia/Tokyo", environ=everywhere_else)
    assert refused.code == 2
    assert refused.err == (
        "Error: time zone 'Asia/Tokyo': this system has no time zone data; install its package tzdata\n"
    )


@pytest.mark.parametrize("words", [["enqueue", "true"], ["status"], ["list"], ["show", "1"], ["cron", "trigger", "x"]])
def test_only_who_reads_a_schedule_loads_cronsim_and_zones(shell: Shell, words: list[str]) -> None:
    shell.ok("enqueue", "true")
    shell.ok("cron", "add", "x", "@daily", "true")
    assert not {"cronsim", "zoneinfo"} & imported_by(shell, *words)


@pytest.mark.skipif(os.environ.get("TZ", "") not in ("", "UTC"), reason="needs no zone of its own")
def test_the_help_of_add_has_no_option_that_a_schedule_does_not_take(shell: Shell) -> None:
    text = shell.ok("cron", "add", "--help")
    assert "--tag" in text
    assert not re.search(r"\n +--(id|at|delay|hold|after|after-any)\b", text)
