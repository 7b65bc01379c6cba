"""The pages of a worker: how soon they are answered beside a million jobs, and what they cost it."""

import time
from collections.abc import Iterator

from benchmarks.figures import (
    MIB,
    MS,
    PER_SECOND,
    RATE,
    RATIO,
    Figure,
    at_least,
    at_most,
    delays,
    median,
    of_pairs,
    one,
)
from benchmarks.finished import Past, fill
from benchmarks.ours import Queue, queue
from benchmarks.pages import OPTIONS, answered, many_opened, opened, port_of
from benchmarks.plan import Plan
from benchmarks.processes import MEBIBYTE, resident, wake_ups

SLOTS = 8
PAGES = 10
QUIET = 1.0
"""Seconds that a worker is given to come to rest."""

ROUTES = {
    "overview": "/api/overview",
    "status": "/api/status",
    "queues": "/api/queues",
    "dead": "/api/dead",
    "list": "/api/jobs",
    "list.end": "/api/jobs?sort=oldest&limit=100",
    "list.updated": "/api/jobs?sort=updated&limit=100",
    "list.dead": "/api/jobs?state=dead&limit=100",
    "list.completed": "/api/jobs?state=completed&limit=100",
    "list.middle": "/api/jobs?limit=100&cursor=n{middle}",
    "list.search": "/api/jobs?search=nowhere",
    "list.tag": "/api/jobs?tag=nowhere",
    "list.queue": "/api/jobs?queue=nowhere",
    "job": "/api/jobs/{middle}",
    "events": "/api/jobs/{middle}/events",
    "output": "/api/jobs/{middle}/output",
    "page": "/",
}
"""What pages ask for."""


def measure(plan: Plan) -> Iterator[Figure]:
    """Every page beside 1,000,000 jobs, what is new on an open page, and a worker's throughput with ten open pages."""
    count = plan.amount(1_000_000, 20_000)
    with queue() as ours:
        fill(ours, Past(count))
        fill(ours, Past(count // 20, "dead"))
        with ours.worker(SLOTS, *OPTIONS) as worker:
            yield from _routes(plan, ours, count)
            yield from _shown(plan, ours)
            yield from _at_rest(plan, ours, worker)
    yield from _throughput(plan)


def _routes(plan: Plan, ours: Queue, count: int) -> Iterator[Figure]:
    port = port_of(ours)
    for key, path in ROUTES.items():
        where = path.format(middle=count // 2)
        took = [answered(port, where) for _ in range(plan.amount(20, 3))]
        yield median(f"web.{key}", f"`{where}` beside {count:,} jobs", took, MS, at_most(100))


def _shown(plan: Plan, ours: Queue) -> Iterator[Figure]:
    """From the call of `aqueue enqueue` until an open page has heard of the job."""
    took = []
    with opened(port_of(ours)) as page:
        for _ in range(plan.amount(10, 3) * plan.rounds):
            begun = time.perf_counter()
            job = ours.call("enqueue", "true").strip()
            while job not in {told["id"] for told in page.hears()["jobs"]}:
                pass
            took.append(1000 * (time.perf_counter() - begun))
            time.sleep(0.2)
    yield from delays("web.shown", "from the start of `aqueue enqueue` to an open page", took, p99=at_most(200))


def _at_rest(plan: Plan, ours: Queue, worker: int) -> Iterator[Figure]:
    seconds = plan.amount(20, 2)
    with opened(port_of(ours)):
        time.sleep(QUIET)
        before = wake_ups(worker)
        time.sleep(seconds)
        woken = (wake_ups(worker) - before) / seconds
    what = "a waiting worker with an open page"
    yield one("web.wake_ups", f"wake-ups of {what}", woken, PER_SECOND, at_most(0), note=f"in {seconds} s")
    yield one("web.memory", f"memory of {what}", resident(worker) / MEBIBYTE, MIB, at_most(60))


def _throughput(plan: Plan) -> Iterator[Figure]:
    count = plan.amount(3000, 300)
    rates = plan.in_turns({"without": lambda: _rate(count, 0), "with": lambda: _rate(count, PAGES)})
    what = f"`true`, {SLOTS} at a time, with {PAGES} open pages"
    yield median(
        "web.throughput", f"{what}, of without", of_pairs(rates["with"], rates["without"]), RATIO, at_least(0.9)
    )
    yield median("web.rate", what, rates["with"], RATE)


def _rate(count: int, pages: int) -> float:
    """Jobs a second of a worker that serves so many open pages."""
    with queue() as ours, ours.worker(SLOTS, *OPTIONS), many_opened(port_of(ours), pages):
        ours.enqueue(["true"] * count)
        while ours.number("completed") < count:
            time.sleep(0.05)
        started, ended = (
            ours.value(f"SELECT {which} FROM aqueue_runs") for which in ("min(started_at)", "max(finished_at)")
        )
        return count / float(ended - started)
