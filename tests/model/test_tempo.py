"""How fast something goes on, and how long the rest will take."""

import pytest

from aqueue.model.tempo import WINDOW, Tempo


def test_nothing_is_said_before_something_is_known() -> None:
    tempo = Tempo(100.0)
    assert (tempo.rate, tempo.left(10)) == (0.0, None)
    tempo.seen(0, 101.0)
    assert (tempo.rate, tempo.left(10)) == (0.0, None)


def test_the_rate_is_what_was_done_in_the_time_that_it_took() -> None:
    tempo = Tempo(100.0, done=5)
    tempo.seen(25, 104.0)
    assert tempo.rate == 5
    assert tempo.left(10) == 2


def test_what_was_long_ago_does_not_count() -> None:
    tempo = Tempo(0.0)
    for second in range(1, 101):
        tempo.seen(min(second, 50) * 10, float(second))
    assert tempo.rate == 0
    for second in range(101, 101 + 2 * int(WINDOW)):
        tempo.seen(500 + (second - 100) * 3, float(second))
    assert tempo.rate == pytest.approx(3)


def test_where_looks_are_rare_the_last_two_count() -> None:
    tempo = Tempo(0.0)
    tempo.seen(1, 100.0)
    tempo.seen(2, 300.0)
    assert tempo.rate == 1 / 200


def test_of_the_first_moment_nothing_is_said() -> None:
    tempo = Tempo(0.0)
    for moment in (0.0, 0.1, 0.9):
        tempo.seen(3, moment)
        assert (tempo.rate, tempo.left(1)) == (0.0, None)
    tempo.seen(3, 1.0)
    assert tempo.rate == 3


def test_what_becomes_less_has_no_rate() -> None:
    tempo = Tempo(0.0, done=10)
    tempo.seen(5, 1.0)
    assert (tempo.rate, tempo.left(1)) == (0.0, None)
