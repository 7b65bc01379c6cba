"""Whether a wait can end without a person."""

from aqueue.model.dependencies import Parent
from aqueue.model.job import State
from aqueue.model.waiting import Wait, held_above


def wait(child: int, parent: int, state: State = State.BLOCKED, *, held: bool = False, on_any: bool = False) -> Wait:
    return Wait(child, Parent(seq=parent, id=str(parent), state=state, held=held, on_any=on_any))


def held(child: int, parent: int, *, on_any: bool = False) -> Wait:
    return wait(child, parent, State.SCHEDULED, held=True, on_any=on_any)


def above(seq: int, *waits: Wait) -> str | None:
    found = held_above([seq], waits)
    assert found is None or found[0] == seq
    return found and found[1].id


def test_what_waits_for_a_held_job_waits_for_a_person_however_many_are_between() -> None:
    assert above(1, held(1, 2)) == "2"
    assert above(1, held(1, 2, on_any=True)) == "2"
    assert above(1, wait(1, 2), wait(2, 3), held(3, 4)) == "4"
    assert above(1, wait(1, 2), held(2, 4), wait(1, 3), held(3, 4)) == "4"


def test_what_waits_for_live_jobs_does_not() -> None:
    for state in (State.PENDING, State.PROCESSING, State.FAILED, State.SCHEDULED):
        assert above(1, wait(1, 2), wait(2, 3, state)) is None


def test_one_that_must_complete_and_can_still_end_badly_leaves_hope() -> None:
    assert above(1, held(1, 2), wait(1, 3, State.PENDING)) is None
    assert above(1, held(1, 2), wait(1, 3, State.PENDING, on_any=True)) == "2"
    assert above(1, held(1, 2, on_any=True), wait(1, 3, State.PENDING)) is None
    assert above(1, wait(1, 2), held(2, 3), wait(2, 4, State.FAILED)) is None


def test_the_end_of_one_that_is_stuck_never_comes_either() -> None:
    assert above(1, wait(1, 2, on_any=True), held(2, 3)) == "3"


def test_a_hold_elsewhere_is_not_named() -> None:
    waits = [wait(1, 2, State.PENDING), held(5, 6)]
    assert held_above([1], waits) is None
    found = held_above([1, 5], waits)
    assert found
    assert (found[0], found[1].id) == (5, "6")


def test_a_long_chain_and_many_parents_are_no_trouble() -> None:
    chain = [wait(number, number + 1) for number in range(1, 10_000)]
    assert above(1, *chain, held(10_000, 10_001)) == "10001"
    many = [wait(1, number, State.PENDING, on_any=True) for number in range(2, 10_000)]
    assert above(1, *many) is None
    assert above(1, *many, held(1, 10_001)) == "10001"
