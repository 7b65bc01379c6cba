"""What scripts read."""

import json
from dataclasses import fields

from aqueue.model.document import job_document, job_with_runs, run_document
from aqueue.model.job import Run

from .builders import NOW, a_job, a_running_job

JOB_KEYS = [
    *("id", "command", "state", "queue", "priority", "attempts", "max_retries", "timeout", "run_at", "held"),
    *("created_at", "updated_at", "started_at", "finished_at", "exit_code", "signal", "error", "run", "worker", "slot"),
    *("tags", "env", "cwd", "after", "after_any", "unique", "cron", "progress", "backoff_base", "backoff_max"),
    *("no_retry_on", "defer_on", "nice"),
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


def test_a_job_has_exactly_the_keys_of_the_contract() -> None:
    assert list(job_document(a_job())) == JOB_KEYS


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
        *("unique", "cron", "progress", "backoff_base", "backoff_max", "nice"),
    }


def test_of_the_environment_only_the_names_are_shown() -> None:
    assert job_document(a_job(env={"TOKEN": "secret", "A": "1"}))["env"] == ["A", "TOKEN"]


def test_times_are_iso_8601_in_utc_to_the_millisecond() -> None:
    document = job_document(a_job(created_at=1_700_000_000.0, run_at=0.0625))
    assert (document["created_at"], document["run_at"]) == ("2023-11-14T22:13:20.000Z", "1970-01-01T00:00:00.062Z")
