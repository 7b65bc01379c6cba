"""The options that say what a job is like, for every command that takes them, and their way into the keys of a job."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import asyncclick as click

from aqueue.cli.parameters import CODES, IDS, NUMBER_OR_NONE, WHOLE, WHOLE_OR_NONE
from aqueue.model.errors import InvalidInput

F = TypeVar("F", bound=Callable[..., Any])


class TakesACommand(click.Command):
    """Says, where an option is unknown, that those of the job's command come after `--`."""

    async def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words."""
        try:
            return await super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise click.UsageError(self.unknown(error.option_name)) from None

    def unknown(self, option: str) -> str:
        """What to say of an option that there is not."""
        return f"no such option: {option}; put `--` before a command that has options of its own"


def _options(*, is_new: bool) -> Sequence[Callable[[Any], Any]]:
    """Those of a job. Only a new one has defaults: what an edit does not name stays."""

    def unless(given: str) -> str:
        return f"; default: {given}" if is_new else ""

    return [
        click.option("-q", "--queue", metavar="NAME", help=f"The queue{unless('default')}."),
        click.option("-p", "--priority", type=WHOLE, metavar="N", help=f"Higher first{unless('0')}."),
        click.option(
            "--max-retries", type=WHOLE, metavar="N", help=f"Attempts after the first{unless('as configured')}."
        ),
        click.option("--timeout", metavar="DUR", help="How long a run may take, or none."),
        click.option("--delay", metavar="DUR", help="Not before so long from now."),
        click.option("--at", "run_at", metavar="TIME", help="Not before: 2030-01-31T18:00, 18:00, +1h30m."),
        click.option("--after", type=IDS, multiple=True, metavar="ID,…", help="Not before these jobs have completed."),
        click.option(
            "--after-any", type=IDS, multiple=True, metavar="ID,…", help="Not before these have ended, as ever."
        ),
        click.option(
            "--unique", metavar="KEY", help="No two unfinished jobs share a key: enqueue gives the id of that one."
        ),
        click.option("--tag", "tags", multiple=True, metavar="TAG", help="A word to find it by; may be repeated."),
        click.option(
            "--env", multiple=True, metavar="NAME[=VALUE]", help="For its environment; NAME alone: as it is here."
        ),
        click.option("--cwd", metavar="DIR", help=f"The folder to run in{unless('this one')}."),
        click.option(
            "--backoff-base",
            type=NUMBER_OR_NONE,
            metavar="X",
            help="The wait before retry k is X to the power of k seconds.",
        ),
        click.option("--backoff-max", metavar="DUR", help="The longest wait before a retry."),
        click.option("--no-retry-on", type=CODES, metavar="CODE,…", help="Exit codes after which it is dead at once."),
        click.option(
            "--defer-on", type=CODES, metavar="CODE,…", help="Exit codes that mean not now: tried again, uncounted."
        ),
        click.option(
            "--nice", type=WHOLE_OR_NONE, metavar="N", help="So much nicer than the worker, as nice -n N: -20 to 19."
        ),
        click.option(
            "--memory", metavar="SIZE", help="The memory of a run in all; over that it is killed. Needs cgroups."
        ),
    ]


def job_options(command: F) -> F:
    """Give a command the options of a new job."""
    return _given(command, _options(is_new=True))


def job_changes(command: F) -> F:
    """Give a command the options of a job that there is."""
    return _given(command, _options(is_new=False))


def _given(command: F, options: Sequence[Callable[[F], F]]) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def keys_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a job that the options name; those that were not given are left out. Raises InvalidInput."""
    keys = {key: value for key, value in given.items() if value not in (None, ())}
    if "tags" in keys:
        keys["tags"] = list(keys["tags"])
    for key in keys.keys() & {"after", "after_any"}:
        keys[key] = [one for ids in keys[key] for one in ids]
    if "env" in keys:
        keys["env"] = dict(_variable(text) for text in keys["env"])
    if "cwd" in keys:
        keys["cwd"] = from_here(keys["cwd"])
    return keys


def from_here(folder: str) -> str:
    """The folder, seen from the one in which the command was called. An empty name is left to the model to refuse."""
    return str(_here() / folder) if folder and not folder.startswith("/") else folder


def _here() -> Path:
    """The folder in which the command was called, by the name that its shell has for it."""
    name = os.environ.get("PWD", "")
    try:
        if name.startswith("/") and Path(name).samefile("."):
            return Path(name)
        return Path.cwd()
    except OSError as error:
        raise InvalidInput(f"the folder that this is called in is not there: {error.strerror}; give --cwd") from None


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        if name not in os.environ:
            raise InvalidInput(f"--env {name}: there is no such variable here; write {name}=VALUE")
        value = os.environ[name]
    return name, value
