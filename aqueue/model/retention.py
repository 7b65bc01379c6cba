"""What is kept for how long: which of the finished jobs may go, and when the next of them may."""

from collections.abc import Mapping

from aqueue.model.errors import InvalidInput
from aqueue.model.job import FINISHED, State
from aqueue.model.settings import Settings


def kept_for(settings: Settings) -> Mapping[State, float]:
    """For how many seconds the jobs of each state are kept; a state whose jobs are kept forever is left out."""
    keeps = {
        State.COMPLETED: settings.keep_completed,
        State.CANCELLED: settings.keep_cancelled,
        State.DEAD: settings.keep_dead,
    }
    return {state: keep for state, keep in keeps.items() if keep is not None}


def expired_by(settings: Settings, now: float) -> Mapping[State, float]:
    """The moment at which jobs of each state must have finished to go now; those of the others are kept."""
    return {state: now - keep for state, keep in kept_for(settings).items()}


def chosen_by_hand(
    settings: Settings, now: float, *, older_than: float | None, state: State | None
) -> Mapping[State, float]:
    """The same, as a person wants it: what finished longer than so many seconds ago, or in this state only.

    Without `older_than`, the settings say how long. Raises InvalidInput for a state in which jobs are not finished.
    """
    if state is not None and state not in FINISHED:
        raise InvalidInput(f"{state} jobs are not finished, and only those are pruned: completed, cancelled, dead")
    chosen = expired_by(settings, now) if older_than is None else dict.fromkeys(sorted(FINISHED), now - older_than)
    return {one: moment for one, moment in chosen.items() if state in (None, one)}


def next_expiry(oldest: Mapping[State, float], settings: Settings) -> float | None:
    """When the next job may go. ``oldest`` is when the first of each state finished that is still there."""
    keeps = kept_for(settings)
    return min((moment + keeps[state] for state, moment in oldest.items() if state in keeps), default=None)


def soonest_expiry(settings: Settings, now: float) -> float | None:
    """Before this moment nothing that finishes from now on may go; None if all is kept forever."""
    return min((now + keep for keep in kept_for(settings).values()), default=None)


def keeps_other_than(before: Settings, now: Settings) -> bool:
    """Whether something else is kept now than before, or for another time."""
    return kept_for(before) != kept_for(now) or before.output_total != now.output_total
