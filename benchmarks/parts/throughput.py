"""How many jobs a second, against `xargs -P`, which remembers nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.figures import RATE, RATIO, Figure, Wanted, at_least, median, of_pairs
from benchmarks.ours import WorkedOff, queue
from benchmarks.plan import Plan
from benchmarks.processes import scratch, timed


@dataclass(frozen=True, slots=True)
class Case:
    """A command, how often, and how many at a time."""

    key: str
    what: str
    command: str
    slots: int
    wanted: Wanted | None = None


CASES = (
    Case("true.1", "`true`", "true", 1),
    Case("true.2", "`true`", "true", 2, at_least(0.68)),
    Case("true.8", "`true`", "true", 8, at_least(0.75)),
    Case("true.32", "`true`", "true", 32),
    Case("sleep.32", "`sleep 0.01`", "sleep 0.01", 32, at_least(0.95)),
    Case("output.8", "1 KB of output", "printf %01024d 0", 8),
)


def measure(plan: Plan) -> Iterator[Figure]:
    """Jobs a second with 1, 2, 8 and 32 slots, as a ratio to `xargs -P`."""
    for case in CASES:
        yield from _case(plan, case, plan.amount(2000, 300))


def _case(plan: Plan, case: Case, count: int) -> Iterator[Figure]:
    ours: list[WorkedOff] = []

    def us() -> float:
        ours.append(worked_off(case.command, count, case.slots))
        return ours[-1].span

    measured = plan.in_turns({"us": us, "xargs": lambda: by_xargs(case.command, count, case.slots)})
    key, what = f"throughput.{case.key}", f"{case.what}, {case.slots} at a time"
    theirs = measured["xargs"]
    yield median(
        f"{key}.ratio", f"{what}, of `xargs -P{case.slots}`", of_pairs(theirs, measured["us"]), RATIO, case.wanted
    )
    whole = of_pairs(theirs, [one.whole for one in ours])
    yield median(f"{key}.whole", f"{what}, of `xargs`, with the worker's start and end", whole, RATIO)
    yield median(f"{key}.rate", f"{what}", [count / span for span in measured["us"]], RATE)
    yield median(f"{key}.xargs", f"{what}, `xargs`", [count / span for span in theirs], RATE)


def worked_off(command: str, count: int, slots: int) -> WorkedOff:
    """So many jobs in a new queue, worked off by us."""
    with queue() as one:
        one.enqueue([command] * count)
        return one.work_off(slots)


def by_xargs(command: str, count: int, slots: int) -> float:
    """The same by xargs, in seconds. Its jobs print to a file."""
    with scratch() as folder:
        lines, printed = folder / "lines", folder / "printed"
        lines.write_text("x\n" * count, encoding="ascii")
        return timed(["xargs", f"-P{slots}", "-I{}", "sh", "-c", command], stdin=lines, stdout=printed).seconds
