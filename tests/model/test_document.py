"""What scripts read."""

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from aqueue.model.document import job_document, job_with_runs, run_document
from aqueue.model.job import Job, Run, State
from aqueue.model.text import format_time

from .builders import NOW, a_job, a_running_job

JOB_KEYS = [
    *("id", "command", "state", "queue", "priority", "attempts", "max_retries", "timeout", "run_at", "held"),
    *("created_at", "updated_at", "started_at", "finished_at", "exit_code", "signal", "error", "run", "worker", "slot"),
    *("tags", "env", "cwd", "after", "after_any", "unique", "cron", "progress", "backoff_base", "backoff_max"),
    *("no_retry_on", "defer_on", "nice", "memory"),
]
RUN_KEYS = [
    *("run", "attempt", "worker", "slot", "started_at", "finished_at", "ending", "exit_code", "signal", "error"),
    *("cpu_seconds", "peak_bytes"),
]

RUN = Run(
    run=1,
    attempt=1,
    worker="w1",
    slot=0,
    started_at=NOW,
    finished_at=None,
    ending=None,
    exit_code=None,
    signal=None,
    error=None,
    cpu_seconds=None,
    peak_bytes=None,
)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("build", [a_job, a_running_job])
def test_a_job_has_exactly_the_keys_of_the_contract_in_any_state(build: Callable[..., Job], state: State) -> None:
    document = job_document(build(state=state, held=state is State.SCHEDULED, run_at=None))
    assert list(document) == JOB_KEYS
    assert (document["state"], document["run_at"]) == (str(state), None)
    assert type(document["state"]) is str


def test_every_field_of_a_job_is_shown_under_its_own_name_but_for_what_is_of_the_store_alone() -> None:
    hidden = {"seq", "cancel_requested", "hook_of", "cancelled_for"}
    assert {field.name for field in fields(Job)} - set(JOB_KEYS) == hidden
    plain: dict[str, Any] = {
        "id": "a",
        "command": "x",
        "queue": "mail",
        "priority": -3,
        "attempts": 2,
        "max_retries": 5,
        "timeout": 1.5,
        "held": True,
        "exit_code": 3,
        "signal": 9,
        "error": "exit code 3",
        "run": 4,
        "worker": "w1",
        "slot": 0,
        "cwd": "/",
        "unique": "u",
        "progress": "42%",
        "backoff_base": 0.5,
        "backoff_max": 60.0,
        "nice": -5,
        "memory": 2**20,
    }
    lists: dict[str, Any] = {"tags": ("b", "a"), "no_retry_on": (64,), "defer_on": (75,), "after": ("7", "a")}
    times: dict[str, Any] = {name: NOW + n for n, name in enumerate(key for key in JOB_KEYS if key.endswith("_at"))}
    document = job_document(a_job(**plain, **lists, **times))
    shown = plain | {key: list(value) for key, value in lists.items()}
    shown |= {key: format_time(moment) for key, moment in times.items()}
    assert {key: document[key] for key in shown} == shown
    left = set(JOB_KEYS) - set(shown)
    assert left == {"state", "env", "after_any", "cron"}


def test_a_job_that_was_cancelled_with_a_parent_keeps_its_time_but_does_not_show_it() -> None:
    document = job_document(a_job(state=State.CANCELLED, cancelled_for=3, held=True, run_at=NOW))
    assert (document["run_at"], document["held"]) == (None, False)


def test_a_run_has_exactly_the_keys_of_the_contract() -> None:
    assert list(run_document(RUN)) == RUN_KEYS
    assert sorted(RUN_KEYS) == sorted(field.name for field in fields(Run))


def test_a_job_with_its_history_has_one_key_more() -> None:
    document = job_with_runs(a_running_job(), [RUN])
    assert list(document) == [*JOB_KEYS, "runs"]
    assert document["runs"] == [run_document(RUN)]


def test_what_is_absent_is_null_and_the_whole_is_json() -> None:
    document = json.loads(json.dumps(job_document(a_job())))
    absent = {key for key, value in document.items() if value is None}
    assert absent == {
        *("timeout", "started_at", "finished_at", "exit_code", "signal", "error", "run", "worker", "slot", "cwd"),
        *("unique", "cron", "progress", "backoff_base", "backoff_max", "nice", "memory"),
    }


def test_of_the_environment_only_the_names_are_shown() -> None:
    assert job_document(a_job(env={"TOKEN": "secret", "A": "1"}))["env"] == ["A", "TOKEN"]


def test_times_are_iso_8601_in_utc_to_the_millisecond() -> None:
    document = job_document(a_job(created_at=1_700_000_000.0, run_at=0.0625))
    assert (document["created_at"], document["run_at"]) == ("2023-11-14T22:13:20.000Z", "1970-01-01T00:00:00.062Z")
