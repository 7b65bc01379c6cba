"""A worker in this process: the store, the engine, the signals and the lines, put together."""

import contextlib
import functools
import gc
import os
import resource
from collections.abc import AsyncIterator, Callable, Sequence

from aqueue.cli.burst import burst_shown
from aqueue.cli.detach import Report
from aqueue.cli.lines import Lines
from aqueue.cli.service import Service
from aqueue.cli.serving import Pages, pages_served
from aqueue.cli.telling import Teller, Telling
from aqueue.cli.terminal import is_on_terminal
from aqueue.engine import signals
from aqueue.engine.beside import Beside
from aqueue.engine.events import Began, Draining, Event, Interrupting, Listener, Trouble
from aqueue.engine.node import Node, Options
from aqueue.model.errors import AqueueError, LeaseLost
from aqueue.queue import Queue
from aqueue.store import open_store
from aqueue.store.protocol import Store

BY_KEYS = "Ctrl-C again"
BY_SIGNAL = "a second signal"


DESCRIPTORS_OF_A_JOB = 4
"""Its two pipes and its pidfd, and one while it starts."""

OWN_DESCRIPTORS = 64
"""What a worker has open beside that, with room."""

CONNECTIONS = 256
"""… and what it may have open where it serves over HTTP."""


async def work(
    db: str | None,
    options: Options,
    report: Report,
    telling: Telling,
    pages: Pages | None = None,
    command: str | None = None,
) -> int:
    """Work until drained; serve pages until then, and run a command beside the jobs, if that is wanted.

    Returns the exit code. Raises AqueueError if that cannot begin, and tells the report either way.
    """
    _make_room(options.concurrency, OWN_DESCRIPTORS + (CONNECTIONS if pages else 0))
    try:
        store = await open_store(db, worker=True)
        try:
            shown = _Shown()
            async with _served(store, pages, shown) as address:
                _collect_seldom()
                while (code := await _work(store, options, report, telling, shown, address, command)) is None:
                    pass
                return code
        finally:
            await store.close()
    except AqueueError as error:
        report.failed(str(error))
        raise


@contextlib.asynccontextmanager
async def _served(store: Store, pages: Pages | None, shown: "_Shown") -> AsyncIterator[str | None]:
    """Serve pages, if that is wanted, until the end of the block; yields the address.

    By a store of their own: what the worker writes may be lost with the power, what was enqueued may not.
    """
    if pages is None:
        yield None
        return
    async with (
        Queue.open(store.url) as queue,
        pages_served(queue, pages, is_ready=shown.is_ready, node=lambda: shown.node) as address,
    ):
        shown.is_wanted = True
        yield address


class _Shown:
    """What is shown of the worker, and so what is known of it only if it `is_wanted`."""

    def __init__(self) -> None:
        self.is_wanted = False
        self.node: Node | None = None
        self._is_ready = False

    def listeners(self, node: Node) -> list[Listener]:
        """Who must hear of its events."""
        self.node, self._is_ready = node, False
        return [self.hear, node.tally.hear] if self.is_wanted else []

    def hear(self, event: Event) -> None:
        """Learn of an event."""
        match event:
            case Began():
                self._is_ready = True
            case Draining() | Interrupting():
                self._is_ready = False

    async def is_ready(self) -> bool:
        """Whether it takes jobs now."""
        return self._is_ready and self.node is not None and self.node.is_in_touch


async def _work(
    store: Store,
    options: Options,
    report: Report,
    telling: Telling,
    shown: _Shown,
    address: str | None,
    command: str | None,
) -> int | None:
    """The exit code; None where the worker was taken for dead, and another is to go on in its place."""
    lines = Lines.on_stdout()
    teller = telling.teller(lines, database=store.title, grace=options.grace, address=address)
    service = Service.of(os.environ)
    listeners: list[Listener] = [teller.hear, _reporting(report), service.hear]
    listener = functools.partial(_tell, listeners)
    beside = Beside(command, listener) if command else None
    node = Node(store, options, listener, on_output=telling.on_output(lines, teller), beside=beside)
    listeners += shown.listeners(node)
    with signals.obeyed(_drain_by_signal(node, teller), node.interrupt), service:
        try:
            if options.burst:
                async with burst_shown(store, options.queues, lines) as hear:
                    listeners.append(hear)
                    await node.run()
            else:
                await node.run()
            teller.say_goodbye(node.id)
        except LeaseLost as error:
            teller.hear(Trouble(str(error)))
            if beside is None and not node.was_told_to_stop:  # what runs beside it goes with it
                return None
        finally:
            await lines.finish()
    return beside.exit_code if beside else 0


def _tell(listeners: Sequence[Listener], event: Event) -> None:
    for listener in listeners:
        listener(event)


def _reporting(report: Report) -> Listener:
    def hear(event: Event) -> None:
        if isinstance(event, Began):
            report.ready(event.worker)

    return hear


def _make_room(slots: int, own: int) -> None:
    """Raise the limit of open files if so many jobs at once need that, as far as we may.

    No further: the jobs inherit it, and programs that still use select(2) break above 1024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = own + slots * DESCRIPTORS_OF_A_JOB
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _collect_seldom() -> None:
    """Leave what is loaded now out of the search for garbage, and search less often.

    A run makes some hundred objects that die by themselves; Python would look through all of them every few runs.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _drain_by_signal(node: Node, teller: Teller) -> Callable[[], None]:
    def drain() -> None:
        teller.end_at_once = BY_KEYS if is_on_terminal() else BY_SIGNAL
        node.drain()

    return drain
