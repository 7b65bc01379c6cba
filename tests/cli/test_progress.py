"""The line that says how far something has come: what it says, that it fits, and that nothing of it is left."""

import asyncio

import pytest

from aqueue.cli.progress import AGAIN_AFTER, FIRST_AFTER, LONGEST_BAR, WIDEST, Bar, Reached, line, shown, terminal
from aqueue.model.tempo import Tempo

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
