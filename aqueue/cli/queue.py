"""`aqueue queue`: what is said of named queues."""

import sys
import time
from collections.abc import Mapping

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.parameters import QUEUE, or_none
from aqueue.cli.present import ago_or_in, show_json, show_json_lines
from aqueue.cli.table import show_table
from aqueue.documents import queue_at_work
from aqueue.model.errors import InvalidInput
from aqueue.model.rate import Rate, parse_rate
from aqueue.model.settings import parse_count
from aqueue.queue import Queue, QueueRow

_NO_OPTIONS = {"ignore_unknown_options": True}
"""For commands with a number: what begins with a dash is a wrong number, and is told so, not that it is no option."""


def _at_least_one(text: str) -> int:
    if text.startswith("-") or not (most := parse_count(text)):
        raise InvalidInput("a limit is at least 1; to start no job of a queue, pause it")
    return most


LIMIT = or_none("n", _at_least_one)
RATE = or_none("rate", parse_rate)


@click.group()
async def queue() -> None:
    """Look after named queues. A queue is there as soon as it has a job or something was said of it.

    \b
    Examples:
      aqueue queue list
      aqueue queue limit video 2
      aqueue queue rate mail 30/m
      aqueue queue pause mail
    """


@queue.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.option("--jsonl", "as_lines", is_flag=True, help="One JSON object a line.")
@click.pass_obj
async def list_(db: str | None, as_json: bool, as_lines: bool) -> None:
    """List the queues with what waits and runs.

    OLDEST is since when the first job of a queue is due and waits, LATER how many are scheduled or blocked.

    \b
    Example:
      aqueue queue list
    """
    async with Queue.open(db) as opened:
        queues, oldest = await opened.queues(), await opened.oldest()
    if as_json:
        show_json([queue_at_work(one, oldest.get(one.name)) for one in queues.values()])
    elif as_lines:
        show_json_lines(queue_at_work(one, oldest.get(one.name)) for one in queues.values())
    elif queues:
        now = time.time()
        show_table([_row(one, oldest.get(one.name), now) for one in queues.values()])
    else:
        print("There is no queue yet.", file=sys.stderr)


def _row(one: QueueRow, oldest: float | None, now: float) -> Mapping[str, str]:
    return {
        "QUEUE": escape(one.name),
        "WAITING": str(one.waiting),
        "RUNNING": str(one.running),
        "OLDEST": "" if oldest is None else ago_or_in(oldest, now),
        "LATER": str(one.later or ""),
        "LIMIT": "" if one.limit is None else str(one.limit),
        "RATE": "" if one.rate is None else str(one.rate),
        "PAUSED": "paused" if one.paused else "",
    }


@queue.command("pause")
@click.argument("name", type=QUEUE)
@click.pass_obj
async def pause(db: str | None, name: str) -> None:
    """Start no job of a queue. Those that run go on.

    \b
    Example:
      aqueue queue pause mail
    """
    async with Queue.open(db) as opened:
        await opened.pause_queue(name)
    print(f"Queue {name} is paused.", file=sys.stderr)


@queue.command("resume")
@click.argument("name", type=QUEUE)
@click.pass_obj
async def resume(db: str | None, name: str) -> None:
    """Start jobs of a queue again.

    \b
    Example:
      aqueue queue resume mail
    """
    async with Queue.open(db) as opened:
        await opened.resume_queue(name)
    print(f"Queue {name} is not paused.", file=sys.stderr)


@queue.command("limit", context_settings=_NO_OPTIONS)
@click.argument("name", type=QUEUE)
@click.argument("most", type=LIMIT, metavar="N|none")
@click.pass_obj
async def limit(db: str | None, name: str, most: int | None) -> None:
    """Bound how many jobs of a queue run at once.

    That is over all workers. What runs already goes on.

    \b
    Examples:
      aqueue queue limit video 2
      aqueue queue limit video none
    """
    async with Queue.open(db) as opened:
        await opened.limit_queue(name, most)
    bound = "may run as many jobs at once as there are slots" if most is None else f"runs at most {most} at once"
    print(f"Queue {name} {bound}.", file=sys.stderr)


@queue.command("rate", context_settings=_NO_OPTIONS)
@click.argument("name", type=QUEUE)
@click.argument("rate", type=RATE, metavar="N/s|N/m|N/h|none")
@click.pass_obj
async def rate_(db: str | None, name: str, rate: Rate | None) -> None:
    """Bound how many jobs of a queue start in a while.

    N a second, minute or hour, and evenly spread: 30/m is one every two seconds, and no thirty at once.

    \b
    Examples:
      aqueue queue rate mail 30/m
      aqueue queue rate mail none
    """
    async with Queue.open(db) as opened:
        await opened.rate_queue(name, rate)
    print(f"Queue {name} starts {'jobs at any rate' if rate is None else f'at most {rate}'}.", file=sys.stderr)
