"""What becomes of jobs that wait for others: every state of a child with everything its parents can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.model.dependencies import (
    Child,
    Edge,
    Gone,
    Move,
    Parent,
    Standing,
    awaited,
    check_not_broken,
    follow,
    standing,
    tie,
)
from aqueue.model.errors import ParentEnded
from aqueue.model.job import FINISHED, State

from .builders import NOW

WAITS_FOR_ITS_TURN = (State.PENDING, State.SCHEDULED, State.FAILED)


def a_parent(state: State, *, on_any: bool = False, seq: int = 3) -> Parent:
    return Parent(seq=seq, id=f"p{seq}", state=state, held=False, on_any=on_any)


OPEN = a_parent(State.PROCESSING)
DEAD = a_parent(State.DEAD)


def a_child(
    state: State = State.BLOCKED,
    unmet: Parent | Gone | None = None,
    *,
    run_at: float | None = None,
    held: bool = False,
    cancelled_for: int | None = None,
    error: str | None = None,
) -> Child:
    finished_at = NOW - 5 if state in FINISHED else None
    return Child(
        seq=7,
        id="7",
        state=state,
        run_at=run_at,
        held=held,
        error=error,
        finished_at=finished_at,
        cancelled_for=cancelled_for,
        unique=None,
        unmet=unmet,
    )


@pytest.mark.parametrize("state", State)
def test_an_edge_is_open_until_the_parent_has_ended_and_then_closed_or_broken(state: State) -> None:
    if state not in FINISHED:
        assert {standing(state, on_any=on_any) for on_any in (True, False)} == {Standing.OPEN}
        return
    assert standing(state, on_any=True) is Standing.CLOSED
    assert standing(state, on_any=False) is (Standing.CLOSED if state is State.COMPLETED else Standing.BROKEN)


@pytest.mark.parametrize("run_at", [None, NOW - 5, NOW])
def test_b_when_all_have_ended_as_they_must_it_is_due_since_now(run_at: float | None) -> None:
    child = a_child(run_at=run_at, error="exit code 3")
    assert follow(child, NOW) == Move(state=State.PENDING, run_at=NOW, error="exit code 3")


def test_b_a_time_of_its_own_and_a_hold_still_keep_it() -> None:
    assert follow(a_child(run_at=NOW + 9), NOW) == Move(state=State.SCHEDULED, run_at=NOW + 9, error=None)
    assert follow(a_child(held=True), NOW) == Move(state=State.SCHEDULED, run_at=None, error=None)


@pytest.mark.parametrize("state", [State.DEAD, State.CANCELLED])
def test_c_a_parent_that_ends_badly_cancels_it_and_its_time_stays_with_it(state: State) -> None:
    assert follow(a_child(unmet=a_parent(state), run_at=NOW + 9, held=True), NOW) == Move(
        state=State.CANCELLED,
        run_at=NOW + 9,
        error=f"cancelled: job p3, which it waits for, is {state}",
        finished_at=NOW,
        cancelled_for=3,
    )


def test_a_blocked_job_whose_parents_have_not_ended_stays_blocked() -> None:
    assert follow(a_child(unmet=OPEN), NOW) is None


def test_what_was_cancelled_with_a_parent_comes_back_with_it() -> None:
    error = "cancelled: job p3, which it waits for, is dead"
    child = a_child(State.CANCELLED, OPEN, cancelled_for=3, error=error, run_at=NOW + 9, held=True)
    assert follow(child, NOW) == Move(state=State.BLOCKED, run_at=NOW + 9, error=None)
    assert follow(a_child(State.CANCELLED, None, cancelled_for=3, error=error), NOW) == Move(
        state=State.PENDING, run_at=NOW, error=None
    )


def test_what_another_parent_keeps_cancelled_says_so_and_ended_when_it_ended() -> None:
    assert follow(a_child(State.CANCELLED, DEAD, cancelled_for=3), NOW) is None
    assert follow(a_child(State.CANCELLED, DEAD, cancelled_for=2), NOW) == Move(
        state=State.CANCELLED,
        run_at=None,
        error="cancelled: job p3, which it waits for, is dead",
        finished_at=NOW - 5,
        cancelled_for=3,
    )


def test_one_that_was_removed_before_it_completed_keeps_it_from_running_until_a_person_frees_it() -> None:
    error = "cancelled: a job that it waits for was removed"
    moved = Move(state=State.CANCELLED, run_at=None, error=error, finished_at=NOW, cancelled_for=3)
    assert follow(a_child(unmet=Gone(3)), NOW) == moved
    assert follow(a_child(State.CANCELLED, Gone(3), cancelled_for=3), NOW) is None
    reason = r"^job 7 cannot be retried: a job that it waits for was removed; `aqueue edit 7 --after none` frees it$"
    with pytest.raises(ParentEnded, match=reason):
        check_not_broken([a_child(State.CANCELLED, Gone(3))], "retried")


@given(state=st.sampled_from(sorted({*State} - {State.BLOCKED})), unmet=st.sampled_from([None, OPEN, DEAD]))
def test_what_runs_or_has_run_and_what_a_person_cancelled_is_left_alone(state: State, unmet: Parent | None) -> None:
    assert follow(a_child(state, unmet), NOW) is None


@pytest.mark.parametrize("state", WAITS_FOR_ITS_TURN)
def test_a_job_that_waits_for_its_turn_is_blocked_when_it_is_given_a_parent_that_has_not_ended(state: State) -> None:
    own_time = None if state is State.PENDING else NOW + 9
    child = a_child(state, OPEN, run_at=NOW + 9, error="exit code 3")
    assert tie(child, NOW) == Move(state=State.BLOCKED, run_at=own_time, error="exit code 3")
    assert tie(a_child(state, None, run_at=NOW + 9), NOW) is None


@given(state=st.sampled_from(sorted({*State} - {*WAITS_FOR_ITS_TURN})), unmet=st.sampled_from([None, OPEN, DEAD]))
def test_any_other_job_that_is_given_parents_follows_them(state: State, unmet: Parent | None) -> None:
    cancelled_for = 2 if state is State.CANCELLED else None
    child = a_child(state, unmet, cancelled_for=cancelled_for)
    assert tie(child, NOW) == follow(child, NOW)


def test_what_its_parents_would_cancel_at_once_cannot_come_back() -> None:
    check_not_broken([a_child(), a_child(unmet=OPEN), a_child(State.COMPLETED, DEAD)], "retried")
    with pytest.raises(ParentEnded, match=r"^job 7 cannot be retried: job p3, which it waits for, is dead$") as caught:
        check_not_broken([a_child(unmet=OPEN), a_child(State.CANCELLED, DEAD)], "retried")
    assert caught.value.reasons.keys() == {"7"}


def test_a_job_for_which_a_blocked_one_waits_is_not_removed_without_it() -> None:
    edges = [Edge(1, 2, "b"), Edge(2, 3, "c")]
    assert awaited({}, []) == {}
    assert awaited({1: "a", 2: "b", 3: "c"}, edges) == {}
    assert awaited({1: "a", 2: "b", 9: "z"}, edges) == {
        2: "job b cannot be removed: job c, which comes after it, is blocked",
        1: "job a cannot be removed: job b, which comes after it, is blocked",
    }


def test_a_long_chain_of_which_the_last_stays_is_looked_at_once() -> None:
    edges = [Edge(number, number + 1, str(number + 1)) for number in range(10_000)]
    assert len(awaited({number: str(number) for number in range(10_000)}, edges)) == 10_000
