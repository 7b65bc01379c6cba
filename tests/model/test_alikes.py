"""Jobs that say the same of themselves are the same jobs, however they are told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aqueue.model.alikes import ENOUGH, MOST, Alikes
from aqueue.model.errors import InvalidInput
from aqueue.model.newjob import Alike, NewJob

NOW = 1_800_000_000.0

_SAID = st.fixed_dictionaries(
    {},
    optional={
        "queue": st.sampled_from(["mail", "default"]),
        "priority": st.sampled_from([0, 1, True, 1.0, None]),
        "tags": st.sampled_from([[], ["a"], ["b", "a"], "a"]),
        "timeout": st.sampled_from([1, 1.0, None, "none"]),
        "env": st.sampled_from([{}, {"A": "1"}, {"A": 1}]),
        "after": st.sampled_from([[], ["1"]]),
        "hold": st.sampled_from([True, False, 1]),
        "delay": st.sampled_from([5]),
        "id": st.sampled_from(["x", None]),
    },
)
_COMMAND = st.sampled_from(["true", "false", " ", "a\0b", "\udc80", 7, None])
_KEYS = st.builds(lambda said, command: {**said, "command": command}, _SAID, _COMMAND)


def told(wanted: Sequence[Mapping[str, Any]]) -> Iterator[NewJob | Alike]:
    alikes = Alikes()
    for keys in wanted:
        if not alikes.take(keys):
            yield from alikes.begin(keys, NewJob.parse(keys, NOW))
    yield from alikes.given()


def one_by_one(some: Iterator[NewJob | Alike]) -> Iterator[NewJob]:
    for one in some:
        if isinstance(one, Alike):
            yield from (replace(one.job, command=command) for command in one.commands)
        else:
            yield one


def outcome(make: Callable[[], list[NewJob]]) -> list[str] | str:
    """The jobs, written out since True is 1; or what is wrong."""
    try:
        return list(map(repr, make()))
    except InvalidInput as error:
        return str(error)


@given(st.lists(st.tuples(_KEYS, st.integers(1, ENOUGH + 1)), max_size=6))
def test_they_are_the_jobs_that_each_would_have_been_or_wrong_in_the_same_way(
    runs: list[tuple[dict[str, Any], int]],
) -> None:
    wanted = [keys for keys, count in runs for _ in range(count)]
    expected = outcome(lambda: [NewJob.parse(keys, NOW) for keys in wanted])
    assert outcome(lambda: list(one_by_one(told(wanted)))) == expected


def test_many_are_told_as_one_and_not_too_many_at_a_time() -> None:
    some = list(told([{"command": f"echo {number}", "priority": 3} for number in range(MOST + ENOUGH)]))
    assert [len(one.commands) for one in some if isinstance(one, Alike)] == [MOST, ENOUGH]
    assert len(some) == 2


def test_few_are_told_one_by_one() -> None:
    assert all(isinstance(one, NewJob) for one in told([{"command": "true"}] * (ENOUGH - 1)))
