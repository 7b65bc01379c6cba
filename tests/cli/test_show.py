"""`aqueue show`: all about one job."""

import re
import subprocess

from .harness import Shell

KEYS = [
    *("id", "command", "state", "queue", "priority", "attempts", "max_retries", "timeout", "run_at", "held"),
    *("created_at", "updated_at", "started_at", "finished_at", "exit_code", "signal", "error"),
    *("run", "worker", "slot", "tags", "env", "cwd", "after", "after_any", "unique", "cron", "progress"),
    *("backoff_base", "backoff_max", "no_retry_on", "defer_on", "nice", "memory"),
]
RUN_KEYS = [
    *("run", "attempt", "worker", "slot", "started_at", "finished_at", "ending", "exit_code", "signal", "error"),
    *("cpu_seconds", "peak_bytes"),
]


def test_the_document_has_exactly_the_keys_of_the_contract(shell: Shell) -> None:
    shell.ok("enqueue", "--max-retries", "1", "--backoff-base", "0.01", "echo oops >&2; exit 3")
    assert list(shell.job("1")) == [*KEYS, "runs"]
    assert shell.job("1")["runs"] == []
    assert list(shell.json("list")[0]) == KEYS
    shell.work()
    job = shell.job("1")
    assert [list(run) for run in job["runs"]] == [RUN_KEYS, RUN_KEYS]
    assert [(run["run"], run["attempt"], run["ending"], run["exit_code"]) for run in job["runs"]] == [
        (1, 1, "exited", 3),
        (2, 2, "exited", 3),
    ]
    assert [job[key] for key in ("state", "attempts", "exit_code", "error", "run")] == [
        "dead",
        2,
        3,
        "exit code 3: oops",
        2,
    ]


def test_what_is_absent_is_null(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    job = shell.job("1")
    absent = {key for key in KEYS if job[key] is None}
    assert absent == {
        *("timeout", "started_at", "finished_at", "exit_code", "signal", "error", "run", "worker", "slot"),
        *("unique", "cron", "progress", "backoff_base", "backoff_max", "nice", "memory"),
    }


def test_times_are_iso_8601_in_utc(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    shell.work()
    job = shell.job("1")
    for moment in (job["created_at"], job["started_at"], job["runs"][0]["finished_at"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment)


def test_people_see_the_facts_and_the_runs(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "a", "--tag", "x", "--timeout", "5m", "--max-retries", "0", "kill -9 $$")
    assert "why       no worker runs; start one with `aqueue worker`\n" in shell.ok("show", "a")
    shell.work()
    shown = shell.ok("show", "a")
    for line in ("job       a", "state     dead", "attempts  1 of 1", "timeout   5m", "tags      x"):
        assert f"{line}\n" in shown
    assert re.search(r"\nRUN +ATTEMPT +STARTED .*ENDING\n1 +1 +.*killed by SIGKILL\n$", shown)


def test_shell_prints_a_line_that_runs_it_by_hand(shell: Shell) -> None:
    folder = shell.folder / "it's a folder"
    folder.mkdir()
    shell.ok("enqueue", "--cwd", str(folder), "--env", "NAME=a 'b'", 'printf %s "$NAME" > out; pwd >> out')
    line = shell.ok("show", "1", "--shell")
    subprocess.run(["/bin/sh", "-c", line], cwd="/", check=True, timeout=10)
    assert (folder / "out").read_text() == f"a 'b'{folder}\n"
