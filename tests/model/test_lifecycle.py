"""The table of the transitions, all of it: every state with every ending and every verb."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.model import lifecycle
from aqueue.model.ending import Cancelled, Ending, Exited, Interrupted, Lost, NotStarted, Signalled, TimedOut, error_of
from aqueue.model.errors import WrongState
from aqueue.model.job import FINISHED, Job, State
from aqueue.model.lifecycle import Transition
from aqueue.model.settings import Settings

from .builders import ENDINGS, FAILURES, NOW, a_job, a_running_job

DEFAULTS = Settings()
UNFINISHED = [state for state in State if state not in FINISHED]
BUT_PROCESSING = [state for state in State if state is not State.PROCESSING]


def a_job_in(state: State) -> Job:
    return a_job(state=state, attempts=2, run=5, exit_code=3, error="exit code 3: so it was", run_at=NOW + 9)


def waiting(state: State, run_at: float | None, **more: Any) -> Transition:
    """What becomes of `a_job_in` when only its place changes: what is known of its last run stays known."""
    known = Transition(state=state, attempts=2, run_at=run_at, exit_code=3, error="exit code 3: so it was")
    return replace(known, **more)


@pytest.mark.parametrize("state", BUT_PROCESSING)
@pytest.mark.parametrize("ending", ENDINGS)
def test_only_a_processing_job_has_a_run_that_can_end(state: State, ending: Ending) -> None:
    with pytest.raises(WrongState, match=f"job 7 is {state}"):
        lifecycle.settle(a_job_in(state), ending, DEFAULTS, NOW)


def test_e_exit_code_0_completes() -> None:
    expected = Transition(state=State.COMPLETED, attempts=1, run_at=None, exit_code=0, finished_at=NOW)
    assert lifecycle.settle(a_running_job(), Exited(0), DEFAULTS, NOW, last_line="noise") == expected


@pytest.mark.parametrize("ending", FAILURES)
def test_f_any_other_end_fails_while_retries_are_left(ending: Ending) -> None:
    assert lifecycle.settle(a_running_job(attempts=3), ending, DEFAULTS, NOW, last_line="oops") == Transition(
        state=State.FAILED,
        attempts=3,
        run_at=NOW + 8,
        exit_code=ending.code if isinstance(ending, Exited) else None,
        signal=ending.number if isinstance(ending, Signalled) else None,
        error=f"{ending}: oops",
    )


@pytest.mark.parametrize("ending", FAILURES)
@pytest.mark.parametrize("attempts", [4, 5])
def test_g_without_retries_left_any_other_end_is_death(ending: Ending, attempts: int) -> None:
    assert lifecycle.settle(a_running_job(attempts=attempts), ending, DEFAULTS, NOW) == Transition(
        state=State.DEAD,
        attempts=attempts,
        run_at=None,
        exit_code=ending.code if isinstance(ending, Exited) else None,
        signal=ending.number if isinstance(ending, Signalled) else None,
        error=str(ending),
        finished_at=NOW,
    )


def test_g_an_exit_code_of_no_retry_on_is_death_at_once_and_other_ends_are_not() -> None:
    job = a_running_job(no_retry_on=(64, 65))
    assert lifecycle.settle(job, Exited(65), DEFAULTS, NOW).state is State.DEAD
    assert lifecycle.settle(job, Exited(66), DEFAULTS, NOW).state is State.FAILED
    assert lifecycle.settle(job, Signalled(64), DEFAULTS, NOW).state is State.FAILED


def test_g_what_its_worker_can_never_give_is_death_at_once() -> None:
    job = a_running_job(attempts=1)
    settled = lifecycle.settle(job, NotStarted("a niceness of -5 takes a right", for_good=True), DEFAULTS, NOW)
    assert (settled.state, settled.attempts, settled.finished_at) == (State.DEAD, 1, NOW)
    assert settled.error == "could not start: a niceness of -5 takes a right"
    assert lifecycle.settle(job, NotStarted("no such folder"), DEFAULTS, NOW).state is State.FAILED


@pytest.mark.parametrize("attempts", [1, 4])
def test_h_an_exit_code_of_defer_on_is_not_counted_and_backs_off(attempts: int) -> None:
    job = a_running_job(attempts=attempts, defer_on=(75,))
    assert lifecycle.settle(job, Exited(75), DEFAULTS, NOW) == Transition(
        state=State.FAILED, attempts=attempts - 1, run_at=NOW + 2**attempts, exit_code=75, error="exit code 75"
    )


def test_h_an_interrupted_run_did_not_happen_and_the_job_keeps_its_place_in_the_line() -> None:
    job = a_running_job(attempts=3, run_at=NOW - 100, exit_code=3, signal=None, error="exit code 3")
    assert lifecycle.settle(job, Interrupted(), DEFAULTS, NOW, last_line="noise") == Transition(
        state=State.PENDING, attempts=2, run_at=NOW - 100, exit_code=3, error="exit code 3"
    )


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending != Exited(0)])
@pytest.mark.parametrize("attempts", [1, 4])
def test_i_a_run_that_was_asked_to_end_is_cancelled_however_it_ends(ending: Ending, attempts: int) -> None:
    job = a_running_job(cancel_requested=True, attempts=attempts, defer_on=(1,), no_retry_on=(255,))
    assert lifecycle.settle(job, ending, DEFAULTS, NOW) == Transition(
        state=State.CANCELLED, attempts=attempts, run_at=None, error="cancelled", finished_at=NOW
    )


def test_a_run_that_succeeded_before_its_cancellation_came_has_completed() -> None:
    assert lifecycle.settle(a_running_job(cancel_requested=True), Exited(0), DEFAULTS, NOW).state is State.COMPLETED


def test_a_run_that_was_cancelled_is_never_retried() -> None:
    assert lifecycle.settle(a_running_job(), Cancelled(), DEFAULTS, NOW).state is State.CANCELLED


@pytest.mark.parametrize("state", [state for state in UNFINISHED if state is not State.PROCESSING])
def test_i_cancel_ends_what_is_unfinished_and_does_not_run(state: State) -> None:
    assert lifecycle.cancel(a_job_in(state), NOW) == Transition(
        state=State.CANCELLED, attempts=2, run_at=None, error="cancelled", finished_at=NOW
    )


def test_i_cancel_leaves_a_running_job_to_its_worker() -> None:
    assert lifecycle.cancel(a_running_job(), NOW) is None
    assert lifecycle.cancel(a_running_job(cancel_requested=True), NOW) is None


RETRIED = (State.DEAD, State.CANCELLED, State.COMPLETED, State.FAILED)


@pytest.mark.parametrize("state", RETRIED)
def test_j_retry_gives_a_fresh_set_of_attempts_now(state: State) -> None:
    assert lifecycle.retry(a_job_in(state), NOW) == waiting(State.PENDING, NOW, attempts=0)


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED, State.SCHEDULED])
def test_k_hold_keeps_what_waits_until_it_is_released(state: State) -> None:
    assert lifecycle.hold(a_job_in(state)) == waiting(State.SCHEDULED, None, held=True)


@pytest.mark.parametrize("held", [True, False])
def test_a_release_lets_a_scheduled_job_run_now(held: bool) -> None:
    job = replace(a_job_in(State.SCHEDULED), held=held)
    assert lifecycle.release(job, NOW) == waiting(State.PENDING, NOW)


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED, State.SCHEDULED])
def test_postponing_makes_a_job_wait_and_a_moment_that_is_past_means_now(state: State) -> None:
    job = a_job_in(state)
    assert lifecycle.postpone(job, NOW + 1, NOW) == waiting(State.SCHEDULED, NOW + 1)
    assert lifecycle.postpone(job, NOW - 1, NOW) == waiting(State.PENDING, NOW)


def test_a_blocked_job_is_held_released_and_postponed_as_it_is() -> None:
    blocked = a_job_in(State.BLOCKED)
    assert lifecycle.hold(blocked) == waiting(State.BLOCKED, None, held=True)
    assert lifecycle.release(replace(blocked, run_at=None, held=True), NOW) == waiting(State.BLOCKED, None)
    assert lifecycle.release(blocked, NOW) == waiting(State.BLOCKED, None)
    assert lifecycle.postpone(blocked, NOW + 1, NOW) == waiting(State.BLOCKED, NOW + 1)


def test_a_release_does_not_let_a_job_run_before_its_parents() -> None:
    with pytest.raises(WrongState, match=r"^job 7 is blocked: it waits for other jobs, not for a release$"):
        lifecycle.release(a_job(state=State.BLOCKED, run_at=None), NOW)


@pytest.mark.parametrize("state", RETRIED)
def test_j_retry_of_a_job_with_parents_leaves_the_rest_to_these(state: State) -> None:
    for job in (replace(a_job_in(state), after=("3",)), replace(a_job_in(state), after_any=("3",))):
        assert lifecycle.retry(job, NOW) == waiting(State.BLOCKED, None, attempts=0)


def test_i_cancel_makes_what_was_cancelled_with_a_parent_the_persons_own() -> None:
    assert lifecycle.cancel(a_job(state=State.CANCELLED, cancelled_for=3), NOW) == Transition(
        state=State.CANCELLED, attempts=0, run_at=None, error="cancelled", finished_at=NOW
    )


REFUSED: list[tuple[str, Callable[[Job], object], set[State]]] = [
    ("cancelled", lambda job: lifecycle.cancel(job, NOW), set(FINISHED)),
    ("retried", lambda job: lifecycle.retry(job, NOW), set(State) - set(RETRIED)),
    ("held", lifecycle.hold, {State.PROCESSING, *FINISHED}),
    ("release", lambda job: lifecycle.release(job, NOW), set(State) - {State.SCHEDULED, State.BLOCKED}),
    ("another time", lambda job: lifecycle.postpone(job, NOW, NOW), {State.PROCESSING, *FINISHED}),
    ("edited", lifecycle.check_editable, {State.PROCESSING}),
    ("removed", lifecycle.check_removable, {State.PROCESSING}),
]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(("word", "verb", "refused"), REFUSED, ids=[word for word, _, _ in REFUSED])
def test_a_verb_that_does_not_fit_the_state_is_refused_and_any_other_is_not(
    word: str, verb: Callable[[Job], object], refused: set[State], state: State
) -> None:
    if state not in refused:
        verb(a_job_in(state))
        return
    with pytest.raises(WrongState, match=f"^job 7 is {state} .*{word}"):
        verb(a_job_in(state))


def test_what_is_held_cannot_be_held_again() -> None:
    with pytest.raises(WrongState, match="job 7 is held and cannot be held"):
        lifecycle.hold(a_job(state=State.SCHEDULED, held=True, run_at=None))


def claimed(job: Job, transition: Transition) -> Job:
    """The job in its next run, as the store would claim it."""
    return replace(
        job,
        state=State.PROCESSING,
        attempts=transition.attempts + 1,
        run=job.run + 1,
        exit_code=transition.exit_code,
        signal=transition.signal,
        error=transition.error,
    )


def waits_of(job: Job, settings: Settings, ending: Ending) -> list[float]:
    """The waits of a job that always ends like this, until it is dead; one less than its runs."""
    waits = []
    while (transition := lifecycle.settle(job, ending, settings, NOW)).state is State.FAILED:
        assert transition.run_at is not None
        waits.append(transition.run_at - NOW)
        job = claimed(job, transition)
    assert transition.state is State.DEAD
    return waits


def test_by_default_a_job_that_always_fails_waits_2_4_and_8_seconds_and_is_dead() -> None:
    assert waits_of(a_running_job(), DEFAULTS, Exited(1)) == [2, 4, 8]


def test_the_backoff_of_the_job_beats_that_of_the_settings() -> None:
    job = a_running_job(backoff_base=3.0, backoff_max=20.0)
    assert waits_of(job, Settings(backoff_base=5.0, backoff_max=7.0), TimedOut(1.0)) == [3, 9, 20]


def test_waits_below_a_second_get_shorter_and_a_wait_too_large_for_a_number_is_the_longest() -> None:
    assert waits_of(a_running_job(backoff_base=0.5), DEFAULTS, Exited(1)) == [0.5, 0.25, 0.125]
    job = a_running_job(backoff_base=1e6, attempts=10**9, max_retries=10**9)
    assert lifecycle.settle(job, Exited(1), DEFAULTS, NOW).run_at == NOW + DEFAULTS.backoff_max


def test_the_jitter_of_the_settings_spreads_the_waits_of_every_job() -> None:
    settings = Settings(backoff_jitter=0.5)
    job = a_running_job(backoff_base=4.0)
    due = [lifecycle.settle(job, Exited(1), settings, NOW, spread=spread).run_at for spread in (-1.0, 0.0, 1.0)]
    assert due == [NOW + 2, NOW + 4, NOW + 6]


@given(retries=st.integers(0, 60), ending=st.sampled_from(FAILURES))
def test_a_job_that_always_fails_runs_once_more_than_it_may_be_retried(retries: int, ending: Ending) -> None:
    assert len(waits_of(a_running_job(max_retries=retries), DEFAULTS, ending)) == retries


@given(
    endings=st.lists(st.sampled_from(ENDINGS), min_size=1, max_size=40),
    retries=st.integers(0, 10),
    no_retry_on=st.sampled_from([(), (255,)]),
    defer_on=st.sampled_from([(), (1,)]),
    spread=st.floats(-1, 1),
)
def test_whatever_happens_attempts_count_the_runs_that_count_and_the_end_is_in_time(
    endings: list[Ending], retries: int, no_retry_on: tuple[int, ...], defer_on: tuple[int, ...], spread: float
) -> None:
    job = a_running_job(max_retries=retries, no_retry_on=no_retry_on, defer_on=defer_on)
    counted = 0
    for ending in endings:
        transition = lifecycle.settle(job, ending, Settings(backoff_jitter=1.0), NOW, spread=spread)
        uncounted = ending == Interrupted() or (isinstance(ending, Exited) and ending.code in defer_on)
        counted += not uncounted
        assert 0 <= transition.attempts == counted <= retries + 1
        assert (transition.finished_at is not None) == (transition.state in FINISHED)
        assert (transition.run_at is not None) == (transition.state not in FINISHED)
        if transition.state in FINISHED:
            break
        assert not transition.held
        job = claimed(job, transition)


@given(
    ending=st.sampled_from(FAILURES), attempts=st.integers(1, 20), retries=st.integers(0, 20), code=st.integers(1, 255)
)
def test_a_job_whose_cancellation_was_asked_for_never_runs_again(
    ending: Ending, attempts: int, retries: int, code: int
) -> None:
    for end in (ending, Exited(code), Interrupted(), Cancelled()):
        job = a_running_job(cancel_requested=True, attempts=attempts, max_retries=retries, defer_on=(code,))
        transition = lifecycle.settle(job, end, DEFAULTS, NOW)
        assert (transition.state, transition.attempts, transition.run_at) == (State.CANCELLED, attempts, None)


@given(run_at=st.none() | st.floats(0, 2 * NOW), attempts=st.integers(1, 20), spread=st.floats(-1, 1))
def test_an_interrupted_job_keeps_its_place_whenever_that_was(
    run_at: float | None, attempts: int, spread: float
) -> None:
    job = a_running_job(run_at=run_at, attempts=attempts, defer_on=(1,), no_retry_on=(2,))
    transition = lifecycle.settle(job, Interrupted(), Settings(backoff_jitter=1.0), NOW, spread=spread)
    assert (transition.state, transition.run_at, transition.attempts) == (State.PENDING, run_at, attempts - 1)


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED, State.SCHEDULED])
def test_an_edit_of_the_time_holds_releases_or_postpones(state: State) -> None:
    job, held = a_job(state=state), a_job(state=State.SCHEDULED, held=True, run_at=None)

    def edited(job: Job, hold_it: bool | None = None, run_at: float | None = None) -> lifecycle.Transition | None:
        return lifecycle.reschedule(job, NOW, hold_it=hold_it, run_at=run_at)

    assert edited(job) is edited(held) is None
    assert edited(job, hold_it=True) == edited(job, hold_it=True, run_at=NOW + 1) == lifecycle.hold(job)
    assert edited(held, hold_it=True) is None
    assert edited(held, hold_it=False) == lifecycle.release(held, NOW)
    assert edited(job, hold_it=False) is None
    assert edited(job, run_at=NOW + 1) == lifecycle.postpone(job, NOW + 1, NOW)
    assert edited(held, hold_it=False, run_at=NOW + 1) == lifecycle.postpone(held, NOW + 1, NOW)


@given(code=st.integers(1, 255), attempts=st.integers(1, 20), retries=st.integers(0, 20))
def test_what_must_not_be_retried_is_dead_at_once_but_not_now_comes_first(
    code: int, attempts: int, retries: int
) -> None:
    job = a_running_job(attempts=attempts, max_retries=retries, no_retry_on=(code,))
    assert lifecycle.settle(job, Exited(code), DEFAULTS, NOW).state is State.DEAD
    both = lifecycle.settle(replace(job, defer_on=(code,)), Exited(code), DEFAULTS, NOW)
    assert (both.state, both.attempts) == (State.FAILED, attempts - 1)


def test_a_job_that_always_says_not_now_waits_the_same_time_for_ever_and_is_never_dead() -> None:
    job = a_running_job(max_retries=0, defer_on=(75,))
    for _ in range(50):
        transition = lifecycle.settle(job, Exited(75), DEFAULTS, NOW)
        assert (transition.state, transition.attempts, transition.run_at) == (State.FAILED, 0, NOW + 2)
        job = claimed(job, transition)


@given(st.lists(st.just(Interrupted()), max_size=20))
def test_interruptions_never_count(interruptions: list[Ending]) -> None:
    job = a_running_job(max_retries=0)
    for ending in interruptions:
        job = claimed(job, lifecycle.settle(job, ending, DEFAULTS, NOW))
    assert lifecycle.settle(job, Exited(1), DEFAULTS, NOW).state is State.DEAD
    assert job.attempts == 1
    assert job.run == 1 + len(interruptions)


def test_the_error_of_a_dead_job_says_how_its_last_run_ended() -> None:
    transition = lifecycle.settle(a_running_job(max_retries=0), Lost("w9"), DEFAULTS, NOW)
    assert (transition.state, transition.error) == (State.DEAD, error_of(Lost("w9"), ""))
