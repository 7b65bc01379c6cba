"""Completing a command line: which word can be what, and how each shell is told of it.

The command line is understood by asyncclick as when it is run, but nothing of it is run. What a word can be follows
from the parameter that it is for, by its name; so a command says nothing about that itself.
"""

import contextlib
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncclick as click
from asyncclick.shell_completion import CompletionItem, ShellComplete

from aqueue.cli import candidates
from aqueue.cli.candidates import MOST, Item, Source
from aqueue.cli.parameters import QUEUE, SERVED, STATE
from aqueue.model.errors import AqueueError

PLAIN = "plain"

_CURSOR = "\0"
"""Stands for the cursor; nothing that is typed has it."""

_BETWEEN = " \t\n\"'"
"""What separates words, so that there is none of it within one, but as it was meant."""

_SPECIAL = re.compile(r"[^A-Za-z0-9_./:=@%+,-]")

_JOBS: Mapping[str, Source] = {"dlq": candidates.dead_jobs, "wait": candidates.unfinished_jobs}
"""Which jobs a command can mean, where that is not told by what it does to them."""

_NAMES: Mapping[str, Source] = {"cron": candidates.schedule_names, "queue": candidates.queue_names}
"""What the argument `name` is the name of, by the command that has it."""

_SOURCES: Mapping[str, Source] = {
    "after": candidates.jobs_for(""),
    "after_any": candidates.jobs_for(""),
    "key": candidates.settings,
    "missed": candidates.what_of_missed,
    "queue": candidates.queue_names,
    "tag": candidates.tags,
    "tags": candidates.tags,
    "timezone": candidates.zones,
    "workers": candidates.workers,
}
"""What the value of a parameter can be, by its name."""

_TYPES: Sequence[tuple[click.ParamType[Any], Source]] = [
    (STATE, candidates.states),
    (QUEUE, candidates.queue_names),
    (SERVED, candidates.queue_names),
]
_FILE, _FOLDER = click.Path(), click.Path(file_okay=False)
_PATHS: Mapping[str, click.ParamType[Any]] = {"words": _FILE, "PATH": _FILE, "PATH|URL": _FILE, "DIR": _FOLDER}
"""What is the name of a file or of a folder, by the name or the metavar: that is for the shell to complete."""


class _Named(click.ParamType[str]):
    """A value that can be completed by names from the queue."""

    name = "name"

    def __init__(self, source: Source) -> None:
        self._source = source

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Item]:
        """The names that begin like this and have not been given yet. Behind a comma, another one begins."""
        before, comma, beginning = incomplete.rpartition(",")
        given = ctx.params.get(param.name or "")
        passed = {*(given if isinstance(given, tuple) else ()), *before.split(",")}
        found = self._source(ctx.find_root().params.get("db"), beginning)
        names = [item for item in found if item.value.startswith(beginning) and item.value not in passed][:MOST]
        return [CompletionItem(f"{before}{comma}{name.value}", help=name.help) for name in names]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the last word can become: the kind (`plain`, `file` or `dir`), and the words with a help for each."""

    kind: str
    items: Sequence[Item]


async def answer(cli: click.Group, words: Sequence[str], incomplete: str) -> Answer:
    """What the word that begins like this can become behind these words."""
    with _completable(_params(cli, "", words)):
        try:
            items = await ShellComplete(cli, {}, "aqueue", "").get_completions(list(words), incomplete)
        except (click.ClickException, AqueueError):  # a command line that makes no sense
            items = []
    return Answer(items[0].type if items else PLAIN, items)


@contextlib.contextmanager
def _completable(params: Iterable[tuple[click.Parameter, str]]) -> Iterator[None]:
    """Let these parameters be completed; else they only know how to be read. Each comes with its command."""
    changed = [(param, param.type, type_) for param, command in params if (type_ := _type_of(param, command))]
    for param, _, type_ in changed:
        param.type = type_
    try:
        yield
    finally:
        for param, before, _ in changed:
            param.type = before


def _params(command: click.Command, name: str, words: Sequence[str]) -> Iterator[tuple[click.Parameter, str]]:
    """The parameters of a command and of those that it has, each with the name of its command, or of the group."""
    yield from ((param, name) for param in command.params)
    if isinstance(command, click.Group):
        context = click.Context(command)
        # Only what can be meant: each command has to be imported.
        for one in dict.fromkeys(words) if not name else command.list_commands(context):
            if sub := command.get_command(context, one):
                yield from _params(sub, name or one, words)


def _type_of(param: click.Parameter, command: str) -> click.ParamType[Any] | None:
    """How a parameter is completed; `command` is the one, or the group, that has it."""
    name = param.name or ""
    if name in {"ids", "job_id"}:
        return _Named(_JOBS.get(command) or candidates.jobs_for(command))
    if name == "name" and command in _NAMES:
        return _Named(_NAMES[command])
    for known, source in _TYPES:
        if param.type is known:
            return _Named(source)
    if name in _SOURCES:
        return _Named(_SOURCES[name])
    return _PATHS.get(name) or _PATHS.get(param.metavar or "")


@dataclass(frozen=True, slots=True)
class Typed:
    """A command line that is being typed: its whole words without the first, and as far as it goes the last.

    `passed` is how much of the last word the shell takes for another one, and `quotes` how what replaces it is quoted.
    """

    words: Sequence[str]
    last: str
    passed: int = 0
    quote: Callable[[str], str] = str

    def written(self, value: str, *, whole: bool) -> str:
        """What takes the place of the last word, or only of the value in `--option=value`."""
        option = self.last[: self.last.find("=") + 1] if whole and self.last.startswith("--") else ""
        return self.quote(f"{option}{value}"[self.passed :])


def typed_in_bash(line: str, breaks: str) -> Typed:
    """What is typed in a line of bash, which takes what stands behind one of the `breaks` for a word of its own."""
    lexer = shlex.shlex(line + _CURSOR, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    is_open = False
    try:
        words.extend(lexer)
    except ValueError:  # quotes are open
        words.append(lexer.token)
        is_open = True
    last = words.pop().removesuffix(_CURSOR)
    if is_open:
        return Typed(words[1:], last)
    return Typed(words[1:], last, 1 + max(last.rfind(one) for one in {_CURSOR, *breaks} - {*_BETWEEN}), _escaped)


def _escaped(text: str) -> str:
    """The text as it is written in a shell without quotes."""
    return _SPECIAL.sub(r"\\\g<0>", text)
