"""Where new jobs are read from: the words of the command, a file, or stdin.

A file is read piece by piece, and its jobs come out one after the other, so that its length does not matter.
"""

import codecs
import contextlib
import shlex
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import asyncclick as click

from aqueue.model.errors import InvalidInput, InvalidSource
from aqueue.model.intake import Several, Wanted, from_document, from_lines, from_word
from aqueue.model.template import Template

BYTES_OF_A_PIECE = 256 * 1024


class _Unreadable(InvalidSource):
    """The file cannot be read."""


@dataclass(frozen=True, slots=True)
class Source:
    """The jobs that are asked for. Going through them raises InvalidSource for what cannot be read or understood.

    `name` is that of the file, where errors have to tell it; `is_read` is whether the jobs come from a file or stdin.
    """

    wanted: Iterable[Wanted | Several]
    name: str = ""
    is_read: bool = True


def source(words: Sequence[str], path: str | None = None, each: str | None = None) -> Source:
    """Where the jobs are that these words ask for, or these files. Raises UsageError and InvalidInput."""
    if each is not None:
        return _each_line(words, path, each)
    if path is not None:
        return _document(words, path)
    if not words:
        raise click.UsageError("give a command, a job as JSON, - for stdin, --file PATH, or --each PATH TEMPLATE")
    if list(words) == ["-"]:
        return Source(from_lines(texts("-")))
    one = from_word(words[0]) if len(words) == 1 else Wanted({"command": shlex.join(words)})
    return Source([one], is_read=False)


def _document(words: Sequence[str], path: str) -> Source:
    if words:
        raise click.UsageError("give either a command or --file, not both")
    _check_path("--file", path)
    name = _name(path)
    return Source(_named(name, iter(from_document(texts(path)))), name)


def _each_line(words: Sequence[str], path: str | None, each: str) -> Source:
    if path is not None:
        raise click.UsageError("give either --each or --file, not both")
    if not words:
        raise click.UsageError("--each needs a template: a command with {} where the line shall go")
    _check_path("--each", each)
    try:
        template = Template.parse(words)
    except InvalidInput as error:
        raise InvalidInput(f"template: {error}") from None
    name = _name(each)
    # Names of files need not be UTF-8.
    return Source(_named(name, template.wanted(texts(each, errors="surrogateescape"))), name)


def _check_path(option: str, path: str) -> None:
    if not path:
        raise click.UsageError(f"{option} needs the path of a file, or - for stdin")


def _name(path: str) -> str:
    return "stdin" if path == "-" else path


def _named(name: str, wanted: Iterator[Wanted | Several]) -> Iterator[Wanted | Several]:
    try:
        yield from wanted
    except _Unreadable:  # there the name is told already
        raise
    except InvalidSource as error:
        raise InvalidSource(f"{name}: {error}") from None


def texts(path: str, errors: str = "strict") -> Iterator[str]:
    """What is in a file, or with - comes from stdin, piece by piece. A byte order mark is none of it.

    Raises InvalidSource.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors)
    line = 1
    for piece in _pieces(path):
        try:
            text = decoder.decode(piece, final=len(piece) < BYTES_OF_A_PIECE)
        except UnicodeDecodeError as error:
            line += error.object.count(b"\n", 0, error.start)
            raise InvalidSource(f"line {line}: not valid UTF-8") from None
        line += text.count("\n")
        yield text


def _pieces(path: str) -> Iterator[bytes]:
    """All bytes; the last piece is shorter than the others, and may be empty."""
    try:
        with _opened(path) as stream:
            piece = stream.read(BYTES_OF_A_PIECE)
            while len(piece) == BYTES_OF_A_PIECE:
                yield piece
                piece = stream.read(BYTES_OF_A_PIECE)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise _Unreadable(f"cannot read {_name(path)}: {reason}") from None
    yield piece


@contextlib.contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    if path == "-":
        yield sys.stdin.buffer
        return
    with Path(path).open("rb") as file:
        yield file


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end the wait for input: asyncio would only take note of it, and the reading would go on."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise click.Abort from None
    finally:
        signal.signal(signal.SIGINT, before)
