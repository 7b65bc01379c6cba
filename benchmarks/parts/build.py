"""A build: the compile commands of a real C project as jobs, and the link as a job after them.

The commands are those that make would run, by its own word. The project is libtomcrypt as Debian has its source: some
four hundred files that compile in a tenth of a second each, so that a queue's own cost shows. Both sides run the same
commands, as many at a time as there are cores; xargs links when it has ended. For us the worker waits already, as it
does in life, and the time runs from the start of `aqueue enqueue` until the link has ended.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import RATIO, SECONDS, Figure, Impossible, at_most, median, of_pairs
from benchmarks.ours import Queue, cores, queue
from benchmarks.pipes import pipe
from benchmarks.plan import Plan
from benchmarks.processes import scratch, timed
from benchmarks.project import Project, project


def measure(plan: Plan) -> Iterator[Figure]:
    """The compile commands of a C project with a link job after them, against `xargs -P`."""
    built = project(real=not plan.quick)
    with queue() as ours, ours.worker(cores()):
        seconds = plan.in_turns({"us": lambda: _by_us(ours, built), "xargs": lambda: _by_xargs(built)})
    what = f"a build, {len(built.compiles)} files of {built.name} and a link"
    ratios = of_pairs(seconds["us"], seconds["xargs"])
    yield median("build.ratio", f"{what}, time as a ratio to `xargs -P{cores()}`", ratios, RATIO, at_most(1.15))
    yield median("build.seconds", what, seconds["us"], SECONDS)
    yield median("build.xargs", f"{what}, `xargs -P{cores()}`", seconds["xargs"], SECONDS)


def _by_us(ours: Queue, built: Project) -> float:
    built.clean()
    with pipe(ours.folder, "built") as says:
        jobs = list(_jobs(built, says.saying))
        begun = time.perf_counter()
        ours.enqueue(jobs)
        seconds = says.heard() - begun
    _forget(ours)
    return seconds


def _jobs(built: Project, said: str) -> Iterator[dict[str, Any]]:
    ids = [f"compile-{number}" for number, _ in enumerate(built.compiles)]
    for job_id, command in zip(ids, built.compiles, strict=True):
        yield {"id": job_id, "command": command, "cwd": str(built.folder)}
    yield {"id": "link", "command": f"{built.link} && {said}", "cwd": str(built.folder), "after": ids}


def _forget(ours: Queue) -> None:
    """Make the ids free again, once it is sure that nothing had to be done twice."""
    while ours.number("pending", "processing", "blocked"):
        time.sleep(0.01)
    if ours.value("SELECT count(*) FROM aqueue_runs WHERE exit_code <> 0"):
        raise Impossible("a compile failed and was retried")
    with ours.sql() as connection:
        connection.execute("DELETE FROM jobs")


def _by_xargs(built: Project) -> float:
    built.clean()
    with scratch() as folder:
        lines = _written(folder / "lines", built)
        there = ["env", f"--chdir={built.folder}"]
        compiling = [*there, "xargs", f"-P{cores()}", "-d", "\\n", "-I{}", "sh", "-c", "{}"]
        seconds = timed(compiling, stdin=lines, stdout=folder / "printed").seconds
        return seconds + timed([*there, "sh", "-c", built.link], stdout=folder / "linked").seconds


def _written(path: Path, built: Project) -> Path:
    path.write_text("".join(f"{command}\n" for command in built.compiles), encoding="utf-8")
    return path
