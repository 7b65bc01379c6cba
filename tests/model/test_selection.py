"""Which jobs a verb means when they are not named one by one."""

import pytest

from aqueue.model.errors import InvalidInput
from aqueue.model.job import State
from aqueue.model.selection import Action, Filter, meant_by

MEANT = {
    Action.CANCEL: "scheduled blocked pending processing failed",
    Action.RETRY: "failed dead",
    Action.HOLD: "scheduled blocked pending failed",
    Action.RELEASE: "scheduled blocked",
    Action.REMOVE: "scheduled blocked pending failed completed dead cancelled",
    Action.EDIT: "scheduled blocked pending failed",
    Action.WAIT: "scheduled blocked pending processing failed",
}


@pytest.mark.parametrize("action", Action)
def test_without_a_state_those_are_meant_that_the_verb_is_there_for(action: Action) -> None:
    filters = meant_by(action, Filter(queue="mail"))
    assert [wanted.state for wanted in filters] == [State(state) for state in MEANT[action].split()]
    assert {wanted.queue for wanted in filters} == {"mail"}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("state", State)
def test_a_state_that_is_named_is_believed(action: Action, state: State) -> None:
    wanted = Filter(state=state, tag="x", search="y")
    assert meant_by(action, wanted) == [wanted]


@pytest.mark.parametrize(("action", "held"), [(Action.HOLD, False), (Action.RELEASE, True), (Action.CANCEL, None)])
def test_a_release_undoes_a_hold_and_leaves_alone_what_waits_for_its_time(action: Action, held: bool | None) -> None:
    assert {wanted.held for wanted in meant_by(action, Filter())} == {held}
    assert {wanted.held for wanted in meant_by(action, Filter(held=True))} == {True}


def test_a_state_may_be_given_by_its_name() -> None:
    wanted = Filter(state="Completed")  # type: ignore[arg-type]
    assert wanted.state is State.COMPLETED
    with pytest.raises(InvalidInput, match="unknown state 'done'; known are scheduled, "):
        Filter(state="done")  # type: ignore[arg-type]
