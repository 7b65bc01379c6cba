"""Selections: which jobs are meant where they are not named one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from aqueue.model.errors import InvalidInput
from aqueue.model.job import FINISHED, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which jobs; None means whatever it is. `search` is looked for in the command, the id and the error.

    The state may be given by its name. Raises InvalidInput for one that there is not.
    """

    state: State | None = None
    queue: str | None = None
    tag: str | None = None
    search: str | None = None
    held: bool | None = None

    def __post_init__(self) -> None:
        """Take the state for what its name says: a plain text would be equal to it, but not the same."""
        if self.state is not None:
            object.__setattr__(self, "state", state_named(self.state))


def state_named(text: str) -> State:
    """The state of this name. Raises InvalidInput."""
    try:
        return State(text.lower())
    except ValueError:
        raise InvalidInput(f"unknown state {text!r}; known are {', '.join(State)}") from None


class Action(StrEnum):
    """What is done to the jobs of a selection."""

    CANCEL = "cancel"
    RETRY = "retry"
    HOLD = "hold"
    RELEASE = "release"
    REMOVE = "remove"
    EDIT = "edit"
    WAIT = "wait"


_UNFINISHED = frozenset(State) - FINISHED

_STATES: Mapping[Action, frozenset[State]] = {
    Action.CANCEL: _UNFINISHED,
    # Not what has completed, or was stopped on purpose: to run that again, one must say so.
    Action.RETRY: frozenset({State.DEAD, State.FAILED}),
    Action.HOLD: frozenset({State.SCHEDULED, State.PENDING, State.FAILED, State.BLOCKED}),
    Action.RELEASE: frozenset({State.SCHEDULED, State.BLOCKED}),
    Action.REMOVE: frozenset(State) - {State.PROCESSING},
    Action.EDIT: _UNFINISHED - {State.PROCESSING},
    Action.WAIT: _UNFINISHED,
}

_HELD = {Action.HOLD: False, Action.RELEASE: True}
"""Not those that wait for a time of their own: a `release` of all is the undoing of a `hold`."""


def meant_by(action: Action, wanted: Filter) -> Sequence[Filter]:
    """The filters that together find what an action means by these words; each job matches at most one.

    A state that is named is believed, also where the action does not fit it. Without one, it is the jobs for which
    the action is there.
    """
    if wanted.state is not None:
        return [wanted]
    held = _HELD.get(action) if wanted.held is None else wanted.held
    return [replace(wanted, state=state, held=held) for state in State if state in _STATES[action]]
