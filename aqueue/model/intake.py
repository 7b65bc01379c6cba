"""Jobs as they come in: JSON in a word, a file or a line, and plain commands a line."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueue.model.errors import InvalidInput, InvalidSource

_BEGINS_LIKE_AN_OBJECT = re.compile(r'\s*\{\s*(?:\\*"|\}\s*$)')
_BACKSLASHES_BEFORE_A_QUOTE = re.compile(r'(\\+)"')


@dataclass(frozen=True, slots=True)
class Wanted:
    """The keys of a job that is asked for, and where they were read: `line 3`, or nothing."""

    keys: Mapping[str, Any]
    where: str = ""


def from_word(word: str) -> Wanted:
    """One word: a shell command line, or a JSON object, also with its quotes escaped as PowerShell users write it.

    Raises InvalidInput for one that begins like an object and is none.
    """
    if not _BEGINS_LIKE_AN_OBJECT.match(word):
        return Wanted({"command": word})
    try:
        return Wanted(_object(word))
    except InvalidInput:
        if '\\"' not in word:
            raise
        return Wanted(_object(_without_escapes(word)))


def from_lines(text: str) -> Iterator[Wanted]:
    """A command or a JSON object a line; blank lines are passed over. Raises InvalidSource that names the line."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"line {number}"
            try:
                yield Wanted(from_word(line.removesuffix("\r")).keys, where)
            except InvalidInput as error:
                raise InvalidSource(f"{where}: {error}") from None


def from_document(text: str) -> Sequence[Wanted]:
    """A JSON object, a JSON array of objects, or a JSON object a line. Raises InvalidSource that says where."""
    stripped = text.strip()
    if not stripped:
        raise InvalidSource("there is no job in it")
    if stripped.startswith("["):
        return _from_array(text)
    try:
        return [Wanted(_object(text))]  # before the lines are looked at: one object may be spread over them in any way
    except InvalidInput as error:
        if _looks_like_json_lines(stripped):
            return list(_from_json_lines(text))
        raise InvalidSource(str(error)) from None


def _from_array(text: str) -> Sequence[Wanted]:
    try:
        items = _json(text)
    except InvalidInput as error:
        raise InvalidSource(str(error)) from None
    wanted = [Wanted(item, f"item {number}") for number, item in enumerate(items, start=1) if isinstance(item, dict)]
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            raise InvalidSource(f"item {number} is no JSON object")
    return wanted


def _from_json_lines(text: str) -> Iterator[Wanted]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"line {number}"
            try:
                yield Wanted(_object(line), where)
            except InvalidInput as error:
                raise InvalidSource(f"{where}: {error}") from None


def _looks_like_json_lines(text: str) -> bool:
    """Whether the first of several lines is a whole object, or was meant to be one."""
    first, newline, rest = text.partition("\n")
    return bool(newline and rest.strip()) and first.rstrip().endswith("}")


def _object(text: str) -> dict[str, Any]:
    value = _json(text)
    if not isinstance(value, dict):
        raise InvalidInput("it is no JSON object")
    return value


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if "\n" in text.strip() else f"column {error.colno}"
        raise InvalidInput(f"not valid JSON at {place}: {error.msg}") from None
    except RecursionError:
        raise InvalidInput("not valid JSON for a job: it is nested too deeply") from None
    except ValueError:  # Python reads no integer of more than 4300 digits
        raise InvalidInput("not valid JSON for a job: a number has too many digits") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for key, value in pairs:
        if key in keys:
            raise InvalidInput(f"the key {key!r} is there twice")
        keys[key] = value
    return keys


def _refuse_constant(name: str) -> Any:
    raise InvalidInput(f"not valid JSON: {name} is no number there")


def _without_escapes(word: str) -> str:
    r"""Undo what a shell would have undone: `\"` is a quote, `\\\"` an escaped one."""
    return _BACKSLASHES_BEFORE_A_QUOTE.sub(lambda match: "\\" * (len(match[1]) // 2) + '"', word)
