"""The kinds of values on the command line. What is right is known by the model alone; here it is only asked."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import asyncclick as click

from aqueue.model.errors import InvalidInput
from aqueue.model.newjob import check_queue
from aqueue.model.selection import state_named
from aqueue.model.settings import parse_count
from aqueue.model.text import parse_duration

T = TypeVar("T")

LONGEST_SHOWN = 60
"""How many characters of a wrong value are told back."""


class Parsed(click.ParamType[T], Generic[T]):
    """A value that a function reads from a text and refuses with InvalidInput."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """The value that is meant."""
        if not isinstance(value, str):  # read already: what a group hands on to its command
            return cast("T", value)
        try:
            return self._parse(value)
        except InvalidInput as error:
            self.fail(str(error), param, ctx)


def _whole(text: str) -> int:
    return _plainly(int, text, "a whole number")


def _number(text: str) -> float:
    return _plainly(float, text, "a number")


def _plainly(read: Callable[[str], T], text: str, what: str) -> T:
    """A number as people write it: Python's own `1_000`, and digits of other scripts, are slips of the finger here."""
    try:
        if "_" in text or not text.isascii():
            raise ValueError
        return read(text)
    except ValueError:
        shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
        raise InvalidInput(f"{shown!r} is not {what}") from None


def _number_or_none(text: str) -> float | str:
    return text if text == "none" else _number(text)


def _whole_or_none(text: str) -> int | str:
    return text if text == "none" else _whole(text)


def _codes(text: str) -> list[int]:
    return [] if text == "none" else [_whole(part) for part in text.split(",")]


def _nonempty(text: str) -> str:
    """What would match everything, of an unset variable perhaps, is not what was meant."""
    if not text:
        raise InvalidInput("must not be empty")
    return text


def _ids(text: str) -> list[str]:
    """One id or several, as they come out of `$(aqueue enqueue …)`. None at all would be an empty variable."""
    ids = text.replace(",", " ").split()
    if not ids:
        raise InvalidInput("give the id of a job, not an empty word")
    return ids


def or_none(name: str, parse: Callable[[str], T]) -> Parsed["T | None"]:
    """A value that `none` takes off."""
    return Parsed(name, lambda text: None if text.strip().lower() == "none" else parse(text))


def _served(text: str) -> tuple[str, int | None]:
    name, equals, most = text.partition("=")
    if not equals:
        return check_queue(name), None
    if not (bound := parse_count(most)):
        raise InvalidInput(f"{text!r}: at least 1 of its jobs; without -q {name} none of them runs here")
    return check_queue(name), bound


DURATION = Parsed("dur", parse_duration)
WHOLE = Parsed("n", _whole)
COUNT = Parsed("n", parse_count)
NUMBER_OR_NONE = Parsed("x", _number_or_none)
WHOLE_OR_NONE = Parsed("n", _whole_or_none)
CODES = Parsed("codes", _codes)
IDS = Parsed("ids", _ids)
NONEMPTY = Parsed("text", _nonempty)
STATE = Parsed("state", state_named)
QUEUE = Parsed("name", check_queue)
SERVED = Parsed("name[=n]", _served)
