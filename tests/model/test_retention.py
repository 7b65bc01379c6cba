"""What is kept for how long."""

import pytest

from aqueue.model.errors import InvalidInput
from aqueue.model.job import FINISHED, State
from aqueue.model.retention import chosen_by_hand, expired_by, keeps_other_than, kept_for, next_expiry, soonest_expiry
from aqueue.model.settings import Settings

NOW = 1_700_000_000.0
FOREVER = Settings(keep_completed=None, keep_cancelled=None, keep_dead=None)
SHORT = Settings(keep_completed=60, keep_cancelled=5, keep_dead=0)


def test_what_is_kept_forever_never_expires() -> None:
    assert kept_for(FOREVER) == expired_by(FOREVER, NOW) == {}
    assert next_expiry({State.DEAD: NOW}, FOREVER) is None
    assert soonest_expiry(FOREVER, NOW) is None


def test_by_default_dead_jobs_are_kept_forever_and_others_for_a_week() -> None:
    week = 7 * 86_400
    assert kept_for(Settings()) == {State.COMPLETED: week, State.CANCELLED: week}


def test_a_job_goes_when_its_time_is_over_and_not_before() -> None:
    assert expired_by(SHORT, NOW) == {State.COMPLETED: NOW - 60, State.CANCELLED: NOW - 5, State.DEAD: NOW}


def test_the_next_to_go_is_not_always_the_oldest() -> None:
    oldest = {State.COMPLETED: NOW - 50, State.CANCELLED: NOW}
    assert next_expiry(oldest, SHORT) == NOW + 5
    assert next_expiry({State.COMPLETED: NOW - 50}, SHORT) == NOW + 10
    assert next_expiry({}, SHORT) is None


def test_what_finishes_from_now_on_cannot_go_before_the_shortest_time_is_over() -> None:
    assert soonest_expiry(Settings(keep_completed=60, keep_cancelled=5), NOW) == NOW + 5


@pytest.mark.parametrize("state", [None, *sorted(FINISHED)])
def test_by_hand_jobs_of_any_age_go_whatever_the_settings_say(state: State | None) -> None:
    chosen = chosen_by_hand(FOREVER, NOW, older_than=30, state=state)
    assert chosen == dict.fromkeys(FINISHED if state is None else [state], NOW - 30)


def test_by_hand_and_without_an_age_the_settings_say_what_goes() -> None:
    assert chosen_by_hand(SHORT, NOW, older_than=None, state=None) == expired_by(SHORT, NOW)
    assert chosen_by_hand(SHORT, NOW, older_than=None, state=State.CANCELLED) == {State.CANCELLED: NOW - 5}
    assert chosen_by_hand(FOREVER, NOW, older_than=None, state=State.DEAD) == {}


@pytest.mark.parametrize("state", sorted(set(State) - FINISHED))
def test_jobs_that_are_not_finished_are_never_pruned(state: State) -> None:
    with pytest.raises(InvalidInput, match=f"{state} jobs are not finished"):
        chosen_by_hand(SHORT, NOW, older_than=0, state=state)


def test_only_what_is_about_keeping_changes_what_is_kept() -> None:
    assert not keeps_other_than(Settings(), Settings(max_retries=9))
    assert keeps_other_than(Settings(), Settings(keep_dead=1))
    assert keeps_other_than(Settings(), Settings(output_total=1))
