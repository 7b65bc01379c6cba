"""The command line as a whole: the commands, each a module that is imported on use, and the exit codes."""

import asyncio
import importlib
import io
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import asyncclick as click
from asyncclick.shell_completion import CompletionItem

from aqueue import __version__
from aqueue.cli.escape import escape
from aqueue.model.errors import AqueueError, InvalidInput, NoSuchJob

COULD_NOT = 1
WRONG_WORDS = 2
NO_SUCH_JOB = 3
INTERRUPTED = 130

COMMANDS: Mapping[str, str] = {
    "enqueue": "Add jobs.",
    "worker": "Run jobs, stop workers, list them.",
    "status": "How much waits, runs, failed.",
    "top": "Watch the queue and steer it.",
    "list": "List jobs, newest first.",
    "show": "All about one job.",
    "wait": "Wait until jobs are finished.",
    "logs": "What a job printed, also while it prints it.",
    "events": "Every transition, also as it happens.",
    "why": "Why a job is not running.",
    "edit": "Change jobs that do not run.",
    "cancel": "Stop jobs.",
    "retry": "Give jobs a fresh set of attempts.",
    "hold": "Keep jobs from running.",
    "release": "Let held or scheduled jobs run.",
    "remove": "Delete jobs.",
    "dlq": "The dead letter queue.",
    "queue": "List queues; pause them, and bound how many of their jobs run.",
    "cron": "Enqueue jobs by schedule, again and again.",
    "config": "Read and change the settings.",
    "prune": "Remove finished jobs that were kept for long enough.",
    "check": "Examine the queue and its place.",
    "health": "Ask whether a worker lives here and answers.",
    "backup": "Copy the live queue to another file.",
    "migrate": "Move a queue between a file and PostgreSQL.",
    "dashboard": "Show the queue in a browser, and serve the HTTP API.",
    "completion": "Complete words in bash, zsh or fish.",
    "demo": "See it work, in a throw-away file.",
}
"""The commands, in the order of the help, each with its line there. The module of a command has its name."""

RUN_JOBS = frozenset({"worker", "demo"})


class LazyGroup(click.Group):
    """Imports a command when it is called, so that `--help` and each command pay only for themselves."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"aqueue.cli.{cmd_name}")
        # A command whose name is Python's own has a line under it in the module.
        command = getattr(module, f"{cmd_name}_", None) or getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands and the options that begin like this, without importing the commands."""
        commands = [CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--db", metavar="PATH|URL", help="The file that holds the queue, or its address; also AQUEUE_DB.")
@click.version_option(__version__, prog_name="aqueue")
@click.pass_context
async def cli(ctx: click.Context, db: str | None) -> None:
    """A queue for shell commands: N at a time, retried with growing waits, kept as dead letters, never lost."""
    ctx.obj = db


def main() -> None:
    """Run the command line and exit with its code."""
    _open_what_is_closed()
    code = run(sys.argv[1:])
    if code == INTERRUPTED and threading.active_count() > 1:
        # A second Ctrl-C has cut off even the closing of the store, whose threads Python would wait for.
        os._exit(code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code. What went wrong is told in one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal cannot show is written out
            stream.reconfigure(errors="backslashreplace")
    try:
        with asyncio.Runner(loop_factory=_loop_for(arguments)) as runner:
            result: Any = runner.run(cli.main(list(arguments), prog_name="aqueue", standalone_mode=False))
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as help_:
        click.echo(help_.format_message(), err=True)
        return WRONG_WORDS
    except (click.ClickException, AqueueError) as error:
        print(f"Error: {_in_one_line(error)}", file=sys.stderr)
        return _code_of(error)
    except OSError as error:
        return could_not_write(error)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED


def _loop_for(arguments: Sequence[str]) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop of those commands that run jobs; for all others asyncio's own will do."""
    if RUN_JOBS.isdisjoint(arguments):
        return None
    from aqueue.engine.loop import Loop

    return Loop


def _open_what_is_closed() -> None:
    """Lead the standard streams that are closed (`>&-`) to nowhere: else the queue's file would get their numbers."""
    for number, (name, mode) in enumerate([("stdin", "r"), ("stdout", "w"), ("stderr", "w")]):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def could_not_write(error: OSError) -> int:
    """Tell that stdout takes nothing: of their own files the commands tell themselves. Returns the exit code."""
    if not isinstance(error, BrokenPipeError):  # there the reader has seen enough
        what = "cannot write" if error.filename is None else f"{error.filename}"
        print(f"Error: {escape(f'{what}: {error.strerror}')}", file=sys.stderr)
    # Python would complain once more when it flushes at the end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return COULD_NOT


def _in_one_line(error: click.ClickException | AqueueError) -> str:
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    return escape(" ".join(text.split("\n"))).removesuffix(".")


def _code_of(error: click.ClickException | AqueueError) -> int:
    match error:
        case NoSuchJob():
            return NO_SUCH_JOB
        case click.ClickException() | InvalidInput():
            return WRONG_WORDS
    return COULD_NOT
