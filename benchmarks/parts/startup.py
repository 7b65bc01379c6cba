"""What one call costs: a script that enqueues in a loop waits for it. Python's own start is what it is measured by."""

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.figures import MS, TIMES, Figure, Impossible, absent, at_most, median, of_pairs
from benchmarks.ours import PYTHON, Queue, queue
from benchmarks.peers import ALL
from benchmarks.peers.peer import Standing
from benchmarks.plan import Plan
from benchmarks.processes import scratch, timed

COMMANDS = {"enqueue": 1.5, "--help": 5.0, "status": None, "list": None}
"""What is called, and how many times Python's start it should take at most."""

CALLED = {"enqueue": ("enqueue", "true")}
COMMAND_LINE = {"tsp": "task-spooler", "nq": "nq"}
"""The peers that have a command to enqueue with."""


def measure(plan: Plan) -> Iterator[Figure]:
    """One `aqueue enqueue`, `--help`, `status` and `list`, beside `python -c "import sqlite3"` and peers."""
    several = Plan(rounds=plan.amount(4, 2) * plan.rounds)
    missing: list[Figure] = []
    with queue() as one, contextlib.ExitStack() as stack:
        ours = {name: _calling(one, name) for name in COMMANDS}
        measured = several.in_turns({"python": _python, **ours, **_peers(stack, missing)})
    python = measured.pop("python")
    for name in COMMANDS:
        yield from _ours(name, measured.pop(name), python)
    yield median("startup.python", '`python -c "import sqlite3"`', python, MS)
    for name, times in measured.items():
        yield median(f"startup.{name}", f"one enqueue, {COMMAND_LINE[name]}", times, MS)
    yield from missing


def _ours(name: str, times: list[float], python: list[float]) -> Iterator[Figure]:
    words, limit = " ".join(CALLED.get(name, (name,))), COMMANDS[name]
    wanted = None if limit is None else at_most(limit)
    what = f'`aqueue {words}`, times `python -c "import sqlite3"`'
    yield median(f"startup.{name}.ratio", what, of_pairs(times, python), TIMES, wanted)
    yield median(f"startup.{name}.time", f"`aqueue {words}`", times, MS)


def _calling(one: Queue, name: str) -> Callable[[], float]:
    return lambda: 1000 * one.timed(*CALLED.get(name, (name,))).seconds


def _python() -> float:
    return 1000 * timed([PYTHON, "-c", "import sqlite3"]).seconds


def _peers(stack: contextlib.ExitStack, missing: list[Figure]) -> dict[str, Callable[[], float]]:
    """Those that have a command to enqueue with; those that are not here are added to what is missing."""
    calling: dict[str, Callable[[], float]] = {}
    for peer in ALL:
        if peer.key in COMMAND_LINE:
            try:
                standing = stack.enter_context(peer.standing(stack.enter_context(scratch()), 2))
            except Impossible as why:
                missing.append(absent(f"startup.{peer.key}", f"one enqueue, {peer.name}", why))
            else:
                calling[peer.key] = partial(_enqueuing, standing)
    return calling


def _enqueuing(standing: Standing) -> float:
    begun = time.perf_counter()
    standing.enqueue("true")
    return 1000 * (time.perf_counter() - begun)
