"""What one call costs: a script that enqueues in a loop waits for it. Python's own start is what it is measured by."""

import time
from collections.abc import Callable, Iterator

from benchmarks.figures import MS, TIMES, Figure, Impossible, absent, at_most, median, of_pairs
from benchmarks.ours import PYTHON, Queue, queue
from benchmarks.peers import ALL
from benchmarks.plan import Plan
from benchmarks.processes import scratch, timed

COMMANDS = {"status": None, "list": None, "--help": 5.0, "enqueue": 1.5}
CALLED = {"enqueue": ("enqueue", "true")}
COMMAND_LINE = ("tsp", "nq")
"""The peers that have a command to enqueue with."""


def measure(plan: Plan) -> Iterator[Figure]:
    """One `aqueue enqueue`, `--help`, `status` and `list`, against `python -c "import sqlite3"`."""
    several = Plan(rounds=plan.amount(4, 2) * plan.rounds)
    with queue() as one:
        measured = several.in_turns({"python": _python} | {name: _calling(one, name) for name in COMMANDS})
    python = measured.pop("python")
    for name, times in reversed(measured.items()):
        words, limit = " ".join(CALLED.get(name, (name,))), COMMANDS[name]
        wanted = None if limit is None else at_most(limit)
        ratios = of_pairs(times, python)
        yield median(
            f"startup.{name}.ratio", f'`aqueue {words}`, times `python -c "import sqlite3"`', ratios, TIMES, wanted
        )
        yield median(f"startup.{name}.time", f"`aqueue {words}`", times, MS)
    yield median("startup.python", '`python -c "import sqlite3"`', python, MS)
    yield from _peers(several)


def _calling(one: Queue, name: str) -> Callable[[], float]:
    return lambda: 1000 * one.timed(*CALLED.get(name, (name,))).seconds


def _python() -> float:
    return 1000 * timed([PYTHON, "-c", "import sqlite3"]).seconds


def _peers(plan: Plan) -> Iterator[Figure]:
    for peer in ALL:
        if peer.key not in COMMAND_LINE:
            continue
        what = f"one enqueue, {peer.name}"
        try:
            with scratch() as folder, peer.standing(folder, 2) as standing:
                calling = {"it": _enqueuing(standing.enqueue)}
                times = plan.in_turns(calling)["it"]
        except Impossible as why:
            yield absent(f"startup.{peer.key}", what, why)
        else:
            yield median(f"startup.{peer.key}", what, times, MS)


def _enqueuing(enqueue: Callable[[str], object]) -> Callable[[], float]:
    def once() -> float:
        begun = time.perf_counter()
        enqueue("true")
        return 1000 * (time.perf_counter() - begun)

    return once
