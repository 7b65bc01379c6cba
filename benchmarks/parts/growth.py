"""Whether a long past makes a queue slow: the commands and the worker in files with more and more finished jobs.

All files are measured in turns, and each cost is divided by that of the empty file in the same round.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from benchmarks.figures import TIMES, Figure, Impossible, absent, at_most, median, of_pairs
from benchmarks.finished import Past, forget, with_past
from benchmarks.ours import Queue
from benchmarks.parts.pickup import delays
from benchmarks.pipes import pipe
from benchmarks.plan import Plan
from benchmarks.processes import scratch

SLOTS = 8
EMPTY = "an empty queue"


@dataclass(frozen=True, slots=True)
class File:
    """A queue with a past, and so many jobs that wait whenever something is measured."""

    queue: Queue
    past: Past
    pending: int

    def tidy(self) -> None:
        """As it was, but for what is scheduled, which the caller may have put there."""
        forget(self.queue, self.past, scheduled=False)

    def refill(self) -> None:
        """Enqueue what is missing of the jobs that wait."""
        waits = self.queue.number("pending")
        if waits < self.pending:
            self.queue.enqueue(["true"] * (self.pending - waits))


Costs = Mapping[str, Callable[[File], float]]


def measure(plan: Plan) -> Iterator[Figure]:
    """Enqueue, status, list, show, claim with 10⁵, 10⁶ and 10⁷ finished jobs, as ratios to an empty queue."""
    sizes = (2_000, 20_000) if plan.quick else (100_000, 1_000_000, 10_000_000)
    with contextlib.ExitStack() as stack:
        files = {EMPTY: _file(stack, 0, plan)}
        for size in sizes:
            try:
                files[f"{size:,} finished jobs"] = _file(stack, size, plan)
            except Impossible as why:
                yield absent(f"growth.{size}", f"with {size:,} finished jobs", why)
        yield from compared("growth", files, plan, {"the pick-up of one": _picked_up})


def _file(stack: contextlib.ExitStack, size: int, plan: Plan) -> File:
    past = Past(size)
    return File(stack.enter_context(with_past(past)), past, plan.amount(1000, 100))


def compared(key: str, files: Mapping[str, File], plan: Plan, more: Costs) -> Iterator[Figure]:
    """Every cost in every file, divided by that in the first of them."""
    several = Plan(rounds=plan.amount(3, 1) * plan.rounds)
    for file in files.values():
        file.refill()
    for what, cost in COMMANDS.items():
        yield from _ratios(f"{key}.{what}", f"`aqueue {what}`", cost, files, several)
    yield from _ratios(f"{key}.claim", "claim and settle, a job", _worked_off, files, plan)
    for what, cost in more.items():
        yield from _ratios(f"{key}.more", what, cost, files, plan)


def _ratios(
    key: str, what: str, cost: Callable[[File], float], files: Mapping[str, File], plan: Plan
) -> Iterator[Figure]:
    measured = plan.in_turns({name: partial(cost, file) for name, file in files.items()})
    base = measured.pop(next(iter(files)))
    for name, costs in measured.items():
        count = files[name].past.count
        yield median(
            f"{key}.{count}", f"{what}, with {name}, times {EMPTY}", of_pairs(costs, base), TIMES, at_most(1.2)
        )


def _command(*words: str) -> Callable[[File], float]:
    return lambda file: file.queue.timed(*words).seconds


def _show(file: File) -> float:
    newest = file.queue.value("SELECT max(seq) FROM jobs")
    return file.queue.timed("show", str(newest)).seconds


COMMANDS: Costs = {
    "enqueue": _command("enqueue", "true"),
    "status": _command("status"),
    "list": _command("list"),
    "show": _show,
}


def _worked_off(file: File) -> float:
    """Seconds a job, from the first start to the last end."""
    file.refill()
    count = file.queue.number("pending")
    span = file.queue.work_off(SLOTS).span
    file.tidy()
    return span / count


def _picked_up(file: File) -> float:
    """Milliseconds from plain SQL to the job's shell, the median of some."""
    with scratch() as folder, pipe(folder, "says") as says, file.queue.worker(2), file.queue.sql() as connection:
        insert = "INSERT INTO jobs (command) VALUES (?)"
        found = sorted(delay.begun for delay in delays(says, lambda said: connection.execute(insert, (said,)), 15))
    file.tidy()
    return found[len(found) // 2]
