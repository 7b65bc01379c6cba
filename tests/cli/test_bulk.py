"""Many jobs at once: read without the lock, written in one transaction, told in order."""

import functools
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aqueue.cli import enqueue, progress
from aqueue.store import batch

from .harness import PATIENCE, Shell
from .pty import on_terminal
from .screen import FakeScreen

MORE_THAN_A_PIPE_HOLDS = b"true\n" * 20_000


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of three jobs, and a file from the second chunk on."""
    monkeypatch.setattr(batch, "JOBS_OF_A_CHUNK", 3)
    monkeypatch.setattr(batch, "CHARACTERS_IN_MEMORY", 20)


@contextmanager
def enqueuing(shell: Shell, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`aqueue enqueue` in a process of its own, that waits for its input."""
    with subprocess.Popen(
        [sys.executable, "-m", "aqueue", "enqueue", *words],
        env=shell.environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(MORE_THAN_A_PIPE_HOLDS)  # returns when some of it has been read
        process.stdin.flush()
        yield process


@pytest.mark.parametrize("words", [["-"], ["--each", "-", "{}"]], ids=" ".join)
def test_while_input_is_waited_for_others_can_enqueue(shell: Shell, words: list[str]) -> None:
    shell.ok("enqueue", "first")
    with enqueuing(shell, *words) as process:
        shell.ok("enqueue", "in between")
        out, err = process.communicate(b"last\n", timeout=PATIENCE)
    assert (process.returncode, err) == (0, b"")
    assert out.split() == [str(number).encode() for number in range(3, 20_004)]
    assert shell.job("20003")["command"] == "last"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_who_gives_up_while_input_is_waited_for_has_enqueued_nothing(shell: Shell, number: signal.Signals) -> None:
    with enqueuing(shell, "-") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130 if number is signal.SIGINT else -number, b"", b"")
    assert list(shell.folder.iterdir()) == []


def test_a_bad_line_behind_many_good_ones_enqueues_none_and_makes_no_file(shell: Shell) -> None:
    lines = MORE_THAN_A_PIPE_HOLDS + b'{"command": }\n'
    assert shell.fails(1, "enqueue", "-", stdin=lines) == "line 20001: not valid JSON at column 13: Expecting value"
    assert list(shell.folder.iterdir()) == []


def test_a_bad_item_of_a_long_array_is_named(shell: Shell) -> None:
    items = [{"command": "true"} for _ in range(20_000)]
    for bad, reason in (({"command": 5}, "command: must be a text, not 5"), ([], "is no JSON object")):
        (shell.folder / "jobs").write_text(json.dumps([*items, bad]))
        said = shell.fails(1, "enqueue", "--file", "jobs")
        assert said.startswith("jobs: item 20001")
        assert said.endswith(reason)


LINES = b"a\n\n\nb\n" + b"c\n" * 5 + b'\n{"id": "x", "command": "d"}\n \ne\n{"id": "y", "command": "f"}\n'


def test_a_taken_id_is_told_with_its_line_wherever_it_is(small: None, shell: Shell) -> None:
    shell.ok("enqueue", "--id", "y", "true")
    assert shell.fails(1, "enqueue", "-", stdin=LINES) == "line 14: a job with the id y exists already"
    twice = LINES + b'a\n\n{"id": "x", "command": "d"}\n'
    shell.ok("remove", "y")
    assert shell.fails(1, "enqueue", "-", stdin=twice) == "line 17: the id x is there twice"
    assert shell.ok("enqueue", "-", stdin=LINES).split() == ["2", "3", "4", "5", "6", "7", "8", "x", "10", "y"]


def test_all_of_them_are_shown_as_one_array(small: None, shell: Shell) -> None:
    shell.ok("enqueue", "--id", "y", "true")
    shown = shell.ok("enqueue", "-", "--json", stdin=b"a\nb\nc\nd\n")
    assert shown == json.dumps(json.loads(shown), indent=2) + "\n"
    assert [job["command"] for job in json.loads(shown)] == ["a", "b", "c", "d"]
    assert shell.ok("enqueue", "-", "--json", stdin=b"") == "[]\n"


def test_a_byte_order_mark_and_characters_that_are_cut_in_two_are_read(shell: Shell) -> None:
    words = "é" * 200_000
    lines = [f"echo {words[:number]}" for number in (1, 30_000, 29_999, 30_001, 1)] * 3
    shell.ok("enqueue", "-", stdin=b"\xef\xbb\xbf" + "\n".join(lines).encode())
    assert [job["command"] for job in reversed(shell.json("list"))] == lines


@pytest.mark.parametrize("options", [["--hold"], ["--tag", "x"], ["--delay", "1h"]], ids=" ".join)
def test_the_options_are_those_of_all(shell: Shell, options: list[str]) -> None:
    lines = b'a\nb\n{"command": "c"}\n'
    shell.ok("enqueue", *options, "-", stdin=lines)
    jobs = shell.json("list")
    assert len(jobs) == 3
    assert {job["held"] for job in jobs} == {"--hold" in options}
    assert all(job["tags"] == (["x"] if "--tag" in options else []) for job in jobs)
    assert {job["state"] for job in jobs} == {"pending" if "--tag" in options else "scheduled"}


def test_one_line_may_have_an_id_and_be_followed(shell: Shell) -> None:
    assert shell.ok("enqueue", "--id", "a", "-", stdin=b"\necho hi\n\n") == "a\n"
    assert shell.fails(2, "enqueue", "--id", "b", "-", stdin=b"\n") == "--id is for one job, and there are 0"
    many = b"true\n" * 2500
    assert shell.fails(2, "enqueue", "--follow", "-", stdin=many) == "--follow is for one job, and there are 2500"


def test_nobody_waits_for_what_is_held(shell: Shell) -> None:
    for lines in (b'true\n{"command": "true", "hold": true}\n', b'{"command": "true", "hold": true}'):
        assert "do not wait for it" in shell.fails(2, "enqueue", "--wait", "-", stdin=lines)
    assert "do not wait for it" in shell.fails(2, "enqueue", "--wait", "--hold", "-", stdin=b"true\ntrue\n")


def test_a_pipe_can_be_named_as_a_file(shell: Shell) -> None:
    read, write = os.pipe()
    os.write(write, b'{"command": "a"}\n{"command": "b"}\n')
    os.close(write)
    assert shell.ok("enqueue", "--file", f"/dev/fd/{read}") == "1\n2\n"
    os.close(read)


def test_a_queue_that_is_new_can_be_filled_at_once(small: None, shell: Shell, tmp_path: Path) -> None:
    new = tmp_path / "new" / "folder" / "queue.db"
    assert shell.ok("--db", str(new), "enqueue", "-", stdin=LINES.replace(b"y", b"z")).split()[-1] == "z"
    assert new.exists()


@pytest.mark.long
def test_a_terminal_is_told_how_much_has_been_read_while_it_comes_in(shell: Shell) -> None:
    os.mkfifo("list")
    seen = threading.Event()

    def write() -> None:
        with Path("list").open("wb") as pipe:
            while not seen.is_set():
                pipe.write(MORE_THAN_A_PIPE_HOLDS)

    with on_terminal(shell, "enqueue", "--each", "list", "echo {}", stdout=subprocess.DEVNULL) as typist:
        writer = threading.Thread(target=write)
        writer.start()
        try:
            typist.shows("Reading ")
        finally:
            seen.set()
            writer.join()
        assert typist.ends() == 0
        assert typist.screen.shown == []


def test_a_terminal_is_told_how_much_is_written(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = FakeScreen(80)
    monkeypatch.setattr(progress, "FIRST_AFTER", 0)
    monkeypatch.setattr(enqueue, "shown", functools.partial(progress.shown, on=lambda: screen))
    shell.ok("enqueue", "-", stdin=b"true\n" * 2500)
    drawn = b"".join(screen.writes).decode()
    assert "Reading 2500" in drawn
    assert re.search(r"Enqueuing \[=+> *\] 1000 of 2500", drawn)
    assert screen.shown == []
