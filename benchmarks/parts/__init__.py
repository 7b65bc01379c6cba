"""The parts of the benchmark, each a module with a `measure` that yields figures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.figures import Figure
from benchmarks.parts import (
    build,
    bulk,
    crowd,
    flood,
    following,
    growth,
    idle,
    memory,
    mix,
    others,
    pickup,
    retries,
    selection,
    server,
    startup,
    throughput,
    web,
)
from benchmarks.plan import Plan


@dataclass(frozen=True, slots=True)
class Part:
    """How to measure it, and how many seconds that may take."""

    measure: Callable[[Plan], Iterator[Figure]]
    limit: float = 600.0

    @property
    def meaning(self) -> str:
        """What it measures, in a line."""
        return (self.measure.__doc__ or "").partition("\n")[0]


PARTS = {
    "throughput": Part(throughput.measure, 900),
    "others": Part(others.measure, 1200),
    "pickup": Part(pickup.measure),
    "retries": Part(retries.measure),
    "startup": Part(startup.measure),
    "bulk": Part(bulk.measure),
    "idle": Part(idle.measure),
    "memory": Part(memory.measure),
    "growth": Part(growth.measure, 2400),  # of which some minutes make the large files, once
    "mix": Part(mix.measure, 900),
    "following": Part(following.measure),
    "flood": Part(flood.measure),
    "crowd": Part(crowd.measure),
    "selection": Part(selection.measure),
    "build": Part(build.measure, 900),
    "web": Part(web.measure, 1200),
    "server": Part(server.measure, 900),
}
