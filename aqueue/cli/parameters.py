"""The kinds of values on the command line. What is right is known by the model alone; here it is only asked."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import asyncclick as click

from aqueue.model.errors import InvalidInput
from aqueue.model.job import State
from aqueue.model.newjob import check_queue
from aqueue.model.text import parse_duration

T = TypeVar("T")


class Parsed(click.ParamType[T], Generic[T]):
    """A value that a function reads from a text and refuses with InvalidInput."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """The value that is meant."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            return self._parse(value)
        except InvalidInput as error:
            self.fail(str(error), param, ctx)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is not a whole number") from None


def _count(text: str) -> int:
    if (count := _whole(text)) < 0:
        raise InvalidInput(f"{text!r} is below 0")
    return count


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is not a number") from None


def _codes(text: str) -> list[int]:
    return [_whole(part) for part in text.split(",")]


def _state(text: str) -> State:
    try:
        return State(text.lower())
    except ValueError:
        raise InvalidInput(f"unknown state {text!r}; known are {', '.join(State)}") from None


DURATION = Parsed("dur", parse_duration)
WHOLE = Parsed("n", _whole)
COUNT = Parsed("n", _count)
NUMBER = Parsed("x", _number)
CODES = Parsed("codes", _codes)
STATE = Parsed("state", _state)
QUEUE = Parsed("name", check_queue)
