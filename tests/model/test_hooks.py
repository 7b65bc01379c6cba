"""The job that tells what has become of another."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.door import HARMLESS
from aqueue.model import lifecycle
from aqueue.model.ending import Cancelled, Ending, Exited, Interrupted, Lost, Signalled
from aqueue.model.hooks import LONGEST_VALUE, hook
from aqueue.model.job import Job
from aqueue.model.newjob import CHECKS, NewJob
from aqueue.model.settings import Settings

from .builders import NOW, a_running_job

TELLING = Settings(on_dead="mail root", on_completed="echo done")


def told(job: Job, ending: Ending, settings: Settings = TELLING, last_line: str = "") -> NewJob | None:
    return hook(job, lifecycle.settle(job, ending, settings, NOW, last_line=last_line), settings)


FAILED = Exited(1)


def variables(job: Job, ending: Ending = FAILED, last_line: str = "") -> dict[str, str]:
    told_of = told(job, ending, last_line=last_line)
    assert told_of is not None
    assert all(name.startswith("AQUEUE_HOOK_") for name in told_of.env)
    return {name.removeprefix("AQUEUE_HOOK_"): text for name, text in told_of.env.items()}


def a_last_run(**changes: object) -> Job:
    return a_running_job(max_retries=0, **changes)  # type: ignore[arg-type]


def test_a_dead_job_is_told_of_with_all_that_is_known_of_its_end() -> None:
    job = a_last_run(id="job1", command="convert a b", queue="images", tags=("nightly", "big"), run=7, attempts=1)
    assert variables(job, Exited(3), last_line="no such file") == {
        "JOB_ID": "job1",
        "STATE": "dead",
        "ERROR": "exit code 3: no such file",
        "EXIT_CODE": "3",
        "COMMAND": "convert a b",
        "QUEUE": "images",
        "TAGS": "nightly,big",
        "RUN": "7",
        "ATTEMPTS": "1",
    }


def test_a_completed_job_has_its_own_hook() -> None:
    told_of = told(a_running_job(), Exited(0))
    assert told_of is not None
    assert told_of.command == "echo done"
    values = variables(a_running_job(), Exited(0))
    assert (values["STATE"], values["ERROR"], values["EXIT_CODE"]) == ("completed", "", "0")


@pytest.mark.parametrize("ending", [Signalled(9), Lost("w1")])
def test_who_did_not_exit_has_no_exit_code(ending: Ending) -> None:
    values = variables(a_last_run(), ending)
    assert (values["STATE"], values["EXIT_CODE"], values["ERROR"]) == ("dead", "", str(ending))


@pytest.mark.parametrize("ending", [Exited(1), Cancelled(), Interrupted()])
def test_what_is_neither_dead_nor_completed_is_not_told_of(ending: Ending) -> None:
    assert told(a_running_job(), ending) is None


@pytest.mark.parametrize("ending", [Exited(0), Exited(1)])
def test_nobody_is_told_who_does_not_want_to_know(ending: Ending) -> None:
    assert told(a_last_run(), ending, Settings()) is None


@pytest.mark.parametrize("ending", [Exited(0), Exited(1)])
def test_what_becomes_of_a_hook_is_not_told(ending: Ending) -> None:
    assert told(a_last_run(hook_of="7"), ending) is None


def test_a_hook_has_the_place_of_the_other_in_the_line_and_the_configured_rest() -> None:
    settings = Settings(on_dead="mail root", max_retries=9, timeout=30)
    told_of = told(a_last_run(queue="mail", priority=-5, env={"SECRET": "1"}, cwd="/gone"), Exited(1), settings)
    assert told_of is not None
    assert (told_of.queue, told_of.priority, told_of.max_retries, told_of.timeout) == ("mail", -5, 9, 30)
    assert (told_of.hook_of, told_of.tags, told_of.cwd) == ("7", ("hook",), None)
    assert "SECRET" not in told_of.env


def test_nobody_can_ask_for_a_hook_that_is_none() -> None:
    assert "hook_of" not in CHECKS


def test_a_job_that_a_hook_enqueues_is_enqueued_as_fast_as_any() -> None:
    assert {f"HOOK_{name}" for name in variables(a_last_run())} <= HARMLESS


@pytest.mark.parametrize("text", ["x" * 131_071, "ä" * 65_535, "€" * 43_690, "\U0001f600" * 32_767, "\udce4" * 131_071])
def test_a_long_text_is_cut_between_characters(text: str) -> None:
    value = variables(a_last_run(command=text))["COMMAND"]
    assert value.endswith("…")
    assert text.startswith(value[:-1])
    assert LONGEST_VALUE - 4 < len(os.fsencode(value[:-1])) <= LONGEST_VALUE


def test_what_is_no_utf_8_keeps_its_bytes() -> None:
    values = variables(a_last_run(command=b"ls \xe4".decode(errors="surrogateescape")))
    assert os.fsencode(values["COMMAND"]) == b"ls \xe4"


@given(st.text(st.characters(codec=None), max_size=20), st.text(st.characters(codec=None), min_size=1, max_size=5))
def test_whatever_a_job_says_of_itself_fits_into_the_environment(text: str, tag: str) -> None:
    values = variables(a_last_run(command=text, tags=(tag, "\0", "\ud800")), last_line=text)
    for value in values.values():
        assert b"\0" not in os.fsencode(value)
