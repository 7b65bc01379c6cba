"""`aqueue demo`: a handful of jobs that show what a queue does, told as it happens, in a throw-away file."""

import asyncio
import contextlib
import os
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.lines import Lines
from aqueue.cli.narration import Narrator
from aqueue.cli.terminal import wants_colours
from aqueue.engine.events import Began, Event, Settled, Started
from aqueue.engine.node import Node, Options
from aqueue.model.errors import AqueueError
from aqueue.model.job import State
from aqueue.queue import Filter, Queue
from aqueue.store import open_store

AT_MOST = 14.0
"""Seconds until the demo gives up on itself."""

FLAKY = "[ $AQUEUE_ATTEMPT = 3 ]"
"""A command that fails at its first two attempts."""

INTRODUCTION = f"""\
aqueue keeps shell commands in a queue, in one file, and runs them: here two at
a time. What fails is run again after a growing wait; what keeps failing goes to
the dead letter queue. Your own queue is not touched by this.

First some jobs are put into the queue:

  $ aqueue enqueue --id hello 'echo hello'

  # fails twice, then succeeds
  $ aqueue enqueue --id flaky --backoff-base 1.5 '{FLAKY}'

  # fails as long as there is no such file
  $ aqueue enqueue --id report --max-retries 1 --backoff-base 0.5 \\
                   'cat report.txt'

  # the last to come, but urgent
  $ aqueue enqueue --id urgent --priority 5 'echo now'

Then a worker takes them:

  $ aqueue worker --concurrency 2
"""

DEATH = """
The report is out of retries. It lies in the dead letter queue until a person
looks after it:

  $ aqueue dlq list"""

REPAIR = """
So the cause is removed, and the job gets a fresh set of attempts:

  $ echo 'all is well' > report.txt
  $ aqueue dlq retry report
"""

FAREWELL = """
Now your own: `aqueue enqueue 'echo hello'`, then `aqueue worker`.
`aqueue --help` tells of all the rest."""


@click.command()
async def demo() -> None:
    """See what aqueue does: success, retries, priority, a dead letter and its return, in a few seconds.

    It runs in a throw-away file and leaves nothing behind.

    \b
    Example:
      aqueue demo
    """
    lines = Lines.on_stdout()
    try:
        with tempfile.TemporaryDirectory(prefix="aqueue-demo-") as folder:
            await _show(Path(folder), lines)
    finally:
        await lines.finish()


async def _show(folder: Path, lines: Lines) -> None:
    """Raises AqueueError if not all was seen that is promised."""
    lines.add(INTRODUCTION)
    stage = _Stage(folder, lines)
    try:
        async with asyncio.timeout(AT_MOST), Queue.open(stage.database, environ=stage.environ) as queue:
            await _enqueue(queue, folder)
            async with _worker(stage):
                await _play(queue, stage)
    except TimeoutError:
        raise AqueueError(f"the demo did not come to its end within {AT_MOST:g} s") from None
    _sum_up(stage)


class _Stage:
    """Where the demo is played, and who writes down what is really seen there."""

    def __init__(self, folder: Path, lines: Lines) -> None:
        self.folder = folder
        self.database = str(folder / "queue.db")
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("AQUEUE_")}
        self.started: list[str] = []
        self.outcomes: defaultdict[str, list[State]] = defaultdict(list)
        self._lines = lines
        self._narrator = Narrator(self, database=self.database, colours=wants_colours(), end_at_once="Ctrl-C")

    def add(self, line: str) -> None:
        """Say something."""
        self._lines.add(f"  {line}")

    def say(self, text: str) -> None:
        self._lines.add(text)

    def hear(self, event: Event) -> None:
        match event:
            case Started(job):
                self.started.append(job.id)
            case Settled(job, _, transition):
                self.outcomes[job.id].append(transition.state)
        if not isinstance(event, Began):
            self._narrator.hear(event)


@contextlib.asynccontextmanager
async def _worker(stage: _Stage) -> AsyncIterator[None]:
    """A worker on the stage; at the end of the block what still runs is ended."""
    store = await open_store(stage.database, worker=True, environ=stage.environ)
    node = Node(store, Options(concurrency=2), stage.hear, stage.environ)
    working = asyncio.create_task(node.run(), name="worker")
    try:
        yield
    finally:
        node.interrupt()
        await working
        await store.close()


async def _enqueue(queue: Queue, folder: Path) -> None:
    await queue.enqueue("echo hello", id="hello")
    await queue.enqueue(FLAKY, id="flaky", max_retries=3, backoff_base=1.5)
    await queue.enqueue("cat report.txt", id="report", max_retries=1, backoff_base=0.5, cwd=str(folder))
    await queue.enqueue("echo now", id="urgent", priority=5)


async def _play(queue: Queue, stage: _Stage) -> None:
    await queue.wait("hello", "flaky", "urgent", "report")
    stage.say(DEATH)
    for dead in await queue.list(Filter(state=State.DEAD)):
        stage.say(f"  {dead.id}  {dead.command}  {escape(dead.error or '')}")
    stage.say(REPAIR)
    (stage.folder / "report.txt").write_text("all is well\n")
    await queue.retry("report")
    await queue.wait("report")


def _sum_up(stage: _Stage) -> None:
    stage.say("\nWhat was seen:\n")
    promises = list(_promises(stage))
    for sentence, was_seen in promises:
        stage.say(f"  {'✓' if was_seen else '✗'} {sentence}")
    if not all(was_seen for _, was_seen in promises):
        raise AqueueError("not all was seen that the demo promises")
    stage.say(FAREWELL)


def _promises(stage: _Stage) -> Iterator[tuple[str, bool]]:
    """What the demo says that it shows, and whether it has."""
    failed, dead, completed = State.FAILED, State.DEAD, State.COMPLETED
    outcomes = stage.outcomes
    yield "success: hello ran once and completed", outcomes["hello"] == [completed]
    yield "priority: urgent came last and started first", stage.started[0] == "urgent"
    yield (
        "retry: flaky failed twice, waited 1.5 s and then 2.25 s, and completed",
        outcomes["flaky"] == [failed, failed, completed],
    )
    yield (
        "dead letter: report was given up, and completed after its `dlq retry`",
        outcomes["report"] == [failed, dead, completed],
    )
