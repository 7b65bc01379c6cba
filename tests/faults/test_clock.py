"""The clock of the machine, set by hours. It is not set for real: the machine is not the test's alone."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from aqueue.engine import node as node_module
from aqueue.engine.clock import SystemClock, Timer
from aqueue.engine.events import Event, Settled
from aqueue.engine.node import Node, Options
from aqueue.engine.timerfd import clock_watched
from aqueue.model.job import State
from aqueue.queue import Queue
from aqueue.store import open_store

from .harness import ENOUGH

HOUR = 3600.0


class JumpingClock(SystemClock):
    """A system clock that can be set; its timers run on, as the kernel's do."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return super().call_later(seconds, callback)


class Working:
    """A worker in this process whose clock can be set."""

    def __init__(self) -> None:
        self.clock = JumpingClock()
        self.told: asyncio.Queue[Event] = asyncio.Queue()
        self.on_set: Callable[[], None] = lambda: None

    def set_clock(self, ahead: float) -> None:
        """Set it, and tell it as the kernel does."""
        self.clock.ahead = ahead
        self.on_set()

    @contextlib.contextmanager
    def watch(self, on_set: Callable[[], None]) -> Iterator[None]:
        self.on_set = on_set
        yield

    async def settled(self) -> Settled:
        async with asyncio.timeout(ENOUGH):
            while not isinstance(event := await self.told.get(), Settled):
                pass
        return event


@pytest.fixture
async def working(database: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Working]:
    made = Working()
    monkeypatch.setattr(node_module, "clock_watched", made.watch)
    store = await open_store(str(database), worker=True)
    node = Node(store, Options(concurrency=2), made.told.put_nowait, clock=made.clock)
    task = asyncio.create_task(node.run())
    yield made
    node.interrupt()
    await task
    await store.close()


async def test_a_retry_that_becomes_due_because_the_clock_is_set_forward_is_started(
    database: Path, working: Working
) -> None:
    async with Queue.open(database) as queue:
        await queue.enqueue("[ $AQUEUE_RUN = 2 ]", backoff_base=HOUR)
        assert (await working.settled()).transition.state is State.FAILED
        working.set_clock(ahead=2 * HOUR)
        assert (await working.settled()).transition.state is State.COMPLETED


async def test_a_job_scheduled_for_later_is_started_when_the_clock_is_set_to_then(
    database: Path, working: Working
) -> None:
    async with Queue.open(database) as queue:
        job = await queue.enqueue("true", delay=HOUR)
        working.set_clock(ahead=2 * HOUR)
        assert (await working.settled()).job.id == job.id


async def test_pending_jobs_go_on_when_the_clock_is_set_back(database: Path, working: Working) -> None:
    async with Queue.open(database) as queue:
        await queue.enqueue("true")
        await working.settled()
        working.set_clock(ahead=-5 * HOUR)
        job = await queue.enqueue("true")
        settled = await working.settled()
        assert (settled.job.id, settled.transition.state) == (job.id, State.COMPLETED)


async def test_a_retry_after_the_clock_was_set_back_waits_only_for_its_backoff(
    database: Path, working: Working
) -> None:
    async with Queue.open(database) as queue:
        working.set_clock(ahead=-5 * HOUR)
        await queue.enqueue("[ $AQUEUE_RUN = 2 ]", backoff_base=0.001)
        assert (await working.settled()).transition.state is State.FAILED
        assert (await working.settled()).transition.state is State.COMPLETED


async def test_the_kernel_is_asked_to_tell_when_the_clock_is_set() -> None:
    descriptors = Path("/proc/self/fd")
    with clock_watched(lambda: None):
        (timer,) = [path.name for path in descriptors.iterdir() if "timerfd" in _target(path)]
        facts = Path(f"/proc/self/fdinfo/{timer}").read_text().replace("\t", " ").splitlines()
    # CLOCK_REALTIME; TFD_TIMER_ABSTIME and TFD_TIMER_CANCEL_ON_SET.
    assert "clockid: 0" in facts
    assert "settime flags: 03" in facts


def _target(descriptor: Path) -> str:
    with contextlib.suppress(OSError):  # the one of the listing itself
        return str(descriptor.readlink())
    return ""
