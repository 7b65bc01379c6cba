"""How far behind somebody is who follows a job, and how soon it is told to stop.

The job prints the time, and whoever follows looks at its own clock when it reads that. For the cancel there is no one
moment at which a command begins that everybody would agree on: Python's start is most of it. So it is told from the
start of the command, and from the commit of the request, which another connection sees.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import MS, Figure, at_most, delays, median
from benchmarks.ours import AQUEUE, Queue, queue
from benchmarks.pipes import pipe
from benchmarks.plan import Plan

PRINTING = "exec bash -c 'for ((i = 0; i < {count}; i++)); do echo $EPOCHREALTIME; sleep 0.0$((RANDOM % 9 + 1)); done'"
TRAPPING = (
    'exec bash -c \'trap "echo \\$EPOCHREALTIME >{path}; exit" TERM; '
    "echo runs >{path}; while :; do sleep 9 & wait; done'"
)
GLANCE = 0.0001
"""Seconds between looks at whether the request is committed."""


def measure(plan: Plan) -> Iterator[Figure]:
    """`logs --follow` behind the job, and from `aqueue cancel` to the TERM."""
    count = plan.amount(50, 20) * plan.rounds
    with queue() as ours, ours.worker(4):
        behind = _behind(ours, count)
        yield from delays("following.logs", "`logs --follow` is behind the job", behind, p99=at_most(50))
        cancels = [_cancelled(ours) for _ in range(plan.amount(10, 3) * plan.rounds)]
        committed, begun = [one for one, _ in cancels], [other for _, other in cancels]
        what = "from the commit of `aqueue cancel` to the job's TERM (below 0: before others could see it)"
        yield from delays("following.cancel", what, committed, p99=at_most(50))
        yield median("following.cancel.whole", "from the start of `aqueue cancel` to the job's TERM", begun, MS)


def _behind(ours: Queue, count: int) -> list[float]:
    """Milliseconds, line by line."""
    (job,) = ours.enqueue([PRINTING.format(count=count)])
    command: list[str | Path] = [AQUEUE, "logs", "--follow", job]
    with subprocess.Popen(command, env=ours.environ, stdout=subprocess.PIPE) as follower:
        assert follower.stdout is not None
        lines = list(_read(follower.stdout.fileno()))
    # What the job printed before the follower was there does not count: that it gets in one piece.
    begun = lines[0][1] if lines else 0.0
    return [1000 * (read - said) for said, read in lines if said > begun]


def _read(descriptor: int) -> Iterator[tuple[float, float]]:
    """The times that are printed, each with the time at which it was read."""
    rest = b""
    while piece := os.read(descriptor, 65536):
        now = time.time()
        *whole, rest = (rest + piece).split(b"\n")
        yield from ((float(line), now) for line in whole)


def _cancelled(ours: Queue) -> tuple[float, float]:
    """Milliseconds to the TERM, from the commit of the request and from the start of the command."""
    with pipe(ours.folder, "trap") as says:
        (job,) = ours.enqueue([TRAPPING.format(path=says.path)])
        says.line()
        time.sleep(0.05)
        begun = time.time()
        with subprocess.Popen([AQUEUE, "cancel", job], env=ours.environ, stderr=subprocess.DEVNULL):
            committed = _next_commit(ours)
            term = float(says.line())
    return 1000 * (term - committed), 1000 * (term - begun)


def _next_commit(ours: Queue) -> float:
    """When another connection has committed something. The worker, which has nothing to do, does not."""
    with ours.sql() as connection:
        before = connection.execute("PRAGMA data_version").fetchone()
        while connection.execute("PRAGMA data_version").fetchone() == before:
            time.sleep(GLANCE)
    return time.time()
