"""Which jobs a command means: ids, or all that match. One grammar for every verb."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncclick as click

from aqueue.cli.parameters import NONEMPTY, QUEUE, STATE
from aqueue.model.errors import Refused
from aqueue.model.job import State
from aqueue.model.selection import Filter

F = TypeVar("F", bound=Callable[..., Any])

MOST_UNASKED = 100
"""How many jobs are removed by hand without a question."""

FILTERS = ("state", "queue", "tag", "search")


def filter_options(
    *, leave_out: Sequence[str] = (), queue: Sequence[str] = ("-q", "--queue"), tag: str = "--tag"
) -> Callable[[F], F]:
    """Give a command the options that say which jobs; where it has such words for something else, others are given."""
    options = {
        "state": click.option("--state", type=STATE, metavar="STATE", help="Only these: " + ", ".join(State) + "."),
        "queue": click.option(*queue, "queue", type=QUEUE, metavar="NAME", help="Only of this queue."),
        "tag": click.option(tag, "tag", type=NONEMPTY, metavar="TAG", help="Only with this tag."),
        "search": click.option(
            "--search",
            type=NONEMPTY,
            metavar="TEXT",
            help="Only where the command, the id or the error holds this text.",
        ),
    }

    def give(command: F) -> F:
        for name in reversed(FILTERS):
            if name not in leave_out:
                command = options[name](command)
        return command

    return give


def all_option(meaning: str) -> Callable[[F], F]:
    """Give a command `--all`, with what it means there."""
    return click.option("--all", "all_of_them", is_flag=True, help=f"{meaning}; filters narrow that.")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was asked for: these ids, or all jobs that match the filter."""

    ids: Sequence[str]
    matching: Filter | None

    @classmethod
    def of(cls, ids: Sequence[str], *, all_of_them: bool, matching: Filter) -> "Chosen":
        """Raises UsageError unless it is either ids or a selection."""
        is_selection = all_of_them or matching != Filter()
        if ids and is_selection:
            raise click.UsageError("give either ids or a selection, not both")
        if not ids and not is_selection:
            raise click.UsageError("give ids, or --all, or what the jobs have in common, such as --tag TAG")
        return cls(list(dict.fromkeys(ids)), None if ids else matching)


async def ask_before_removing(count: int, *, yes: bool) -> None:
    """Raise Refused if so many jobs are not to be removed after all."""
    if yes or count <= MOST_UNASKED:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"this would remove {count} jobs; if that is meant, give --yes")
    print(f"Remove {count} jobs with their history? [y/N] ", end="", file=sys.stderr, flush=True)
    if (await _line_of_stdin()).strip().lower() not in {"y", "yes"}:
        raise Refused("nothing was removed")


async def _line_of_stdin() -> str:
    """A line, read when it is there: a thread that waits for it could not be interrupted by Ctrl-C."""
    loop, there, line = asyncio.get_running_loop(), asyncio.Event(), ""
    loop.add_reader(sys.stdin, there.set)
    try:
        await there.wait()
        line = sys.stdin.readline()
    finally:
        loop.remove_reader(sys.stdin)
        if not line:  # the cursor stands behind the question
            print(file=sys.stderr)
    return line
