"""`aqueue status`: the queue at a glance."""

import datetime
import signal

from aqueue.cli.live import _fitting
from aqueue.model.job import State

from .harness import Shell
from .pty import on_terminal


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


def test_watched_it_changes_in_place_and_the_last_picture_stays(shell: Shell) -> None:
    shell.ok("enqueue", "-", stdin=b"true\n" * 30)
    with on_terminal(shell, "status", "--watch") as terminal:
        terminal.shows("pending  30")
        shell.ok("hold", "1")
        terminal.shows("scheduled  1")
        assert terminal.screen.shown == [
            "STATE      JOBS",
            "scheduled  1",
            "pending    29",
            "",
            "No worker is running.",
        ]
        shell.ok("remove", "1")
        terminal.shows("pending  29")
        terminal.types("\x03")
        assert terminal.ends() == 130
    assert terminal.screen.shown == ["STATE    JOBS", "pending  29", "", "No worker is running."]
    pictures = terminal.raw.split(b"\x1b[H")
    assert len(pictures) == 4
    assert b"\x1b[2J" not in terminal.raw, "nothing is cleared before it is drawn over"


def test_a_picture_that_is_higher_than_the_terminal_is_cut() -> None:
    assert _fitting(["a", "b", "c"], 3) == ["a", "b", "c"]
    assert _fitting(["a", "b", "c", "d"], 3) == ["a", "b", "... and 2 more lines"]


def test_how_long_something_lasts_goes_on_while_nothing_changes(shell: Shell) -> None:
    shell.ok("enqueue", "--delay", "1h", "true")
    with on_terminal(shell, "status", "--watch") as terminal:
        terminal.shows("\x1b[J\x1b[H")
        terminal.types("\x03")
        assert terminal.ends() == 130


def test_watched_where_there_is_no_terminal_each_change_is_printed(shell: Shell) -> None:
    with shell.running("status", "--watch") as watching:
        watching.says("The queue is empty.")
        shell.ok("enqueue", "true")
        watching.says("pending")
        watching.send(signal.SIGINT)
        assert watching.ends().code == 130
    with shell.running("status", "--watch", "--json") as watching:
        watching.says('"pending": 1')
        watching.send(signal.SIGINT)
        assert watching.ends().code == 130
