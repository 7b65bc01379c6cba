"""What waiting costs: the system calls, wake-ups, processor time and memory of a worker that has nothing to do.

All of them wait beside each other; being idle, they do not disturb each other. What wakes a process is counted by the
kernel as it goes to sleep again. System calls are counted afterwards: strace is itself a disturbance.
"""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping

from benchmarks.figures import COUNT, MIB, MS, PER_SECOND, Figure, Impossible, absent, at_most, one
from benchmarks.ours import queue
from benchmarks.peers import ALL
from benchmarks.plan import Plan
from benchmarks.processes import MEBIBYTE, cpu_seconds, needed, proportional, resident, scratch, wake_ups

QUIET = 2.0
"""Seconds that everything is given to come to rest."""

Pids = tuple[int, ...]

NOT_CALLS = ("unfinished", "detached", "resuming interrupted", "strace:", "+++", "---")
"""Of a trace, the lines that tell of strace's own coming and going."""


def measure(plan: Plan) -> Iterator[Figure]:
    """System calls, wake-ups, CPU time and memory of a worker that waits, and the same of the peers."""
    seconds = plan.amount(60, 3)
    with queue() as ours, ours.worker(4) as worker, contextlib.ExitStack() as stack:
        ours.call("enqueue", "true")
        waiting: dict[str, tuple[str, Pids]] = {"aqueue": ("aqueue", (worker,))}
        missing = list(_begin(stack, waiting))
        time.sleep(QUIET)
        yield from _at_rest(waiting, seconds)
        yield from missing
        yield _system_calls(worker, seconds)


def _begin(stack: contextlib.ExitStack, waiting: dict[str, tuple[str, Pids]]) -> Iterator[Figure]:
    """Have all peers wait; tells of those that cannot."""
    for peer in ALL:
        key, what = f"idle.{peer.key}", f"{peer.name}, waiting"
        try:
            pids = stack.enter_context(peer.standing(stack.enter_context(scratch()), 2)).pids
        except Impossible as why:
            yield absent(key, what, why)
        else:
            if pids:
                waiting[peer.key] = (peer.name, pids)
            else:
                yield absent(key, what, "no process waits")


def _at_rest(waiting: Mapping[str, tuple[str, Pids]], seconds: float) -> Iterator[Figure]:
    before = {key: (_sum(wake_ups, pids), _sum(cpu_seconds, pids)) for key, (_, pids) in waiting.items()}
    time.sleep(seconds)
    for key, (name, pids) in waiting.items():
        woken, used = _sum(wake_ups, pids) - before[key][0], _sum(cpu_seconds, pids) - before[key][1]
        ours, note = key == "aqueue", f"in {seconds} s"
        yield one(f"idle.{key}.wake_ups", f"wake-ups of {name}, waiting", woken / seconds, PER_SECOND, note=note)
        yield one(f"idle.{key}.cpu", f"processor time of {name}, waiting", 1000 * used, MS, note=note)
        limit = at_most(32) if ours else None
        pss = f"{_sum(proportional, pids) / MEBIBYTE:.1f} MiB in proportion"
        yield one(
            f"idle.{key}.memory", f"memory of {name}, waiting", _sum(resident, pids) / MEBIBYTE, MIB, limit, note=pss
        )


def _sum(asked: Callable[[int], float], pids: Pids) -> float:
    return sum(asked(pid) for pid in pids)


def _system_calls(worker: int, seconds: float) -> Figure:
    key, what = "idle.calls", f"system calls of a waiting worker in {seconds} s"
    try:
        trace = ["timeout", "--signal=INT", str(seconds), needed("strace"), "-f", "-qq", "-p", str(worker)]
    except Impossible as why:
        return absent(key, what, why)
    told = subprocess.run(trace, capture_output=True, text=True, check=False).stderr
    calls = [line for line in told.splitlines() if "(" in line and not any(word in line for word in NOT_CALLS)]
    return one(key, what, len(calls), COUNT, at_most(0), note="; ".join(calls[:3]))
