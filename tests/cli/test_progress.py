"""The line that says how far something has come: what it says, that it fits, and that nothing of it is left."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator

import pytest

from aqueue.cli.progress import (
    AGAIN_AFTER,
    FIRST_AFTER,
    LONGEST_BAR,
    WIDEST,
    Bar,
    Reached,
    Terminal,
    line,
    shown,
    terminal,
)
from aqueue.model.tempo import Tempo

from .harness import Shell
from .pty import on_terminal
from .screen import FakeScreen


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def screen() -> FakeScreen:
    return FakeScreen(80)


@pytest.fixture
def bar(screen: FakeScreen, clock: Clock) -> Bar:
    """A bar that is due to be drawn."""
    bar = Bar(screen, "Waiting", total=100, clock=clock)
    clock.now += FIRST_AFTER
    return bar


def tempo(rate: float) -> Tempo:
    one = Tempo(0.0)
    one.seen(round(rate * 1000), 1000.0)
    return one


def test_it_says_what_is_done_how_much_failed_how_fast_and_how_long_yet() -> None:
    assert line("Waiting", Reached(30, 2, 100), tempo(3.5), 80) == (
        "Waiting [=========>                    ] 30 of 100, 2 failed, 20s left, 3.5/s"
    )


def test_it_is_full_at_the_end_and_speaks_of_no_time_left() -> None:
    assert line("Removing", Reached(100, 0, 100), tempo(50), 80) == f"Removing [{'=' * LONGEST_BAR}] 100 of 100, 50/s"


def test_without_a_total_there_is_no_bar() -> None:
    assert line("Reading", Reached(12345), tempo(800), 80) == "Reading 12345, 800/s"


@pytest.mark.parametrize(
    ("left", "words"),
    [(0.2, "1s"), (59.4, "59s"), (83, "1m23s"), (3599, "1h"), (7260, "2h1m"), (200_000, "2d8h")],
)
def test_the_time_left_is_as_exact_as_a_guess_can_be(left: float, words: str) -> None:
    steady = Tempo(0.0)
    steady.seen(1000, 1000 * left / 10)
    assert f", {words} left" in line("Waiting", Reached(1000, 0, 1010), steady, 80)


@pytest.mark.parametrize(("rate", "words"), [(0.05, "3/min"), (4.25, "4.2/s"), (1234.4, "1234/s")])
def test_a_slow_rate_is_told_by_the_minute(rate: float, words: str) -> None:
    assert line("Waiting", Reached(0, 0, 100), tempo(rate), 80).endswith(words)


@pytest.mark.parametrize("room", range(120))
def test_it_fits_into_any_width_and_what_matters_least_goes_first(room: int) -> None:
    text = line("Waiting", Reached(30, 2, 100), tempo(3.5), room)
    assert len(text) <= room
    assert text.isascii()
    if room >= len("Waiting 30 of 100"):
        assert text.startswith("Waiting")
        assert "30 of 100" in text


def test_it_is_drawn_over_itself_in_one_write(bar: Bar, screen: FakeScreen, clock: Clock) -> None:
    bar.show(100, failed=99)
    clock.now += AGAIN_AFTER
    bar.show(5)
    assert len(screen.writes) == 2
    assert len(screen.shown) == 1
    assert screen.shown[0].startswith("Waiting [=>")
    assert "failed" not in screen.shown[0]
    bar.close()
    assert screen.shown == []


def test_what_is_over_soon_is_never_drawn(screen: FakeScreen, clock: Clock) -> None:
    bar = Bar(screen, "Waiting", total=3, clock=clock)
    for done in range(4):
        clock.now += FIRST_AFTER / 5
        bar.show(done)
    bar.close()
    assert screen.writes == []


def test_it_is_drawn_at_most_ten_times_a_second(bar: Bar, screen: FakeScreen, clock: Clock) -> None:
    for done in range(1000):
        clock.now += 0.001
        bar.show(done)
    assert len(screen.writes) <= 1 + 1 / AGAIN_AFTER


async def test_the_last_that_was_said_is_drawn_in_the_end_and_then_nothing_more(screen: FakeScreen) -> None:
    drawn = asyncio.Event()
    bar = Bar(screen, "Waiting", total=100)
    screen.on_put = drawn.set
    bar.show(7)
    bar.show(8)
    await drawn.wait()
    assert "8 of 100" in screen.shown[0]
    bar.show(9)
    bar.close()
    assert screen.shown == []


@pytest.mark.parametrize("columns", [1, 5, 17, 40, 79, 80, 200])
def test_nothing_of_it_is_left_after_the_terminal_was_made_narrower_or_wider(
    bar: Bar, screen: FakeScreen, clock: Clock, columns: int
) -> None:
    screen.put(b"before\n")
    bar.show(30, failed=2)
    screen.resize(columns)
    clock.now += AGAIN_AFTER
    bar.show(31, failed=2)
    assert len([row for row in screen.shown if row]) == len(rows_of("before", columns)) + (columns > 1)
    screen.resize(80)
    bar.close()
    assert screen.shown == ["before"]


def rows_of(text: str, columns: int) -> list[str]:
    return [text[start : start + columns] for start in range(0, len(text), columns)]


def test_lines_scroll_by_above_it(bar: Bar, screen: FakeScreen) -> None:
    assert bar.around(b"first\n") == b"first\n", "before it is drawn there is nothing to go round"
    bar.show(30)
    screen.put(bar.around(b"one\ntwo\n"))
    screen.put(bar.around(b"three\n"))
    assert screen.shown[:3] == ["one", "two", "three"]
    assert screen.shown[3].startswith("Waiting [")
    bar.close()
    assert screen.shown == ["one", "two", "three"]


def test_it_is_never_wider_than_can_be_read(clock: Clock) -> None:
    screen = FakeScreen(1000)
    bar = Bar(screen, "Waiting " * 100, total=1, clock=clock)
    clock.now += FIRST_AFTER
    bar.show(0)
    assert len(screen.shown[0]) <= WIDEST


def test_where_stderr_is_no_terminal_there_is_none(capfd: pytest.CaptureFixture[str]) -> None:
    assert terminal() is None
    with shown("Waiting", total=10) as bar:
        bar.show(5)
        bar.refresh()
        assert bar.around(b"line\n") == b"line\n"
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def pair() -> Iterator[tuple[int, int]]:
    """The two ends of a terminal: its screen, and what a program has of it."""
    ends = os.openpty()
    yield ends
    for end in ends:
        os.close(end)


@pytest.mark.parametrize(("term", "fits"), [("xterm-256color", True), ("dumb", False), ("", False), (None, False)])
def test_on_a_terminal_that_cannot_be_drawn_over_there_is_none(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[int, int], term: str | None, fits: bool
) -> None:
    if term is None:
        monkeypatch.delenv("TERM", raising=False)
    else:
        monkeypatch.setenv("TERM", term)
    with os.fdopen(os.dup(pair[1]), "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert (terminal() is not None) is fits


def test_a_terminal_that_is_stopped_is_not_waited_for(pair: tuple[int, int]) -> None:
    _, program = pair
    os.set_blocking(program, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(program, b"x" * 1000)
    os.set_blocking(program, True)
    Terminal(program).put(b"would block")


def test_a_wait_for_many_shows_how_far_it_is_and_leaves_nothing(shell: Shell) -> None:
    shell.ok("enqueue", "-", stdin=b"true\ntrue\nexit 3\n")
    with on_terminal(shell, "wait", "1", "2") as terminal, on_terminal(shell, "wait", "--all") as all_of_them:
        terminal.shows("Waiting [>                             ] 0 of 2")
        all_of_them.shows("0 of 3")
        all_of_them.resize(30)
        all_of_them.shows("Waiting [>           ] 0 of 3")
        shell.ok("cancel", "3")
        all_of_them.shows("1 of 3, 1 failed")
        shell.work()
        assert terminal.ends() == 0
        assert all_of_them.ends() == 1
    assert terminal.screen.shown == []
    assert " ".join(all_of_them.screen.shown) == "job 3 is cancelled: cancelled"


def test_a_wait_for_one_shows_none(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    with on_terminal(shell, "wait", "1") as one:
        shell.work()
        assert one.ends() == 0
    assert one.raw == b""


def test_a_burst_shows_how_far_it_is_below_its_lines_and_destroys_none(shell: Shell) -> None:
    os.mkfifo(shell.folder / "gate")
    shell.ok("enqueue", "-", "--max-retries", "0", stdin=b"true\nexit 3\ncat gate\ntrue\n")
    with on_terminal(shell, "worker", "--burst", "--concurrency", "1", columns=300) as burst:
        burst.shows("] 2 of 4, 1 failed")
        assert burst.screen.shown[-1].startswith("Working [")
        burst.resize(240)  # wider than any line of the worker
        (shell.folder / "gate").write_text("")
        assert burst.ends() == 0
    lines = [line.split(maxsplit=1)[1] for line in burst.screen.shown]
    assert lines[0].startswith("worker w")
    assert [line.split(":")[0].split(" in ")[0] for line in lines[1:-1]] == [
        *("job 1 started", "job 1 completed", "job 2 started", "job 2 is dead after 1 attempt"),
        *("job 3 started", "job 3 completed", "job 4 started", "job 4 completed"),
    ]
    assert lines[-1].endswith("stopped: 3 completed, 1 dead")


def test_the_lines_of_a_burst_that_go_to_a_file_hold_nothing_of_it(shell: Shell) -> None:
    os.mkfifo(shell.folder / "gate")
    shell.ok("enqueue", "-", stdin=b"true\ncat gate\n")
    with (shell.folder / "lines").open("wb") as lines:
        words = ("worker", "--burst", "--concurrency", "1")
        with on_terminal(shell, *words, stdout=lines.fileno()) as burst:
            burst.shows("1 of 2")
            (shell.folder / "gate").write_text("")
            assert burst.ends() == 0
    assert burst.screen.shown == []
    assert b"\x1b" not in (shell.folder / "lines").read_bytes()
    assert (shell.folder / "lines").read_bytes().count(b"completed in") == 2
