"""What the lists of parents mean, and that nobody waits for himself in the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.model.dependencies import Standing
from aqueue.model.errors import Cycle, NoSuchJob
from aqueue.model.job import State
from aqueue.model.ties import Tied, check_acyclic, check_known

from .builders import a_job

PARENTS = {state.value: a_job(id=state.value, state=state) for state in State}


def test_who_is_in_both_lists_must_complete() -> None:
    tied = Tied(1, "1", after=["a", "b"], after_any=["c", "b"])
    assert tied.parents == {"c": True, "b": False, "a": False}


def test_parents_can_be_called_otherwise_or_be_gone() -> None:
    tied = Tied(1, "1", after=["a", "b"], after_any=["c"])
    assert tied.renamed({"a": "7", "c": "8"}) == Tied(1, "1", ["7", "b"], ["8"])
    assert tied.among({"b"}) == Tied(1, "1", ["b"], [])


@pytest.mark.parametrize(
    ("after", "after_any", "waits"),
    [
        (["pending"], [], True),
        (["pending", "completed"], ["dead"], True),
        ([], ["processing", "dead"], True),
        (["completed"], ["dead", "cancelled"], False),
        (["pending", "dead"], [], False),
        (["completed"], [], False),
    ],
)
def test_it_plainly_waits_while_one_has_not_ended_and_none_has_ended_badly(
    after: list[str], after_any: list[str], waits: bool
) -> None:
    tied = Tied(1, "1", after, after_any)
    assert tied.plainly_waits(PARENTS) is waits
    assert set(tied.standings(PARENTS)) == {*after, *after_any}
    assert tied.standings(PARENTS).get("dead", Standing.BROKEN) is (
        Standing.CLOSED if "dead" in after_any else Standing.BROKEN
    )


def test_a_parent_that_is_not_there_is_named() -> None:
    check_known(["a", "b"], {"b", "a", "c"})
    with pytest.raises(NoSuchJob, match=r"^no such job: z$"):
        check_known(["a", "z"], {"a"})
    with pytest.raises(NoSuchJob) as caught:
        check_known(["a", "z"], {"a"}, 5)
    assert (caught.value.job_id, caught.value.place) == ("z", 5)


@pytest.mark.parametrize(
    ("parents", "reason"),
    [
        ({"a": ["a"]}, "job a would wait for itself"),
        ({"a": ["b"], "b": ["a"]}, "jobs would wait for one another: a, b"),
        ({"z": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, "jobs would wait for one another: a, b, c"),
        (
            {str(number): [str((number + 1) % 20)] for number in range(20)},
            "jobs would wait for one another: 0, 1, 2, 3, 4, 5, 6, 7 and 12 others",
        ),
    ],
)
def test_jobs_that_wait_for_one_another_are_named(parents: dict[str, list[str]], reason: str) -> None:
    with pytest.raises(Cycle, match=f"^{reason}$"):
        check_acyclic(parents, dict.fromkeys(parents, 0))


def test_the_first_of_a_cycle_is_told_by_its_place() -> None:
    with pytest.raises(Cycle) as caught:
        check_acyclic({"a": ["c"], "b": [], "c": ["a"]}, {"c": 7, "b": 2, "a": 9})
    assert caught.value.place == 7


def test_ten_thousand_in_a_row_are_no_cycle_and_no_deep_recursion() -> None:
    chain = {str(number): [str(number + 1)] for number in range(10_000)}
    check_acyclic(chain, dict.fromkeys(chain, 0))
    with pytest.raises(Cycle):
        check_acyclic(chain | {"10000": ["0"]}, dict.fromkeys([*chain, "10000"], 0))


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), unique=True, max_size=3)))
def test_a_cycle_is_found_exactly_where_there_is_one(graph: dict[int, list[int]]) -> None:
    def reached(start: int) -> set[int]:
        seen: set[int] = set()
        left = [*graph.get(start, [])]
        while left:
            if (one := left.pop()) not in seen:
                seen.add(one)
                left.extend(graph.get(one, []))
        return seen

    named = {str(child): [str(parent) for parent in parents] for child, parents in graph.items()}
    if any(one in reached(one) for one in graph):
        with pytest.raises(Cycle) as caught:
            check_acyclic(named, dict.fromkeys(named, 0))
        ids = caught.value.ids
        assert all(after in named[before] for before, after in zip(ids, [*ids[1:], ids[0]], strict=True))
    else:
        check_acyclic(named, dict.fromkeys(named, 0))
