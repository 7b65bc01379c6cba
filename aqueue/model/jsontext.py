"""JSON as it is read here: strictly, and an array of any length item by item."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from aqueue.model.errors import InvalidInput

T = TypeVar("T")

LONGEST_TOKEN = 10
"""Characters: what may be missing at the end of a piece, of `-Infinity` or an escape, before it is seen what it is."""

_SPACE = " \t\n\r"


def parse(text: str) -> Any:
    """The value. Raises InvalidInput that says where the text is wrong."""
    try:
        return _explained(_DECODER.decode, text)
    except json.JSONDecodeError as error:
        raise _wrong(error.msg, error.lineno, error.colno, several="\n" in text.strip()) from None


def parse_object(text: str) -> dict[str, Any]:
    """The object. Raises InvalidInput, also for what is something else."""
    value = parse(text)
    if not isinstance(value, dict):
        raise InvalidInput("it is no JSON object")
    return value


def texts(sources: Sequence[str]) -> Sequence[str]:
    """The texts that these stand for, each with its quotes. Raises InvalidInput as `parse`."""
    if "\\" not in (whole := "".join(sources)) and whole.isprintable():
        return [source[1:-1] for source in sources]
    return list(map(parse, sources))


def items(pieces: Iterable[str]) -> Iterator[Any]:
    """The items of an array, of which no more than one piece and one item are kept. Raises InvalidInput as `parse`."""
    array = _Array(pieces)
    array.pass_over("[", "Expecting value")
    if array.next() != "]":
        yield array.value()
        while array.next() != "]":
            array.pass_over(",", "Expecting ',' delimiter")
            yield array.value()
    array.pass_over("]", "Expecting ',' delimiter")
    if array.next():
        raise array.wrong("Extra data")


class _Array:
    """What has been read of an array, and how far it has been understood."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = iter(pieces)
        self._text = ""
        self._at = 0
        self._lines_before = 0
        self._columns_before = 0

    def next(self) -> str:
        """The next character that is no space; nothing at the end."""
        while True:
            rest = self._text[self._at : self._at + 1]
            if rest and rest not in _SPACE:
                return rest
            if rest:
                self._at += 1
            elif not self._read():
                return ""

    def pass_over(self, character: str, otherwise: str) -> None:
        """Go on behind this character."""
        if self.next() != character:
            raise self.wrong(otherwise)
        self._at += 1

    def value(self) -> Any:
        """The value that stands here."""
        self.next()
        while True:
            try:
                value, end = _explained(_DECODER.raw_decode, self._text, self._at)
            except json.JSONDecodeError as error:
                further = error.pos - self._at
                if self._may_be_cut_off(error) and self._read():
                    continue
                raise self.wrong(error.msg, further) from None
            length = end - self._at
            if end > len(self._text) - LONGEST_TOKEN and self._read():  # the number may go on, even behind `1e-`
                continue
            self._at += length
            return value

    def wrong(self, message: str, further: int = 0) -> InvalidInput:
        """What is wrong here, or so many characters further."""
        at = self._at + further
        line = self._lines_before + self._text.count("\n", 0, at) + 1
        start = self._text.rfind("\n", 0, at) + 1
        column = at - start + 1 + (self._columns_before if start == 0 else 0)
        return _wrong(message, line, column, several="\n" in self._text.strip())

    def _may_be_cut_off(self, error: json.JSONDecodeError) -> bool:
        return error.pos > len(self._text) - LONGEST_TOKEN or error.msg.startswith("Unterminated string")

    def _read(self) -> bool:
        """Read on, at least as much as there is: an item over many pieces must not be looked at with each of them."""
        self._forget()
        pieces = [self._text]
        length = len(self._text)
        while len(pieces) == 1 or length < 2 * len(self._text):
            piece = next(self._pieces, "")
            if not piece:
                break
            pieces.append(piece)
            length += len(piece)
        self._text = "".join(pieces)
        return len(pieces) > 1

    def _forget(self) -> None:
        """Drop what has been understood."""
        newlines = self._text.count("\n", 0, self._at)
        self._lines_before += newlines
        start = self._text.rfind("\n", 0, self._at) + 1
        self._columns_before = self._at - start + (0 if newlines else self._columns_before)
        self._text, self._at = self._text[self._at :], 0


def _wrong(message: str, line: int, column: int, *, several: bool) -> InvalidInput:
    place = f"line {line}, column {column}" if several or line > 1 else f"column {column}"
    return InvalidInput(f"not valid JSON at {place}: {message}")


def _explained(decode: Callable[..., T], *where: Any) -> T:
    try:
        return decode(*where)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise InvalidInput("not valid JSON for a job: it is nested too deeply") from None
    except ValueError:  # Python reads no integer of more than 4300 digits
        raise InvalidInput("not valid JSON for a job: a number has too many digits") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        names = [key for key, _ in pairs]
        double = next(key for place, key in enumerate(names) if key in names[:place])
        raise InvalidInput(f"the key {double!r} is there twice")
    return keys


def _refuse_constant(name: str) -> Any:
    raise InvalidInput(f"not valid JSON: {name} is no number there")


_DECODER = json.JSONDecoder(object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)
