"""What a person reads about the end of a run."""

import pytest

from aqueue.model.ending import (
    Cancelled,
    Ending,
    Exited,
    Interrupted,
    Lost,
    NotStarted,
    Signalled,
    TimedOut,
    error_of,
    exit_code_of,
    signal_name,
    signal_of,
)

from .builders import ENDINGS

SENTENCES: list[tuple[Ending, str]] = [
    (Exited(3), "exit code 3"),
    (Signalled(9), "killed by SIGKILL"),
    (Signalled(9, out_of_memory=True), "killed by SIGKILL: out of memory"),
    (Exited(137, out_of_memory=True), "exit code 137: out of memory"),
    (TimedOut(3.0), "timed out after 3 s"),
    (TimedOut(0.25), "timed out after 0.25 s"),
    (NotStarted("No such file or directory"), "could not start: No such file or directory"),
    (Lost("w1"), "lost: its worker w1 died"),
    (Cancelled(), "cancelled"),
    (Interrupted(), "interrupted by the shutdown of its worker"),
    (Interrupted(began=False), "put back before it began"),
]


@pytest.mark.parametrize(("ending", "sentence"), SENTENCES)
def test_the_error_says_how_the_run_ended_and_then_the_last_line_of_its_stderr(ending: Ending, sentence: str) -> None:
    assert error_of(ending, "") == sentence
    assert error_of(ending, "disk full") == f"{sentence}: disk full"


def test_success_has_no_error_whatever_was_printed() -> None:
    assert error_of(Exited(0), "a warning") is None


def test_a_signal_is_called_by_its_name_where_it_has_one() -> None:
    assert [signal_name(number) for number in (9, 15, 40)] == ["SIGKILL", "SIGTERM", "signal 40"]


def test_each_ending_has_a_word_of_its_own() -> None:
    assert [ending.kind for ending in ENDINGS if ending not in (Exited(1), Exited(255))] == [
        "exited",
        "signalled",
        "timed out",
        "not started",
        "lost",
        "cancelled",
        "interrupted",
    ]


@pytest.mark.parametrize("ending", ENDINGS)
def test_only_an_exit_has_a_code_and_only_a_kill_has_a_signal(ending: Ending) -> None:
    assert exit_code_of(ending) == (ending.code if isinstance(ending, Exited) else None)
    assert signal_of(ending) == (ending.number if isinstance(ending, Signalled) else None)
