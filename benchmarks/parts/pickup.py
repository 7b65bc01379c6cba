"""From an enqueue in another process to the shell of the job, while the worker has nothing to do.

The job's first word goes through a named pipe. The clock starts before the enqueue begins, or when it is acknowledged:
a command takes longer to start than a worker takes to hear of it, so both are told.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.figures import MS, Figure, Impossible, absent, at_most, median, percentile
from benchmarks.ours import queue
from benchmarks.peers import ALL, Peer
from benchmarks.pipes import Pipe, pipe
from benchmarks.plan import Plan
from benchmarks.processes import scratch


@dataclass(frozen=True, slots=True)
class Delay:
    """Milliseconds to the job's first word: from the beginning of the enqueue, and from its acknowledgement."""

    begun: float
    acknowledged: float


def measure(plan: Plan) -> Iterator[Figure]:
    """From an enqueue in another process until the job's shell runs, and the same of the peers."""
    count = plan.amount(40, 5) * plan.rounds
    with queue() as one, pipe(one.folder, "says") as says, one.worker(2), one.sql() as connection:
        insert = "INSERT INTO jobs (command) VALUES (?)"
        by_sql = delays(says, lambda said: connection.execute(insert, (said,)), count)
        by_command = delays(says, lambda said: one.timed("enqueue", said), count)
    begun = [delay.begun for delay in by_sql]
    yield median(
        "pickup.sql.median", "pick-up after plain SQL, from before the INSERT to the job's shell", begun, MS, at_most(4)
    )
    yield percentile("pickup.sql.p99", "the same, p99", begun, 99, MS, at_most(10))
    since = [delay.acknowledged for delay in by_command]
    what = "pick-up after `aqueue enqueue`, from its end to the job's shell (0: it runs already)"
    yield median("pickup.command.median", what, since, MS, at_most(4))
    yield percentile("pickup.command.p99", "the same, p99", since, 99, MS, at_most(10))
    whole = [delay.begun for delay in by_command]
    yield median("pickup.command.whole", "from the start of `aqueue enqueue` to the job's shell", whole, MS)
    for peer in ALL:
        yield from _of(peer, count)


def _of(peer: Peer, count: int) -> Iterator[Figure]:
    what = f"from the start of an enqueue to the job's shell, {peer.name}"
    try:
        with scratch() as folder, pipe(folder, "says") as says, peer.standing(folder, 2) as standing:
            begun = [delay.begun for delay in delays(says, standing.enqueue, count)]
    except Impossible as why:
        yield absent(f"pickup.{peer.key}", what, why)
    else:
        yield median(f"pickup.{peer.key}", what, begun, MS)


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
