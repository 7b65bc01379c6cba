"""`aqueue top` shows the queue as it changes, and its keys do what they say."""

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.cli import keys, topview
from aqueue.cli.terminal import width
from aqueue.cli.topview import Pointer, Reading, Seen
from aqueue.model.job import Job, State
from aqueue.queue import QueueRow, Status

from .harness import PATIENCE, Shell
from .pty import OnTerminal, on_terminal


@pytest.fixture
def top(shell: Shell) -> Iterator[OnTerminal]:
    shell.ok("enqueue", "--max-retries", "0", "echo said; echo more >&2; exit 3")
    shell.work()
    shell.ok("enqueue", "-q", "mail", "echo second")
    with on_terminal(shell, "top", columns=100) as terminal:
        terminal.shows("> 2")
        yield terminal


def test_it_shows_what_another_process_adds(shell: Shell, top: OnTerminal) -> None:
    shell.ok("enqueue", "--priority", "7", "echo third")
    top.shows("echo third")
    assert any(line.startswith("dead 1") or "dead 1" in line for line in top.screen.shown)


def test_enter_shows_what_a_job_printed_and_escape_goes_back(top: OnTerminal) -> None:
    top.types("\x1b[B\r")
    top.shows("Job 1, run 1: echo said")
    top.shows("exit code 3: more")
    top.types("\x1b")
    top.shows("/ search")
    top.types("q")
    assert top.ends() == 0
    assert top.screen.shown == []


def test_output_is_shown_while_it_is_printed_and_cannot_command_the_terminal(shell: Shell) -> None:
    os.mkfifo(shell.folder / "gate")
    shell.ok("enqueue", "printf 'one\\033]0;owned\\007\\n'; cat gate; echo two")
    with on_terminal(shell, "worker"), on_terminal(shell, "top", columns=100) as top:
        top.shows("> 1")
        top.shows("> 1   processing")
        top.types("\r")
        top.shows(r"one\x1b]0;owned\x07")
        (shell.folder / "gate").write_text("")
        top.shows("two")
        top.shows("completed")


def test_r_retries_a_job(shell: Shell, top: OnTerminal) -> None:
    top.types("jr")
    top.shows("Job 1 is tried again.")
    assert shell.job("1")["state"] == "pending"


def test_c_cancels_a_job_but_not_without_a_yes(shell: Shell, top: OnTerminal) -> None:
    top.types("cn")
    top.shows("Cancel job 2: echo second? y/n")
    top.types("cy")
    top.shows("Job 2 is cancelled.")
    assert shell.job("2")["state"] == "cancelled"


def test_p_pauses_the_queue_of_a_job_and_lets_it_go_on(shell: Shell, top: OnTerminal) -> None:
    top.types("p")
    top.shows("The queue mail is paused")
    top.types("p")
    top.shows("The queue mail goes on.")
    assert not any(queue["paused"] for queue in shell.json("queue", "list"))


def test_a_search_and_the_states_narrow_what_is_shown(top: OnTerminal) -> None:
    top.types("/saix\x7fd\r")
    top.shows("with “said” in them")
    top.shows("> 1")
    top.types("\x1b")
    top.types("\x1b[Z\x1b[Z")
    top.shows("Jobs that are dead")


def test_why_a_job_has_not_run_is_told(top: OnTerminal) -> None:
    top.types("\r")
    top.shows("Job 2 has not run yet: no worker")


def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(shell: Shell) -> None:
    with on_terminal(shell, "top") as top:
        top.shows("No worker is running.")
        top.types("\x1a")
        _, status = os.waitpid(top.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert top.echoes
        os.kill(top.pid, signal.SIGCONT)
        top.shows("\x1b[?1049l\x1b[?1049h")
        top.types("q")
        assert top.ends() == 0


def test_ctrl_c_ends_it_with_the_terminal_as_it_was(top: OnTerminal) -> None:
    top.types("\x03")
    assert top.ends() == 130
    assert top.echoes


@pytest.mark.parametrize("stdin", [subprocess.DEVNULL, subprocess.PIPE])
def test_without_a_terminal_it_says_what_to_use(shell: Shell, stdin: int) -> None:
    command = [sys.executable, "-m", "aqueue", "top"]
    done = subprocess.run(
        command, env=shell.environ(), stdin=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: this needs a terminal; for scripts there is `aqueue status --json`\n"


@pytest.mark.parametrize(
    ("typed", "pressed"),
    [
        ("q", ["q"]),
        ("\x1b[A\x1bOB", [keys.UP, keys.DOWN]),
        ("\x1b[1;5A", [keys.UP]),
        ("\x1b[5~\x1b[6~", [keys.PAGE_UP, keys.PAGE_DOWN]),
        ("\x1b[H\x1b[F\x1b[1~\x1b[4~", [keys.HOME, keys.END, keys.HOME, keys.END]),
        ("\x1b", [keys.ESCAPE]),
        ("\r\t\x1b[Z\x7f", [keys.ENTER, keys.TAB, keys.BACK_TAB, keys.BACKSPACE]),
        ("ä🦀", ["ä", "🦀"]),
        ("\x1b[99~\x00\x1b[", []),
    ],
)
def test_keys_have_names(typed: str, pressed: list[str]) -> None:
    assert list(keys.keys_in(typed)) == pressed


def a_job(number: int, command: str) -> Job:
    """One that waits, and of which nothing else matters."""
    nothing: dict[str, Any] = {field.name: None for field in dataclasses.fields(Job)}
    known = {"tags": (), "state": State.PENDING, "queue": "mail", "held": False, "created_at": 0.0}
    numbers = {"seq": number, "priority": 0, "attempts": 0, "max_retries": 3, "run": 0}
    return Job(**{**nothing, **known, **numbers, "id": str(number), "command": command})


@given(
    st.lists(st.text(max_size=200), max_size=60),
    st.integers(12, 60),
    st.integers(50, 200),
    st.sampled_from([None, *State]),
    st.text(max_size=80),
)
def test_what_is_shown_fits(commands: list[str], rows: int, columns: int, state: State | None, search: str) -> None:
    jobs = [a_job(number, command) for number, command in enumerate(commands, 1)]
    status = Status(
        counts=dict.fromkeys(State, 12345), queues={"mail": QueueRow(name="mail")}, workers=[], next_run_at=None
    )
    seen = Seen(title="/a/place/" * 20, status=status, oldest={}, jobs=jobs)
    pointer = Pointer(state=state, search=search)
    pointer.move(jobs, 0)
    pointer.move(jobs, 40)
    lines = topview.overview(seen, 1.0, pointer, rows, columns)
    assert len(lines) == rows
    assert all(width(line.replace("\x1b[7m", "").replace("\x1b[m", "")) <= columns for line in lines[3:])
    assert not jobs or sum(line.removeprefix("\x1b[7m")[:2] == "> " for line in lines) == 1


def test_output_stays_where_it_is_looked_at() -> None:
    reading = Reading(a_job(1, "true"), [str(number) for number in range(100)])
    reading.scroll(-1000, 10)
    assert reading.above == 90
    assert topview.output(reading, Pointer(), 15, 80)[3] == "0"
    reading.scroll(1000, 10)
    assert topview.output(reading, Pointer(), 15, 80)[12] == "99"
