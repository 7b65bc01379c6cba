"""`aqueue status`: the queue at a glance."""

import datetime

from aqueue.model.job import State

from .harness import Shell


def _counts(**given: int) -> dict[str, int]:
    return {state.value: given.get(state.value, 0) for state in State}


def test_of_an_empty_queue_all_is_there_and_nothing_counted(shell: Shell) -> None:
    assert shell.json("status") == {
        "counts": _counts(),
        "total": 0,
        "queues": [],
        "workers": [],
        "next_run_at": None,
    }
    assert shell.ok("status") == "The queue is empty.\n\nNo worker is running.\n"


def test_the_document_has_the_shape_that_scripts_rely_on(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "dead", "--max-retries", "0", "-q", "mail", "false")
    shell.work()
    shell.ok("enqueue", "--delay", "1h", "true")
    shell.ok("enqueue", "true")
    status = shell.json("status")
    assert list(status) == ["counts", "total", "queues", "workers", "next_run_at"]
    assert (status["counts"], status["total"]) == (_counts(dead=1, scheduled=1, pending=1), 3)
    assert status["queues"] == [
        {"name": "default", "paused": False, "limit": None, "rate": None, "counts": _counts(scheduled=1, pending=1)},
        {"name": "mail", "paused": False, "limit": None, "rate": None, "counts": _counts(dead=1)},
    ]
    due = datetime.datetime.fromisoformat(status["next_run_at"]) - datetime.datetime.now(datetime.UTC)
    assert 3500 < due.total_seconds() <= 3600


def test_people_see_the_states_that_there_are_and_what_comes_next(shell: Shell) -> None:
    shell.ok("enqueue", "--delay", "1h", "true")
    shell.ok("enqueue", "-q", "mail", "true")
    lines = shell.ok("status").splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["STATE", "JOBS", "default", "mail"],
        ["scheduled", "1", "1"],
        ["pending", "1", "1"],
    ]
    assert lines[-1] == "The next waiting job is due in 60 min."


def test_what_runs_is_shown_with_its_worker(shell: Shell) -> None:
    with shell.running("worker", "--concurrency", "2") as worker:
        shell.ok("enqueue", "exec sleep 60")
        worker.says("job 1 started")
        (one,) = shell.json("status")["workers"]
        assert list(one) == ["id", "pid", "host", "concurrency", "running", "started_at"]
        assert (one["pid"], one["concurrency"], one["running"]) == (worker.pid, 2, 1)
        shown = shell.ok("status")
        assert "1 worker runs: 1 of 2 slots are busy." in shown
        assert "exec sleep 60" in shown
        assert shell.ok("why", "1") == "Job 1: it is running.\n"
        shell.ok("cancel", "1")
        assert shell.run("wait", "1").code == 125
