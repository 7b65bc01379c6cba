"""Templates of commands, with placeholders for the lines of a list, as people know them from GNU parallel."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aqueue.model import shelltext
from aqueue.model.command import are_commands
from aqueue.model.errors import InvalidInput
from aqueue.model.intake import Commands, Wanted, begins_like_an_object, blocks
from aqueue.model.shelltext import Hole

_EXTENSION = re.compile(r"\.[^/.]*\Z")


def _without_extension(line: str) -> str:
    return _EXTENSION.sub("", line)


def _base(line: str) -> str:
    return line.rpartition("/")[2]


def _folder(line: str) -> str:
    folder, slash, _ = line.rstrip("/").rpartition("/")
    return folder.rstrip("/") or ("/" if slash or line.startswith("/") else ".")


VALUES: Mapping[str, Callable[[str], str]] = {
    "{}": lambda line: line,
    "{.}": _without_extension,
    "{/}": _base,
    "{//}": _folder,
    "{/.}": lambda line: _without_extension(_base(line)),
}
"""The placeholders that stand for something of the line, and what that is, as GNU parallel has it."""

NUMBER = "{#}"
"""The placeholder for the number of the job, from 1 on."""

_PLACEHOLDER = re.compile("|".join(map(re.escape, [*VALUES, NUMBER])))

Part = Callable[[str, int], str]
"""Makes its part of the command for a line and its number."""


@dataclass(frozen=True, slots=True)
class Template:
    """A command with placeholders. Made by :meth:`parse`."""

    parts: Sequence[Part]
    between: str

    @classmethod
    def parse(cls, words: Sequence[str]) -> "Template":
        """One word is a shell command line; several are one command, quoted and joined. Raises InvalidInput."""
        if len(words) == 1 and words[0].strip() != "{}" and begins_like_an_object(words[0]):
            raise InvalidInput("it is a command, not JSON; options say what else its jobs are like")
        if len(words) > 1:
            parts, between = [_of_word(word) for word in words], " "
        else:
            parts, between = list(_of_command(words[0])), ""
        if not any(map(_PLACEHOLDER.search, words)) or len(parts) < 2:
            raise InvalidInput(f"it needs a placeholder: one of {', '.join([*VALUES, NUMBER])}")
        return cls(parts, between)

    def command(self, line: str, number: int) -> str:
        """The command for a line, in which nothing of the line is taken by the shell for anything but text."""
        return self.between.join([part(line, number) for part in self.parts])

    def wanted(self, pieces: Iterable[str]) -> Iterator[Wanted | Commands]:
        """A job for each line of what comes in pieces. Blank lines are passed over, and are not numbered."""
        count = 0
        for _, numbers, lines in blocks(pieces):
            commands = [self.command(line, number) for number, line in enumerate(lines, start=count + 1)]
            made = Commands(commands, numbers)
            yield from [made] if are_commands(commands) else made.one_by_one()
            count += len(lines)


def _of_word(word: str) -> Part:
    if not _PLACEHOLDER.search(word):
        return _always(shlex.quote(word))
    pieces = [_piece(text) for text in re.split(f"({_PLACEHOLDER.pattern})", word)]
    return lambda line, number: shelltext.word("".join([piece(line, number) for piece in pieces]))


def _of_command(command: str) -> Iterator[Part]:
    end = 0
    for hole in shelltext.holes(command, _PLACEHOLDER):
        yield _always(command[end : hole.start])
        yield _quoted(_piece(command[hole.start : hole.end]), hole)
        end = hole.end
    yield _always(command[end:])


def _quoted(piece: Part, hole: Hole) -> Part:
    return lambda line, number: shelltext.quoted(piece(line, number), hole)


def _piece(text: str) -> Part:
    if text == NUMBER:
        return lambda _, number: str(number)
    if text in VALUES:
        return lambda line, _: VALUES[text](line)
    return _always(text)


def _always(text: str) -> Part:
    return lambda _, __: text
