"""Putting texts of others into a command line, so that the shell takes them for what they are and for nothing else.

Where a text comes to stand decides how it is quoted: in the open it becomes a word or a part of one, within quotes what
these quotes allow. So `{}`, `'{}'` and `"{}"` all give the very same text to the command. A command line is read here
as far as that takes; where it is too involved to be sure, it is refused rather than guessed at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from aqueue.model.errors import InvalidInput


class Quoting(Enum):
    """What a place in a command line stands in."""

    NONE = auto()
    SINGLE = auto()
    DOUBLE = auto()


@dataclass(frozen=True, slots=True)
class Hole:
    """A placeholder in a command line: where it is, and how what comes there has to be quoted."""

    start: int
    end: int
    quoting: Quoting
    before: str
    after: str
    behind_variable: bool
    """Whether it stands behind the name of a variable, which must not become longer."""


LONGEST_TOLD = 20
"""Characters of what makes a command line too involved."""

_RESERVED = frozenset(
    {
        *("case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "namespace"),
        *("select", "then", "time", "until", "while"),
    }
)
"""Words that mean something to one shell or another where a command begins."""

_PLAIN = re.compile(r"[A-Za-z0-9_./:@+-]+")
_JOINTS = frozenset("_./:@+-")
"""Characters that make a word neither a reserved one nor the number of a descriptor."""

_BEFORE = _JOINTS | frozenset(["", *" \t\n;&|(="])
_AFTER = _JOINTS | frozenset(["", *" \t\n;&|)<>"])
"""What may stand beside a text without quotes: it does not make something else of it."""

_BYTES = re.compile("[\udc80-\udcff]+")
_SPECIAL_IN_DOUBLE = re.compile(r'[\\"$`]')
_VARIABLE = re.compile(r"\$[A-Za-z0-9_]+\Z")


def quoted(text: str, hole: Hole) -> str:
    """The text as it has to be written there. Bytes that are no UTF-8, as names of files may have them, go through."""
    match hole.quoting:
        case Quoting.SINGLE:
            return _in_single(text)
        case Quoting.DOUBLE:
            return ('""' if hole.behind_variable else "") + _in_double(text)
        case Quoting.NONE if not hole.behind_variable and _is_plain_there(text, hole.before, hole.after):
            return text
    return f"'{_in_single(text)}'"


def word(text: str) -> str:
    """The text as a word of its own."""
    return text if _is_plain_there(text, " ", " ") else f"'{_in_single(text)}'"


def _is_plain_there(text: str, before: str, after: str) -> bool:
    """Whether it can stand there without quotes: mostly it can, and commands are read by people too."""
    if text.isascii() and text.isdigit():  # not the number of a descriptor, as in `2>`
        return (before in _BEFORE or before.isalnum()) and (after in _AFTER - {"<", ">"} or after.isalnum())
    if not _PLAIN.fullmatch(text) or before not in _BEFORE or after not in _AFTER:
        return False
    return not text.isalnum() or before in _JOINTS or after in _JOINTS or text not in _RESERVED


def _in_single(text: str) -> str:
    return _BYTES.sub(lambda match: f"""'"{_printed(match)}"'""", text.replace("'", "'\"'\"'"))


def _in_double(text: str) -> str:
    return _BYTES.sub(_printed, _SPECIAL_IN_DOUBLE.sub(r"\\\g<0>", text))


def _printed(match: re.Match[str]) -> str:
    r"""Bytes that cannot stand in a text: `$(printf '\344')`."""
    return "$(printf '{}')".format("".join(f"\\{ord(byte) - 0xDC00:03o}" for byte in match[0]))


def holes(command: str, placeholder: re.Pattern[str]) -> Iterator[Hole]:
    """The placeholders of a command line, first to last. One with a backslash before it, or in a comment, is none.

    Raises InvalidInput for one where it is too involved to be sure how to quote, and for quotes that are not closed.
    """
    return _Reading(command, placeholder).holes()


_PARAMETER = r"""\$\{[#!]?[A-Za-z0-9_@*?$!\#-][^{}'"`\\$()\n]*\}"""

_OF_BOTH = rf"""
    (?P<sealed> `(?:\\.|[^`\\])*` | \$\(\([^()]*(?:\([^()]*\)[^()]*)*\)\) )
    | (?P<passed> \\. | {_PARAMETER} )
    | (?P<unsure> ` | \$\(\( | \$\[ | \$\{{ )
    | (?P<opened> \$\( )
"""
"""What begins with a dollar, a backquote or a backslash is the same within double quotes and in the open."""

_WITHIN_DOUBLE = re.compile(rf'{_OF_BOTH} | (?P<closed> " )', re.VERBOSE | re.DOTALL)

# What bash evaluates although it is quoted is doubtful: `x['…']=1`, and what stands behind `>&`.
_IN_THE_OPEN = re.compile(
    rf"""{_OF_BOTH}
    | (?P<single> '[^']*' )
    | (?P<comment> (?<![^\s;&|()<>])\#[^\n]* )
    | (?P<known> \[[\w.!^-]+\] | \[\[?(?=\s) | [<>]&[ \t]*(?:[0-9]+|-)(?![^\s;&|()<>]) )
    | (?P<here> <<-?[ \t]*(?:'[^'\n]+'|"[^"$`\\\n]+"|\\?[\w.!-]+)(?![^\s;&|()<>]) )
    | (?P<doubtful> \(\( | \$' | \[ | [<>]& | << )
    | (?P<begun> " | \( )
    | (?P<ended> \) )
    | (?P<unclosed> ' )
    | (?P<case> (?<![^\s;&|()])case\b )
    """,
    re.VERBOSE | re.DOTALL,
)


class _Reading:
    """A command line that is read from its beginning on."""

    def __init__(self, command: str, placeholder: re.Pattern[str]) -> None:
        self._command = command
        self._placeholder = placeholder
        self._open: list[str] = []
        """The quotes and the parentheses that are open at this place, outermost first."""
        self._here_document: int | None = None

    def holes(self) -> Iterator[Hole]:
        at = 0
        while at < len(self._command):
            within = self._open[-1:] == ['"']
            if hole := self._placeholder.match(self._command, at):
                yield self._hole(hole, Quoting.DOUBLE if within else Quoting.NONE)
                at = hole.end()
            elif token := (_WITHIN_DOUBLE if within else _IN_THE_OPEN).match(self._command, at):
                yield from self._passed(token)
                at = token.end()
            else:
                at += 1
        if '"' in self._open and self._here_document is None:
            raise _not_closed()

    def _passed(self, token: re.Match[str]) -> Iterator[Hole]:
        match token.lastgroup:
            case "single":
                inside = self._placeholder.finditer(self._command, token.start(), token.end())
                yield from (self._hole(hole, Quoting.SINGLE) for hole in inside)
            case "opened" | "begun":
                self._open.append(token[0][-1])
            case "closed" | "ended" if self._open:
                self._open.pop()
            case "unclosed" if self._here_document is None:
                raise _not_closed()
            case _ if self._is_doubtful(token):
                self._refuse_holes(token)
            case "here":
                self._here_document = token.start()

    def _is_doubtful(self, token: re.Match[str]) -> bool:
        """Whether behind the beginning of this token it is too involved to know how a text has to be quoted."""
        match token.lastgroup:
            case "sealed" | "unsure" | "doubtful":
                return True
            case "case":  # its patterns have parentheses that nothing opens
                return '"' in self._open
            case "here":
                return bool(self._open)
        return False

    def _refuse_holes(self, token: re.Match[str]) -> None:
        end = token.end() if token.lastgroup == "sealed" else len(self._command)
        if hole := self._placeholder.search(self._command, token.start(), end):
            raise _unknown(hole[0], token[0][:LONGEST_TOLD])

    def _hole(self, found: re.Match[str], quoting: Quoting) -> Hole:
        start, end = found.span()
        if self._here_document is not None and "\n" in self._command[self._here_document : start]:
            raise _unknown(found[0], "<<")
        return Hole(
            start,
            end,
            quoting,
            before=self._command[max(0, start - 1) : start],
            after=self._command[end : end + 1],
            behind_variable=_VARIABLE.search(self._command, 0, start) is not None,
        )


def _not_closed() -> InvalidInput:
    return InvalidInput("its quotes are not closed")


def _unknown(placeholder: str, what: str) -> InvalidInput:
    return InvalidInput(f"it cannot be told how to quote {placeholder} in or behind `{what}`; put it before that")
