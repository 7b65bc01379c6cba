"""What a worker tells a program, and what it passes on of its jobs, read as a log collector would."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from model.builders import a_job

from aqueue.cli.lines import MOST_PASSED_ON, MOST_WAITING, Lines
from aqueue.cli.narration import Narrator
from aqueue.cli.passing import LONGEST, Passing
from aqueue.cli.records import Recorder
from aqueue.store.printed import Stream

from .harness import PATIENCE, Shell

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def records(said: str) -> list[dict[str, Any]]:
    """Every line must be an object that says when, how grave, what and who."""
    found = [json.loads(line) for line in said.splitlines()]
    for record in found:
        assert list(record)[:4] == ["time", "level", "event", "worker"]
        assert TIME.fullmatch(record["time"])
        assert record["level"] in {"info", "warning", "error"}
    return found


def told(shell: Shell, *options: str) -> list[dict[str, Any]]:
    result = shell.process("worker", "--burst", "--log-format", "json", *options)
    assert (result.code, result.err) == (0, "")
    return records(result.out)


def test_each_event_is_an_object_with_what_is_known_of_it(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "good", "true")
    began, started, completed, draining, stopped = told(shell, "--concurrency", "1")
    assert (began["event"], began["slots"], began["database"]) == ("worker_started", 1, str(shell.database))
    assert started.items() >= {
        "event": "started", "job": "good", "run": 1, "attempt": 1, "queue": "default", "slot": 0, "command": "true",
    }.items()  # fmt: skip
    assert completed.items() >= {
        "event": "completed", "level": "info", "job": "good", "run": 1, "attempt": 1, "queue": "default", "slot": 0,
        "state": "completed", "ending": "exited", "exit_code": 0, "signal": None, "error": None, "retry_at": None,
    }.items()  # fmt: skip
    assert completed["duration"] > 0
    assert completed["message"].startswith("good completed in ")
    assert draining["running"] == 0
    assert stopped.items() >= {"event": "worker_stopped", "runs": {"completed": 1}, "worker": began["worker"]}.items()


def test_a_failure_a_death_and_what_is_put_off_say_how_the_run_ended(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "bad", "--max-retries", "1", "--backoff-base", "0.01", "echo oops >&2; exit 3")
    shell.ok(
        "enqueue", "--id", "later", "--defer-on", "75", "--backoff-base", "0.01", "test $AQUEUE_RUN = 2 || exit 75"
    )
    shell.ok("enqueue", "--id", "killed", "--max-retries", "0", "kill -9 $$")
    ends = {(record["job"], record["run"]): record for record in told(shell) if "ending" in record}
    first, second = ends["bad", 1], ends["bad", 2]
    assert (first["event"], first["level"], first["exit_code"]) == ("failed", "warning", 3)
    assert first["error"] == "exit code 3: oops"
    assert TIME.fullmatch(first["retry_at"])
    assert (second["event"], second["level"], second["state"], second["attempt"]) == ("dead", "error", "dead", 2)
    assert ends["later", 1]["event"] == "put_off"
    assert (ends["killed", 1]["ending"], ends["killed", 1]["signal"]) == ("signalled", 9)


def test_output_is_passed_on_only_if_it_is_wanted(shell: Shell) -> None:
    shell.ok("enqueue", "echo secret")
    assert not [record for record in told(shell) if record["event"] == "output"]
    shell.ok("enqueue", "echo secret")
    assert "[1]" not in shell.process("worker", "--burst").out


def test_output_in_words_is_told_by_its_job_and_its_stream(shell: Shell) -> None:
    shell.ok(
        "enqueue", "--id", "x", "echo to stdout; echo to stderr >&2; printf 'no newline'; printf 'tab\\there\\r\\n' >&2"
    )
    said = shell.process("worker", "--burst", "--pass-output").out.splitlines()
    passed = [line for line in said if line.startswith("[")]
    assert sorted(passed) == sorted(["[x] to stdout", "[x stderr] to stderr", "[x] no newline", "[x stderr] tab\there"])
    assert "completed" in said[-2], "what a job has printed is told before its end"


def test_output_as_json_has_the_job_the_run_and_the_stream(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "x", "printf 'say \"hi\"\\n\\nbye'; echo no >&2")
    passed = [record for record in told(shell, "--pass-output") if record["event"] == "output"]
    assert {(record["job"], record["run"], record["attempt"], record["queue"]) for record in passed} == {
        ("x", 1, 1, "default")
    }
    lines = [(record["stream"], record["line"]) for record in passed]
    assert [line for stream, line in lines if stream == "stdout"] == ['say "hi"', "", "bye"]
    assert ("stderr", "no") in lines


class Taken(Lines):
    """Lines that are kept for the test to see."""

    def __init__(self) -> None:
        super().__init__(None, "utf-8")
        self.taken: list[str] = []

    def add(self, line: str) -> None:
        self.taken += line.split("\n")


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def passing(taken: Taken) -> Passing:
    return Passing(taken, Narrator(taken, database="", colours=False, end_at_once=""))


ONE, OTHER = a_job(seq=1, id="one"), a_job(seq=2, id="other")


def test_what_two_jobs_print_at_once_is_never_mixed_in_a_line(taken: Taken, passing: Passing) -> None:
    passing.hear(ONE, Stream.STDOUT, b"a")
    passing.hear(OTHER, Stream.STDOUT, b"b")
    passing.hear(ONE, Stream.STDERR, b"e\n")
    passing.hear(ONE, Stream.STDOUT, b"A\na")
    passing.hear(OTHER, Stream.STDOUT, b"B\n")
    assert taken.taken == ["[one stderr] e", "[one] aA", "[other] bB"]
    passing.hear(ONE, Stream.STDOUT, b"")
    passing.hear(OTHER, Stream.STDOUT, b"")
    assert taken.taken[3:] == ["[one] a"], "the last line is told when the stream ends, if there is one"


def test_a_character_that_comes_in_two_pieces_is_put_together_and_what_is_no_text_is_replaced(
    taken: Taken, passing: Passing
) -> None:
    passing.hear(ONE, Stream.STDOUT, "é".encode()[:1])
    passing.hear(ONE, Stream.STDOUT, "é".encode()[1:] + b"\xff\n")
    passing.hear(ONE, Stream.STDOUT, "é".encode()[:1])
    passing.hear(ONE, Stream.STDOUT, b"")
    assert taken.taken == ["[one] é\ufffd", "[one] \ufffd"]


def test_a_job_cannot_send_anything_to_the_terminal_but_text(taken: Taken, passing: Passing) -> None:
    passing.hear(ONE, Stream.STDOUT, b"\x1b[2J50%\r100%\r\nplain\n")
    assert taken.taken == ["[one] \\x1b[2J50%\\r100%", "[one] plain"]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_line_that_is_too_long_becomes_several_that_say_so(taken: Taken, passing: Passing, at_once: bool) -> None:
    data = b"x" * (2 * LONGEST + 3) + b"\nnext\n"
    for piece in [data] if at_once else [data[start : start + 1000] for start in range(0, len(data), 1000)]:
        passing.hear(ONE, Stream.STDOUT, piece)
    full = f"[one] {'x' * LONGEST}…"
    assert taken.taken == [full, full, "[one] xxx", "[one] next"]


def test_json_says_which_records_belong_to_one_line(taken: Taken) -> None:
    Passing(taken, Recorder(taken, database="")).hear(ONE, Stream.STDERR, b"x" * (LONGEST + 1) + b"\n")
    first, last = map(json.loads, taken.taken)
    assert (first["goes_on"], last["goes_on"]) == (True, False)
    assert first["line"] + last["line"] == "x" * (LONGEST + 1)


async def test_where_the_reader_stands_still_output_is_left_out_and_counted_and_the_worker_has_room_for_its_own() -> (
    None
):
    reading, writing = os.pipe()
    lines = Lines(writing, "utf-8")
    recorder = Recorder(lines, database="")
    lines.in_words = recorder.left_out
    passing = Passing(lines, recorder)
    for _ in range(20):
        passing.hear(ONE, Stream.STDOUT, b"y\n" * 2000)
    recorder.say_goodbye("w1")
    with os.fdopen(reading, "rb") as reader:
        read = asyncio.create_task(asyncio.to_thread(reader.read))
        await lines.finish()
        os.close(writing)
        said = (await read).decode()
    *passed, own, left_out = records(said)
    assert MOST_PASSED_ON < len(said) < MOST_WAITING
    assert own["event"] == "worker_stopped"
    assert (left_out["event"], left_out["level"]) == ("lines_left_out", "warning")
    assert {record["event"] for record in passed} == {"output"}
    assert len(passed) + left_out["lines"] == 40_000


@pytest.fixture
def unread() -> Iterator[int]:
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    yield writing
    os.close(writing)
    os.close(reading)


def test_jobs_that_print_much_end_although_nobody_reads_what_is_passed_on(shell: Shell, unread: int) -> None:
    shell.ok("enqueue", "--id", "loud", "seq 100000")
    words = [sys.executable, "-m", "aqueue", "worker", "--burst", "--pass-output"]
    done = subprocess.run(words, env=shell.environ(), stdout=unread, timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert shell.job("loud")["state"] == "completed"


def test_a_worker_in_the_background_tells_its_log_in_the_same_way(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "x", "echo hello")
    started = shell.process("worker", "start", "--detach", "--log-format", "json", "--pass-output")
    assert started.code == 0
    shell.ok("wait", "x")
    shell.ok("worker", "stop")
    said = records((shell.folder / "queue.db.log").read_text())
    assert [record["line"] for record in said if record["event"] == "output"] == ["hello"]
    assert said[0]["worker"] == started.out.strip()
