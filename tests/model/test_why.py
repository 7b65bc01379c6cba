"""Why a job is not running."""

import re
from typing import Any, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.model.dependencies import Parent
from aqueue.model.job import State
from aqueue.model.line import Line
from aqueue.model.rate import Bucket, Rate
from aqueue.model.why import Crew, Kept, why

from .builders import NOW, Changes, a_job, a_running_job

THE_LINE = Line(queue="default")


def asked(ahead: int = 0, slots: int = 2, busy: int = 1, **job: Unpack[Changes]) -> str:
    workers = [Crew(slots, busy)] if slots else []
    return why(a_job(**job), THE_LINE, ahead=ahead, workers=workers, now=NOW)


REASONS: list[tuple[str, dict[str, Any]]] = [
    ("it has completed", {"state": State.COMPLETED}),
    ("it is dead (exit code 1); `aqueue retry 7` runs it again", {"state": State.DEAD, "error": "exit code 1"}),
    ("it is cancelled; `aqueue retry 7` runs it again", {"state": State.CANCELLED, "error": "cancelled"}),
    (
        "it is cancelled (half done); `aqueue retry 7` runs it again",
        {"state": State.CANCELLED, "error": "cancelled: half done"},
    ),
    ("it waits until its time: it is due in 1m30s", {"state": State.SCHEDULED, "run_at": NOW + 90}),
    ("it is held; `aqueue release 7` lets it run", {"state": State.SCHEDULED, "run_at": None, "held": True}),
    (
        "it failed (exit code 1) and backs off: attempt 2 starts in 4s",
        {"state": State.FAILED, "run_at": NOW + 4, "attempts": 1, "error": "exit code 1"},
    ),
    ("it waits until its time: it is due in 0.001s", {"state": State.SCHEDULED, "run_at": NOW + 0.0001}),
    ("it is about to start", {"state": State.FAILED, "run_at": NOW}),
    ("it is about to start", {"state": State.SCHEDULED, "run_at": NOW}),
    ("no worker runs; start one with `aqueue worker`", {"slots": 0, "busy": 0}),
    ("no worker runs; start one with `aqueue worker`", {"slots": 0, "busy": 0, "ahead": 5}),
    ("all 2 slots are full", {"busy": 2}),
    ("all 2 slots are full", {"busy": 3, "state": State.FAILED}),
    ("the only slot is full, and 1 job is before it", {"slots": 1, "busy": 1, "ahead": 1}),
    ("it is about to start, and 3 jobs are before it", {"ahead": 3}),
]


@pytest.mark.parametrize(("reason", "job"), REASONS)
def test_the_reason_is_one_sentence(reason: str, job: dict[str, Any]) -> None:
    assert asked(**job) == reason


def parent(job_id: str, state: State = State.PENDING, *, held: bool = False, on_any: bool = False) -> Parent:
    return Parent(seq=1, id=job_id, state=state, held=held, on_any=on_any)


WAITING: list[tuple[str, Kept]] = [
    ("it waits for job 3 (pending)", Kept([parent("3")], 1)),
    (
        "it waits for job 3 (failed) and the end of job b (processing)",
        Kept([parent("3", State.FAILED), parent("b", State.PROCESSING, on_any=True)], 2),
    ),
    (
        "it waits for job a (blocked), job b (held) and job c (scheduled)",
        Kept([parent("a", State.BLOCKED), parent("b", State.SCHEDULED, held=True), parent("c", State.SCHEDULED)], 3),
    ),
    ("it waits for job 3 (pending), job 4 (pending) and 998 more", Kept([parent("3"), parent("4")], 1000)),
    ("it waits for no other job any more; `aqueue check` may tell why", Kept()),
]


@pytest.mark.parametrize(("reason", "kept"), WAITING)
def test_what_a_blocked_job_waits_for_is_told_by_name_with_its_state(reason: str, kept: Kept) -> None:
    def of(held: bool) -> str:
        job = a_job(state=State.BLOCKED, run_at=None, held=held)
        return why(job, THE_LINE, ahead=0, workers=[Crew(1, 0)], now=NOW, kept=kept)

    assert (of(False), of(True)) == (reason, f"{reason}; then it is held")


def test_of_a_job_that_was_cancelled_with_others_the_one_is_named_that_began_it() -> None:
    job = a_job(state=State.CANCELLED, error="cancelled: job b, which it waits for, is cancelled", cancelled_for=2)
    assert why(job, THE_LINE, ahead=0, workers=[], now=NOW, kept=Kept(cause="a")) == (
        "it is cancelled (job b, which it waits for, is cancelled); `aqueue retry a` brings it back"
    )
    assert why(job, THE_LINE, ahead=0, workers=[], now=NOW, kept=Kept()) == (
        "it is cancelled (job b, which it waits for, is cancelled); that job was removed; `aqueue edit 7 --after none` "
        "frees it"
    )


def test_a_running_job_is_running_or_is_being_ended() -> None:
    def of(cancel_requested: bool) -> str:
        return why(a_running_job(cancel_requested=cancel_requested), THE_LINE, ahead=0, workers=[Crew(1, 1)], now=NOW)

    assert (of(False), of(True)) == ("it is running", "it is running, and is being ended because it was cancelled")


BUSY = Crew(2, 1)

QUEUES: list[tuple[str, Line, list[Crew]]] = [
    (
        "its queue mail is paused; `aqueue queue resume mail` lets it run",
        Line(queue="mail", paused=True, limit=1, running=1),
        [],
    ),
    (
        "no worker serves its queue mail; start one with `aqueue worker -q mail`",
        Line(queue="mail"),
        [Crew(2, 0, {"video": None})],
    ),
    (
        "its queue mail has a limit of 3, and so many of its jobs run, and 1 job is before it",
        Line(queue="mail", limit=3, running=3),
        [BUSY],
    ),
    ("it is about to start, and 1 job is before it", Line(queue="mail", limit=3, running=2), [BUSY]),
    (
        "the workers that serve its queue x run at most 2 of its jobs at once, and so many run, and 1 job is before it",
        Line(queue="x", running=2),
        [Crew(4, 3, {"x": 1}), Crew(4, 3, {"x": 1}), Crew(9, 0, {"video": None})],
    ),
    ("all 2 slots are full, and 1 job is before it", Line(queue="mail"), [Crew(2, 2), Crew(4, 0, {"video": 1})]),
    (
        "its queue mail has a rate of 6/m, and the next may start in 7.5s, and 1 job is before it",
        Line(queue="mail", bucket=Bucket(Rate(6, 60.0), 0.25, NOW)),
        [BUSY],
    ),
]


@pytest.mark.parametrize(("reason", "line", "workers"), QUEUES)
def test_what_is_in_the_way_of_a_queue_is_in_the_way_of_its_jobs(reason: str, line: Line, workers: list[Crew]) -> None:
    assert why(a_job(queue="mail"), line, ahead=1, workers=workers, now=NOW) == reason


@given(
    state=st.sampled_from(State),
    run_at=st.none() | st.floats(NOW - 1e9, NOW + 1e9),
    held=st.booleans(),
    error=st.none() | st.just("exit code 1"),
    numbers=st.tuples(*[st.integers(0, 3)] * 3),
)
def test_whatever_the_job_is_there_is_one_sentence_and_nothing_unknown_in_it(
    state: State, run_at: float | None, held: bool, error: str | None, numbers: tuple[int, ...]
) -> None:
    ahead, slots, busy = numbers
    reason = asked(ahead, slots, busy, state=state, run_at=run_at, held=held, error=error)
    assert re.fullmatch(r"(it|all|the only|no worker) .*[^.]", reason)
    assert "None" not in reason
    assert "()" not in reason
