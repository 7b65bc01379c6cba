"""`aqueue dashboard`: the pages and the HTTP API of a queue, without a worker."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.serving import Pages, pages_served
from aqueue.queue import Queue

ENDING = (signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option("--host", default="127.0.0.1", metavar="HOST", help="Where to listen.  [default: 127.0.0.1]")
@click.option("--port", default=8000, type=click.IntRange(0, 65535), metavar="PORT", help="[default: 8000; 0: any]")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Answer browsers under this name, too; may be repeated.",
)
@click.option("--read-only", is_flag=True, help="Refuse every change.")
@click.pass_obj
async def dashboard(db: str | None, host: str, port: int, hosts: tuple[str, ...], read_only: bool) -> None:
    """Serve the pages and the HTTP API of the queue until Ctrl-C.

    The same as `aqueue worker --http`, but without a worker. The address goes to stdout, alone; /docs tells of the API.

    Jobs are made and changed there only with a token: set AQUEUE_TOKEN to a secret of yours. Without one it can be
    reached from this machine alone.

    \b
    Examples:
      aqueue dashboard
      AQUEUE_TOKEN="$(cat secret)" aqueue dashboard
      aqueue dashboard --host 0.0.0.0 --allow-host queue.lan   (with a token)
    """
    async with Queue.open(db) as queue, pages_served(queue, Pages(host, port, hosts, read_only)) as address:
        with _told_to_end() as told:
            print(address, flush=True)
            print(f"Shows {escape(queue.title)}; Ctrl-C ends it.{_about_the_token()}", file=sys.stderr, flush=True)
            await told.wait()


def _about_the_token() -> str:
    return "" if os.environ.get("AQUEUE_TOKEN") else " No jobs can be enqueued there, for AQUEUE_TOKEN is not set."


@contextlib.contextmanager
def _told_to_end() -> Iterator[asyncio.Event]:
    """Is set when a signal says that it is time to go."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, told.set)
    try:
        yield told
    finally:
        for number in ENDING:
            loop.remove_signal_handler(number)
