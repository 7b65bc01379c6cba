"""Jobs as they come in: JSON in a word, a file or a line, and plain commands a line.

What is read comes in pieces, and goes out one by one: nothing here keeps more than it needs to see the next job.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, groupby
from operator import itemgetter
from typing import Any, TypeAlias

from aqueue.model import jsontext
from aqueue.model.command import are_commands
from aqueue.model.errors import InvalidInput, InvalidSource

_BEGINS_LIKE_AN_OBJECT = re.compile(r'\s*\{\s*(?:\\*"|\}\s*$)')
_ONE_MAY_BE_AN_OBJECT = re.compile(r"^[^\S\n]*\{", re.MULTILINE)
_OBJECT_WITH_A_COMMAND = re.compile(r'([ \t]*\{.*?"command"[ \t]*:[ \t]*)("[^"\\]*(?:\\.[^"\\]*)*")(.*)')
_BACKSLASHES_BEFORE_A_QUOTE = re.compile(r'(\\+)"')


LEAST_ALIKE = 16
"""So many jobs have to be alike, on the average of what is read at once, to be worth being taken together."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The keys of a job that is asked for, and the number of the line or of the item where they were read; 0 if none.

    `unit` says what is numbered.
    """

    keys: Mapping[str, Any]
    number: int = 0
    unit: str = "line"

    @property
    def where(self) -> str:
        """Where it was read: `line 3`, or nothing."""
        return f"{self.unit} {self.number}" if self.number else ""


@dataclass(frozen=True, slots=True)
class Commands:
    """Jobs that differ in their commands alone, which are known to make sense, and the numbers of their lines.

    `keys` are what else each of them says of itself; nobody has looked whether that makes sense.
    """

    texts: Sequence[str]
    numbers: Sequence[int]
    keys: Mapping[str, Any] = field(default_factory=dict)

    def one_by_one(self) -> Iterator[Wanted]:
        """The same, each by itself."""
        for text, number in zip(self.texts, self.numbers, strict=True):
            yield Wanted({**self.keys, "command": text}, number)


@dataclass(frozen=True, slots=True)
class CommandsOfKinds:
    """The same for jobs of a few kinds in any order: of each, `which` is the place of its keys in `kinds`."""

    texts: Sequence[str]
    numbers: Sequence[int]
    kinds: Sequence[Mapping[str, Any]]
    which: Sequence[int]

    def one_by_one(self) -> Iterator[Wanted]:
        """The same, each by itself."""
        for text, number, kind in zip(self.texts, self.numbers, self.which, strict=True):
            yield Wanted({**self.kinds[kind], "command": text}, number)

    def firsts(self) -> Iterator[Wanted]:
        """The first of each kind."""
        places = map(self.which.index, range(len(self.kinds)))
        return (Wanted({**self.kinds[self.which[at]], "command": self.texts[at]}, self.numbers[at]) for at in places)


Several: TypeAlias = Commands | CommandsOfKinds


def from_word(word: str) -> Wanted:
    """One word: a shell command line, or a JSON object, also with its quotes escaped as PowerShell users write it.

    Raises InvalidInput for one that begins like an object and is none.
    """
    if not begins_like_an_object(word):
        return Wanted({"command": word})
    try:
        return Wanted(jsontext.parse_object(word))
    except InvalidInput:
        if '\\"' not in word:
            raise
        return Wanted(jsontext.parse_object(_without_escapes(word)))


def begins_like_an_object(word: str) -> bool:
    """Whether a word is meant to be a JSON object, and is no command line."""
    return _BEGINS_LIKE_AN_OBJECT.match(word) is not None


def from_lines(pieces: Iterable[str]) -> Iterator[Wanted | Several]:
    """A command or a JSON object a line; blank lines are passed over. Raises InvalidSource that names the line."""
    for text, numbers, lines in blocks(pieces):
        if not _ONE_MAY_BE_AN_OBJECT.search(text) and are_commands(lines):
            yield Commands(lines, numbers)
        else:
            yield from _alike(lines, numbers) or map(_from_line, lines, numbers)


def _from_line(line: str, number: int) -> Wanted:
    try:
        return Wanted(from_word(line).keys, number)
    except InvalidInput as error:
        raise InvalidSource(f"line {number}: {error}") from None


def _alike(lines: Sequence[str], numbers: Sequence[int]) -> Sequence[Several]:
    """The jobs of these lines, if all are JSON objects that mostly differ from another one in the command alone.

    Nothing where that is not so, or not sure, or where a line is wrong: then each has to be looked at by itself.
    """
    parts = [match.groups() for match in map(_OBJECT_WITH_A_COMMAND.fullmatch, lines) if match]
    around = list(map(itemgetter(0, 2), parts))
    runs = [(like, len(list(some))) for like, some in groupby(around)]
    places = {like: place for place, like in enumerate(dict.fromkeys(around))}
    if len(parts) < len(lines) or len(places) * LEAST_ALIKE > len(lines):
        return []
    try:
        commands = jsontext.texts([text for _, text, _ in parts])
        keys = {like: _keys_around(*like) for like in places}
    except InvalidInput:
        return []
    if not are_commands(commands) or any("id" in of_one for of_one in keys.values()):
        return []
    if len(runs) * LEAST_ALIKE > len(lines):
        if any("hold" in of_one for of_one in keys.values()):  # --wait refuses the first of these, before what follows
            return []
        return [CommandsOfKinds(commands, numbers, list(keys.values()), [places[like] for like in around])]
    ends = accumulate(count for _, count in runs)
    spans = [(like, slice(end - count, end)) for (like, count), end in zip(runs, ends, strict=True)]
    return [Commands(commands[span], numbers[span], keys[like]) for like, span in spans]


def _keys_around(before: str, after: str) -> Mapping[str, Any]:
    """The keys beside the command of an object of which the text of its command stands between these two.

    Raises InvalidInput where something else stands there: it is the command only if that changes with the text.
    """
    one, other = (jsontext.parse_object(f'{before}"{text}"{after}') for text in ("a", "b"))
    if (one.pop("command", None), other.pop("command", None)) != ("a", "b"):
        raise InvalidInput("it is not the command")
    return one


def blocks(pieces: Iterable[str]) -> Iterator[tuple[str, Sequence[int], Sequence[str]]]:
    """Texts of whole lines, the numbers of the lines that are not blank, and these lines, without what ends them."""
    first, rest = 1, [""]
    for piece in chain(pieces, ["\n"]):
        whole, newline, beginning = piece.rpartition("\n")
        if not newline:
            rest.append(piece)
            continue
        text = "".join([*rest, whole])
        lines = text.split("\n")
        numbers = range(first, first + len(lines))
        first, rest = numbers.stop, [beginning]
        if text.strip():
            yield text, *_not_blank(numbers, [line.removesuffix("\r") for line in lines] if "\r" in text else lines)


def _not_blank(numbers: Sequence[int], lines: Sequence[str]) -> tuple[Sequence[int], Sequence[str]]:
    if all(lines) and not any(map(str.isspace, lines)):
        return numbers, lines
    full = [(number, line) for number, line in zip(numbers, lines, strict=True) if line and not line.isspace()]
    return [number for number, _ in full], [line for _, line in full]


def from_document(pieces: Iterable[str]) -> Iterator[Wanted | Several]:
    """A JSON object, a JSON array of objects, or a JSON object a line. Raises InvalidSource that says where."""
    left = iter(pieces)
    begin = _read_on(left, "", lambda text: bool(text.strip()))
    if not begin.strip():
        raise InvalidSource("there is no job in it")
    yield from (_from_array if begin.lstrip().startswith("[") else _from_objects)(begin, left)


def _read_on(pieces: Iterator[str], text: str, is_enough: Callable[[str], bool]) -> str:
    while not is_enough(text) and (piece := next(pieces, "")):
        text += piece
    return text


def _from_array(begin: str, left: Iterator[str]) -> Iterator[Wanted]:
    try:
        for number, item in enumerate(jsontext.items(chain([begin], left)), start=1):
            if not isinstance(item, dict):
                raise InvalidInput(f"item {number} is no JSON object")
            yield Wanted(item, number, "item")
    except InvalidInput as error:
        raise InvalidSource(str(error)) from None


def _from_objects(begin: str, left: Iterator[str]) -> Iterator[Wanted | Several]:
    begin = _read_on(left, begin, lambda text: "\n" in text.lstrip())
    try:
        jsontext.parse_object(begin.strip().partition("\n")[0])
    except InvalidInput:  # one object may be spread over the lines in any way
        yield from _from_object(begin + "".join(left))
        return
    lines = _from_json_lines(chain([begin], left))
    first = next(lines)
    if not isinstance(first, Wanted):
        yield from chain([first], lines)
    elif (second := next(lines, None)) is None:
        yield Wanted(first.keys)  # one object has no number
    else:
        yield from chain([first, second], lines)


def _from_object(text: str) -> Iterator[Wanted | Several]:
    try:
        yield Wanted(jsontext.parse_object(text))
    except InvalidInput as error:
        if _looks_like_json_lines(text.strip()):
            yield from _from_json_lines([text])
        raise InvalidSource(str(error)) from None


def _from_json_lines(pieces: Iterable[str]) -> Iterator[Wanted | Several]:
    for _, numbers, lines in blocks(pieces):
        yield from _alike(lines, numbers) or map(_from_json_line, lines, numbers)


def _from_json_line(line: str, number: int) -> Wanted:
    try:
        return Wanted(jsontext.parse_object(line), number)
    except InvalidInput as error:
        raise InvalidSource(f"line {number}: {error}") from None


def _looks_like_json_lines(text: str) -> bool:
    """Whether the first of several lines is a whole object, or was meant to be one."""
    first, newline, rest = text.partition("\n")
    return bool(newline and rest.strip()) and first.rstrip().endswith("}")


def _without_escapes(word: str) -> str:
    r"""Undo what a shell would have undone: `\"` is a quote, `\\\"` an escaped one."""
    return _BACKSLASHES_BEFORE_A_QUOTE.sub(lambda match: "\\" * (len(match[1]) // 2) + '"', word)
