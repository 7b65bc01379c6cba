"""Very many commands at once from stdin, in one durable transaction."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import MIB, SECONDS, Figure, at_most, median
from benchmarks.ours import queue
from benchmarks.plan import Plan
from benchmarks.processes import MEBIBYTE, Ended, scratch


def measure(plan: Plan) -> Iterator[Figure]:
    """100,000 lines to `aqueue enqueue -`, as many of JSON, and the memory that 1,000,000 take."""
    count, many = plan.amount(100_000, 10_000), plan.amount(1_000_000, 50_000)
    with scratch() as folder:
        lines, objects = _lines(folder / "some", count), _objects(folder / "objects", count)
        ended = [(_enqueued(lines), _enqueued(objects)) for _ in range(plan.rounds)]
        large = _enqueued(_lines(folder / "many", many))
    seconds = [one.seconds for one, _ in ended]
    yield median(
        "bulk.seconds", f"{count:,} lines to `aqueue enqueue -`, start-up included", seconds, SECONDS, at_most(1)
    )
    yield median(
        "bulk.json", f"{count:,} lines of JSON, alike but for the command", [one.seconds for _, one in ended], SECONDS
    )
    peak = [large.peak_bytes / MEBIBYTE]
    yield median("bulk.peak", f"{many:,} lines, peak memory", peak, MIB, at_most(100))
    yield median("bulk.many", f"{many:,} lines", [large.seconds], SECONDS)


def _lines(path: Path, count: int) -> Path:
    with path.open("w", encoding="ascii") as lines:
        lines.writelines(f"echo {number}\n" for number in range(count))
    return path


def _objects(path: Path, count: int) -> Path:
    rest = '"queue":"mail","priority":3,"tags":["a"],"max_retries":2'
    with path.open("w", encoding="ascii") as lines:
        lines.writelines(f'{{"command":"echo {number}",{rest}}}\n' for number in range(count))
    return path


def _enqueued(lines: Path) -> Ended:
    with queue() as one:
        return one.timed("enqueue", "-", stdin=lines)
