"""From an enqueue in another process to the shell of the job, while the worker has nothing to do.

The job's first word goes through a named pipe. The clock starts before the enqueue begins, or when it is acknowledged:
a command takes longer to start than a worker takes to hear of it, so both are told. All that are compared wait beside
each other, and are asked in turns.
"""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

from benchmarks import figures
from benchmarks.figures import MS, Figure, Impossible, absent, at_most, median
from benchmarks.ours import queue
from benchmarks.peers import ALL
from benchmarks.pipes import Pipe, pipe
from benchmarks.plan import Plan
from benchmarks.processes import scratch

WHAT = "from the start of an enqueue to the job's shell, {}"


@dataclass(frozen=True, slots=True)
class Delay:
    """Milliseconds to the job's first word: from the beginning of the enqueue, and from its acknowledgement."""

    begun: float
    acknowledged: float


def measure(plan: Plan) -> Iterator[Figure]:
    """From an enqueue in another process until the job's shell runs, and the same of the peers."""
    missing: list[Figure] = []
    with contextlib.ExitStack() as stack:
        contenders = {**_ours(stack), **_peers(stack, missing)}
        count = plan.amount(40, 5)
        turns = {name: partial(delays, says, enqueue, count) for name, (says, enqueue) in contenders.items()}
        found = {name: list(chain.from_iterable(turn)) for name, turn in plan.in_turns(turns).items()}
    yield from _figures(found)
    yield from missing


Contender = tuple[Pipe, Callable[[str], object]]
"""Where its jobs say that they run, and how it is handed one."""


def _ours(stack: contextlib.ExitStack) -> dict[str, Contender]:
    one = stack.enter_context(queue())
    says = stack.enter_context(pipe(one.folder, "says"))
    stack.enter_context(one.worker(2))
    connection = stack.enter_context(one.sql())
    insert = "INSERT INTO jobs (command) VALUES (?)"
    return {
        "sql": (says, lambda said: connection.execute(insert, (said,))),
        "command": (says, lambda said: one.timed("enqueue", said)),
    }


def _peers(stack: contextlib.ExitStack, missing: list[Figure]) -> dict[str, Contender]:
    """Those that wait for jobs; the others are added to what is missing."""
    waiting: dict[str, Contender] = {}
    for peer in ALL:
        try:
            folder = stack.enter_context(scratch())
            standing = stack.enter_context(peer.standing(folder, 2))
        except Impossible as why:
            missing.append(absent(f"pickup.{peer.key}", WHAT.format(peer.name), why))
        else:
            waiting[peer.key] = (stack.enter_context(pipe(folder, "says")), standing.enqueue)
    return waiting


def _figures(found: dict[str, list[Delay]]) -> Iterator[Figure]:
    begun = {name: [delay.begun for delay in delays] for name, delays in found.items()}
    what = "pick-up after plain SQL, from before the INSERT to the job's shell"
    yield from figures.delays("pickup.sql", what, begun["sql"], usually=at_most(4), p99=at_most(10))
    since = [delay.acknowledged for delay in found["command"]]
    what = "pick-up after `aqueue enqueue`, from its end to the job's shell (0: it runs already)"
    yield from figures.delays("pickup.command", what, since, usually=at_most(4), p99=at_most(10))
    yield median("pickup.command.whole", WHAT.format("`aqueue enqueue`"), begun["command"], MS)
    for peer in ALL:
        if peer.key in begun:
            yield median(f"pickup.{peer.key}", WHAT.format(peer.name), begun[peer.key], MS)


def delays(says: Pipe, enqueue: Callable[[str], object], count: int) -> list[Delay]:
    """Enqueue jobs that say that they run, one after the other, at odd moments."""
    enqueue(says.saying)
    says.heard()  # the first one finds nothing in memory
    return [_delay(says, enqueue) for _ in range(count)]


def _delay(says: Pipe, enqueue: Callable[[str], object]) -> Delay:
    time.sleep(random.uniform(0.02, 0.05))
    begun = time.perf_counter()
    enqueue(says.saying)
    acknowledged = time.perf_counter()
    heard = says.heard()
    return Delay(1000 * (heard - begun), 1000 * (heard - acknowledged))
