"""JSON that comes in pieces is read as it would be in one, and what is wrong has the same place."""

import contextlib
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.model.errors import InvalidInput
from aqueue.model.jsontext import items, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
INDENTS = st.sampled_from([None, 0, 2])


def cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@given(st.lists(VALUES, max_size=5), INDENTS, st.integers(1, 40))
def test_an_array_in_pieces_has_the_same_items(values: list[Any], indent: int | None, size: int) -> None:
    text = f" \n{json.dumps(values, indent=indent)}\n "
    assert list(items(cut(text, size))) == values


def _result(read: Any) -> Any:
    try:
        return read()
    except InvalidInput as error:
        return str(error).replace("line 1, ", "")  # whether there is another line may not have been seen yet


SLIPS = st.sampled_from(["", *'{}[],:"\\x\n1 -.e', "nul", "NaN", "\\u12"])


@given(st.lists(VALUES, max_size=4), INDENTS, st.integers(1, 40), st.floats(0, 1), SLIPS, st.integers(0, 3))
def test_what_is_wrong_is_told_in_the_same_words(
    values: list[Any], indent: int | None, size: int, place: float, slip: str, gone: int
) -> None:
    text = json.dumps(values, indent=indent)
    at = 1 + int(place * (len(text) - 1))
    text = text[:at] + slip + text[at + gone :]
    assert _result(lambda: list(items(cut(text, size)))) == _result(lambda: parse(text))


@pytest.mark.parametrize("text", ["[" * 100_000, "[1" + "0" * 5000 + "]", '[{"a": 1, "a": 2}]', "[NaN]", "[-Infinity]"])
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_what_no_job_could_be_is_refused_in_the_same_words(text: str, size: int) -> None:
    with pytest.raises(InvalidInput) as whole:
        parse(text)
    with pytest.raises(InvalidInput) as pieces:
        list(items(cut(text, size)))
    assert str(whole.value) == str(pieces.value)


@pytest.mark.long
def test_a_long_array_takes_no_memory() -> None:
    def pieces() -> Iterator[str]:
        yield "["
        for number in range(1000):
            yield ",".join(f'{{"command": "echo {number} {"x" * 50}"}}' for _ in range(100)) + ",\n"
        yield "{}]"

    tracemalloc.start()
    try:
        assert sum(1 for _ in items(pieces())) == 100_001
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_an_error_in_a_long_array_is_found_before_all_is_read() -> None:
    def pieces() -> Iterator[str]:
        yield '[{"command": }, {"command": "true"}]'
        raise AssertionError("read on")

    with contextlib.suppress(InvalidInput):
        list(items(pieces()))
