"""Where new jobs are read from: the words of the command, a file, or stdin."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import asyncclick as click

from aqueue.model.errors import InvalidSource
from aqueue.model.intake import Wanted, from_document, from_lines, from_word


def read(words: Sequence[str], path: str | None) -> Sequence[Wanted]:
    """The jobs that are asked for. Raises UsageError and InvalidInput for words, InvalidSource for what was read."""
    if path is not None:
        if words:
            raise click.UsageError("give either a command or --file, not both")
        if not path:
            raise click.UsageError("--file needs the path of a file, or - for stdin")
        return _from_file(path)
    if not words:
        raise click.UsageError("give a command, a job as JSON, - for stdin, or --file PATH")
    if list(words) == ["-"]:
        return list(from_lines(_text(_content("-"))))
    return [from_word(words[0]) if len(words) == 1 else Wanted({"command": shlex.join(words)})]


def _from_file(path: str) -> Sequence[Wanted]:
    name = "stdin" if path == "-" else path
    content = _content(path)
    try:
        document = from_document(_text(content))
    except InvalidSource as error:
        raise InvalidSource(f"{name}: {error}") from None
    return [replace(wanted, where=f"{name}: {wanted.where}" if wanted.where else name) for wanted in document]


def _content(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidSource(f"cannot read {'stdin' if path == '-' else path}: {reason}") from None


def _text(content: bytes) -> str:
    """The text. A byte order mark is none of it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidSource(f"line {line}: not valid UTF-8") from None
