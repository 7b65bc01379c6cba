"""Many ids in little memory are still a sequence of texts."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.model.ids import Ids

SOME = st.lists(st.sampled_from(["1", "22", "job1", "a:b"]), max_size=5)


@given(st.lists(SOME, max_size=5), st.integers(-30, 30), st.slices(30))
def test_ids_are_the_sequence_of_what_was_added(added: list[list[str]], place: int, part: slice) -> None:
    ids = Ids()
    for some in added:
        ids.add(some)
    expected = [one for some in added for one in some]
    assert list(ids) == expected
    assert (len(ids), ids == expected, list(ids[part])) == (len(expected), True, expected[part])
    assert [one for some in ids.slices() for one in some] == expected
    if -len(expected) <= place < len(expected):
        assert ids[place] == expected[place]
    else:
        with pytest.raises(IndexError):
            ids[place]


def test_ids_differ_from_others() -> None:
    assert Ids(["1", "2"]) == Ids(["1", "2"])
    assert Ids(["1", "2"]) != ["1"]
    assert Ids(["1"]) != ["2"]
    assert Ids(["1"]) != 1


def test_a_hundred_thousand_take_less_than_a_megabyte() -> None:
    tracemalloc.start()
    try:
        ids = Ids()
        for start in range(0, 100_000, 1000):
            ids.add([str(number) for number in range(start, start + 1000)])
        assert len(ids) == 100_000
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
