"""The same `true`, eight at a time, by every other tool: what the others cannot do is said with their figures.

Twice: the whole, from the first enqueue to the last start, with a worker that waits; and the working-off alone, of a
line that is there already. What is wanted is asked where like is compared with like: mostly of the working-off, but of
the whole where a peer makes a job's process at the enqueue.
"""

from collections.abc import Callable, Iterator

from benchmarks.figures import RATE, RATIO, TIMES, Figure, Impossible, Wanted, absent, at_least, median, of_pairs
from benchmarks.ours import queue
from benchmarks.parts.throughput import by_xargs, worked_off
from benchmarks.peers import ALL, Peer
from benchmarks.pipes import pipe
from benchmarks.plan import Plan
from benchmarks.processes import scratch

SLOTS = 8
COMMAND = "true"
MANY = 4000
WANTED = {"parallel": 4.0, "huey": 1.5, "tsp": 1.7}
"""How many times as fast as these we should be."""


def measure(plan: Plan) -> Iterator[Figure]:
    """`true`, eight at a time: aqueue beside GNU parallel, task-spooler, nq, huey, HyperQueue and xargs."""
    shares: list[float] = []
    for peer in ALL:
        try:
            version = peer.version()
        except Impossible as why:
            yield absent(f"others.{peer.key}.times", f"as fast as {peer.name}", why)
        else:
            yield from _whole(peer, f"{peer.name} {version}", plan, shares)
            yield from _working_off(peer, f"{peer.name} {version}", plan)
    if shares:
        yield median("others.aqueue.ratio", "aqueue, from enqueue to end, of `xargs`", shares, RATIO)


def _whole(peer: Peer, name: str, plan: Plan, shares: list[float]) -> Iterator[Figure]:
    count = min(plan.amount(MANY, 100), peer.enough)
    rates = plan.in_turns(
        {
            "us": lambda: count / _by_us(count),
            "peer": _rate(peer.whole, count, min(SLOTS, peer.most_slots)),
            "xargs": lambda: count / by_xargs(COMMAND, count, SLOTS),
        }
    )
    if count < peer.enough:
        shares += of_pairs(rates["us"], rates["xargs"])
    key, what = f"others.{peer.key}", f"as fast as {name}, from enqueue to end"
    yield median(f"{key}.times", what, of_pairs(rates["us"], rates["peer"]), TIMES, _wanted(peer, whole=True))
    yield median(f"{key}.ratio", f"{name} ({peer.lacks}), of `xargs`", of_pairs(rates["peer"], rates["xargs"]), RATIO)
    yield median(f"{key}.rate", name, rates["peer"], RATE)


def _working_off(peer: Peer, name: str, plan: Plan) -> Iterator[Figure]:
    count = min(plan.amount(2000, 100), peer.longest, peer.enough)
    rates = plan.in_turns(
        {
            "us": lambda: count / worked_off(COMMAND, count, SLOTS).span,
            "peer": _rate(peer.work_off, count, min(SLOTS, peer.most_slots)),
        }
    )
    times, what = of_pairs(rates["us"], rates["peer"]), f"as fast as {name}, working off a line"
    yield median(f"others.{peer.key}.line", what, times, TIMES, _wanted(peer, whole=False))


def _wanted(peer: Peer, *, whole: bool) -> Wanted | None:
    asked = peer.key in WANTED and peer.starts_early is whole
    return at_least(WANTED[peer.key]) if asked else None


def _by_us(count: int) -> float:
    """Seconds from the start of `aqueue enqueue` to the last start."""
    with queue() as ours, pipe(ours.folder, "ended") as ended, ours.worker(SLOTS):
        begun = ended.now()
        ours.enqueue([*[COMMAND] * count, ended.saying])
        return ended.heard() - begun


def _rate(run: Callable[..., float], count: int, slots: int) -> Callable[[], float]:
    def once() -> float:
        with scratch() as folder:
            return count / run(COMMAND, count, slots, folder)

    return once
