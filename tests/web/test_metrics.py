"""What Prometheus reads: parsed as it would, from a real queue, with and without a worker."""

import asyncio
import contextlib
import itertools
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from aqueue import Queue
from aqueue.engine.node import Node, Options
from aqueue.engine.tally import Tally
from aqueue.model.errors import StoreUnavailable
from aqueue.model.newjob import NewJob
from aqueue.store import open_store
from aqueue.web import metrics

from .harness import BEARER, Served

PATIENCE = 30.0
"""Seconds until a test gives up on what it waits for."""

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8,text/plain;version=0.0.4;q=0.5"


class Idle:
    """A worker that has done nothing."""

    id = "w1"
    concurrency = 4
    running = 0

    def __init__(self) -> None:
        self.tally = Tally()


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[Queue]:
    async with Queue.open(tmp_path / "queue.db") as opened:
        yield opened


async def scraped(queue: Queue, engine: metrics.Engine | None = None) -> dict[str, list[Sample]]:
    """The samples by their names, read from the plain format; the other one must be readable, and say the same."""
    text, content_type = await metrics.exposition(queue, engine, time.time())
    assert content_type.startswith("text/plain; version=")
    families = list(text_string_to_metric_families(text.decode()))
    assert all(family.documentation for family in families)
    samples = [sample for family in families for sample in family.samples]
    other, content_type = await metrics.exposition(queue, engine, time.time(), OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    parsed = openmetrics_parser.text_string_to_metric_families(other.decode())
    assert {sample.name for family in parsed for sample in family.samples} == {sample.name for sample in samples}
    samples.sort(key=lambda sample: sample.name)
    return {name: list(group) for name, group in itertools.groupby(samples, lambda sample: sample.name)}


def value(samples: dict[str, list[Sample]], name: str, **labels: str) -> float:
    (found,) = [sample for sample in samples[name] if sample.labels.items() >= labels.items()]
    return found.value


async def test_jobs_are_told_by_queue_and_state_also_where_there_are_none(queue: Queue) -> None:
    await queue.enqueue("true")
    await queue.enqueue("true", queue="mail", hold=True)
    await queue.pause_queue("mail")
    samples = await scraped(queue)
    assert len(samples["aqueue_jobs"]) == 16
    assert value(samples, "aqueue_jobs", queue="default", state="pending") == 1
    assert value(samples, "aqueue_jobs", queue="mail", state="scheduled") == 1
    assert value(samples, "aqueue_jobs", queue="mail", state="dead") == 0
    assert value(samples, "aqueue_queue_paused", queue="mail") == 1
    assert value(samples, "aqueue_queues") == 2
    assert time.time() - PATIENCE < value(samples, "aqueue_oldest_due_timestamp_seconds") <= time.time()
    assert value(samples, "aqueue_file_size_bytes", file="database") > 0


async def test_without_a_worker_there_is_what_the_store_tells_and_the_process(queue: Queue) -> None:
    samples = await scraped(queue)
    assert not {name for name in samples if name.startswith(("aqueue_run", "aqueue_slots", "aqueue_doorbell"))}
    assert value(samples, "aqueue_store_up") == 1
    assert value(samples, "aqueue_workers") == 0
    assert value(samples, "aqueue_build_info") == 1
    assert value(samples, "process_resident_memory_bytes") > 0
    assert {"process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds"} <= samples.keys()


async def test_a_thousand_queues_do_not_blow_it_up_and_nothing_is_left_out_of_the_sums(queue: Queue) -> None:
    jobs = [NewJob.parse({"command": "true", "queue": f"q{number:04}"}, time.time()) for number in range(1000)]
    await queue.enqueue_many(jobs)
    await queue.limit_queue("q0999", 1)
    samples = await scraped(queue)
    names = {sample.labels["queue"] for sample in samples["aqueue_jobs"]}
    assert len(names) == metrics.NAMED + 1
    assert {"q0000", "q0999", metrics.OTHERS} <= names, "what has a limit has a name, too"
    assert sum(sample.value for sample in samples["aqueue_jobs"]) == 1000
    assert value(samples, "aqueue_jobs", queue=metrics.OTHERS, state="pending") == 1000 - metrics.NAMED
    assert value(samples, "aqueue_queues") == 1000
    assert sum(map(len, samples.values())) < 1000


async def test_a_worker_that_has_done_nothing_shows_its_counters_at_zero(queue: Queue) -> None:
    samples = await scraped(queue, Idle())
    assert {sample.value for sample in samples["aqueue_runs_total"]} == {0}
    assert value(samples, "aqueue_run_duration_seconds_count") == 0
    assert value(samples, "aqueue_slots") == 4
    for name in ("claims", "empty_claims", "doorbell_rings", "doorbell_misses", "rescues", "rescued_jobs"):
        assert value(samples, f"aqueue_{name}_total") == 0


async def test_a_worker_tells_its_runs_their_durations_and_waits_and_what_the_store_took(queue: Queue) -> None:
    for command in ("true", "true", "exit 3"):
        await queue.enqueue(command, max_retries=0)
    store = await open_store(queue.url, worker=True)
    try:
        node = Node(store, Options(concurrency=2, burst=True), lambda event: node.tally.hear(event))
        await asyncio.wait_for(node.run(), PATIENCE)
        samples = await scraped(queue, node)
    finally:
        await store.close()
    assert value(samples, "aqueue_runs_total", ending="exited", state="completed") == 2
    assert value(samples, "aqueue_runs_total", ending="exited", state="dead") == 1
    for name in ("aqueue_run_duration_seconds", "aqueue_run_wait_seconds"):
        assert value(samples, f"{name}_count") == value(samples, f"{name}_bucket", le="+Inf") == 3
        assert value(samples, f"{name}_sum") > 0
    assert value(samples, "aqueue_commit_batch_size_sum") == 6
    assert value(samples, "aqueue_commit_duration_seconds_count") > 0
    assert (value(samples, "aqueue_slots"), value(samples, "aqueue_slots_busy")) == (2, 0)


async def test_where_the_store_does_not_serve_the_process_still_tells_of_itself(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(queue, "queues", fail)
    samples = await scraped(queue, Idle())
    assert value(samples, "aqueue_store_up") == 0
    assert "aqueue_jobs" not in samples
    assert value(samples, "aqueue_slots") == 4


async def test_the_route_wants_the_token_and_answers_in_the_format_that_is_asked_for(closed: Served) -> None:
    anonymous = await closed.client.get("/metrics", headers={"Authorization": ""})
    assert anonymous.status_code == 401
    for accept, kind in ((OPENMETRICS, "application/openmetrics-text"), ("*/*", "text/plain")):
        answer = await closed.client.get("/metrics", headers={**BEARER, "Accept": accept})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(f"{kind}; version=")
        assert "aqueue_store_up 1.0" in answer.text


def test_a_real_worker_serves_what_it_has_counted_and_a_dashboard_what_the_store_tells(tmp_path: Path) -> None:
    database = str(tmp_path / "queue.db")
    for words in (["worker", "--concurrency=2", "--log-format=json", "--http=127.0.0.1:0"], ["dashboard", "--port=0"]):
        with told(database, *words) as (process, address):
            if words[0] == "worker":
                aqueue(database, "enqueue", "--wait", "true")
            text = httpx.get(f"{address}/metrics").text
            assert ('aqueue_runs_total{ending="exited",state="completed"} 1.0' in text) == (words[0] == "worker")
            assert 'aqueue_jobs{queue="default",state="completed"} 1.0' in text
            process.terminate()


def aqueue(database: str, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "aqueue", "--db", database, *words], check=True, timeout=PATIENCE)


@contextlib.contextmanager
def told(database: str, *words: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A command that serves, and the address that its first line has."""
    command = [sys.executable, "-m", "aqueue", "--db", database, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://[0-9.:]+", process.stdout.readline())
            assert found
            yield process, found[0]
        finally:
            process.terminate()


async def test_names_follow_the_conventions(queue: Queue) -> None:
    """https://prometheus.io/docs/practices/naming/: what promtool checks, as far as it is about names."""
    text, _ = await metrics.exposition(queue, Idle(), time.time())
    for family in text_string_to_metric_families(text.decode()):
        assert family.name.startswith(("aqueue_", "process_"))
        assert (family.type == "counter") == any(sample.name.endswith("_total") for sample in family.samples)
        assert not family.name.endswith(("_milliseconds", "_count", "_sum", "_bucket"))
