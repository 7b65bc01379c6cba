"""`aqueue edit`: change a job that does not run."""

import pytest

from .harness import Shell


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["--command", "false"], "command", "false"),
        (["--priority", "9"], "priority", 9),
        (["--max-retries", "0"], "max_retries", 0),
        (["--timeout", "5m"], "timeout", 300),
        (["--timeout", "none"], "timeout", None),
        (["--queue", "mail"], "queue", "mail"),
        (["--tag", "x", "--tag", "y"], "tags", ["x", "y"]),
        (["--env", "B=2"], "env", ["B"]),
        (["--cwd", "/usr"], "cwd", "/usr"),
        (["--backoff-base", "1.5"], "backoff_base", 1.5),
        (["--backoff-max", "1m"], "backoff_max", 60),
        (["--no-retry-on", "3,2"], "no_retry_on", [2, 3]),
        (["--defer-on", "75"], "defer_on", [75]),
        (["--no-retry-on", "none"], "no_retry_on", []),
        (["--defer-on", "none"], "defer_on", []),
        (["--backoff-base", "none"], "backoff_base", None),
        (["--backoff-max", "none"], "backoff_max", None),
        (["--nice", "-5"], "nice", -5),
        (["--nice", "none"], "nice", None),
        (["--memory", "1GiB"], "memory", 2**30),
        (["--memory", "none"], "memory", None),
        (["--hold"], "held", True),
        (["--unique", "nightly"], "unique", "nightly"),
        (["--at", "2100-01-01T00:00Z"], "run_at", "2100-01-01T00:00:00.000Z"),
    ],
    ids=str,
)
def test_what_is_named_changes_and_nothing_else(shell: Shell, words: list[str], key: str, value: object) -> None:
    own = ["--backoff-base", "9", "--backoff-max", "9", "--no-retry-on", "9", "--defer-on", "8"]
    own += ["--nice", "3", "--memory", "2MiB"]
    shell.ok("enqueue", "--id", "a", "--timeout", "1", "--env", "A=1", "--tag", "old", *own, "true")
    before = shell.job("a")
    assert shell.run("edit", "a", *words).code == 0
    after = shell.job("a")
    assert after[key] == value
    changed = {name for name in after if after[name] != before[name]} - {"updated_at"}
    assert changed <= {key, "state", *(["run_at"] if key == "held" else [])}


def test_a_finished_job_may_be_changed_and_retried_but_has_no_time(shell: Shell) -> None:
    shell.ok("enqueue", "--max-retries", "0", "false")
    shell.work()
    assert shell.run("edit", "1", "--command", "true").code == 0
    assert shell.fails(1, "edit", "1", "--delay", "5m") == "job 1 is dead and cannot be given another time"
    shell.ok("retry", "1")
    shell.work()
    assert shell.job("1")["state"] == "completed"


def test_a_relative_folder_is_seen_from_here(shell: Shell) -> None:
    shell.ok("enqueue", "--cwd", "/", "true")
    shell.ok("edit", "1", "--cwd", "sub")
    assert shell.job("1")["cwd"] == str(shell.folder / "sub")


def test_a_running_job_is_refused(shell: Shell) -> None:
    with shell.running("worker", "--concurrency", "1") as worker:
        shell.ok("enqueue", "exec sleep 60")
        worker.says("job 1 started")
        assert shell.fails(1, "edit", "1", "--priority", "5") == "job 1 is processing and cannot be edited"
        assert shell.fails(1, "remove", "1") == "job 1 is processing and cannot be removed; cancel it first"
        assert shell.fails(1, "retry", "1") == "job 1 is processing and cannot be retried"
        shell.ok("cancel", "1")
