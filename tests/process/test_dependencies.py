"""Real workers on jobs that wait for others: each runs after what it comes after, also when workers are killed."""

import time
from pathlib import Path
from typing import Any

from faults.harness import Gate, jobs, working

from aqueue.model.newjob import NewJob
from aqueue.queue import Queue


async def enqueue(database: Path, *documents: dict[str, Any]) -> None:
    async with Queue.open(database) as queue:
        await queue.enqueue_many([NewJob.parse(document, time.time()) for document in documents])


async def wait(database: Path, *ids: str) -> None:
    async with Queue.open(database) as queue:
        await queue.wait(*ids)


async def test_a_diamond_runs_from_its_top_to_its_bottom(database: Path, gate: Gate, tmp_path: Path) -> None:
    def says(job_id: str, *after: str, first: str = "true") -> dict[str, Any]:
        return {"id": job_id, "command": f"{first} && echo {job_id} >> {tmp_path}/said", "after": [*after]}

    await enqueue(
        database,
        says("bottom", "left", "right"),
        says("right", "top"),
        says("left", "top", first=gate.pass_),
        says("top"),
    )
    async with working(database, concurrency=4) as worker:
        await worker.hear("Settled", job="right")
        assert (await jobs(database))["bottom"]["state"] == "blocked"
        await gate.open()
        await worker.hear("Settled", job="bottom")
        await worker.stop()
    assert (tmp_path / "said").read_text().split() == ["top", "right", "left", "bottom"]


async def test_a_worker_that_is_killed_in_the_middle_of_a_chain_does_not_let_the_rest_run_early(
    database: Path, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    await enqueue(
        database,
        {"id": "a", "command": f"echo a >> {said}"},
        {
            "id": "b",
            "command": f"test $AQUEUE_RUN = 2 || sleep 4713; echo b >> {said}",
            "after": ["a"],
            "backoff_base": 0.05,
        },
        {"id": "c", "command": f"echo c >> {said}", "after": ["b"]},
        {"id": "d", "command": f"echo d >> {said}", "after_any": ["c"]},
    )
    async with working(database) as dying:
        await dying.hear("Started", job="b")
        await dying.kill()
    async with working(database) as peer:
        assert (await peer.hear("Settled", job="b", run=1))["state"] == "failed"
        await peer.hear("Settled", job="d")
        await peer.stop()
    assert said.read_text().split() == ["a", "b", "c", "d"]
    async with Queue.open(database) as queue:
        runs = {one: await queue.runs(await queue.get(one)) for one in "abcd"}
    assert {one: len(of_one) for one, of_one in runs.items()} == {"a": 1, "b": 2, "c": 1, "d": 1}
    assert (runs["b"][1].finished_at or 0) <= runs["c"][0].started_at


async def test_a_run_that_is_lost_for_good_cancels_what_needed_it_and_frees_what_only_waited(database: Path) -> None:
    await enqueue(
        database,
        {"id": "a", "command": "sleep 4713", "max_retries": 0},
        {"id": "b", "command": "true", "after": ["a"]},
        {"id": "c", "command": "true", "after_any": ["b"]},
    )
    async with working(database) as dying:
        await dying.hear("Started", job="a")
        await dying.kill()
    async with working(database) as peer:
        await peer.hear("Settled", job="c")
        await peer.stop()
    found = await jobs(database)
    assert {one: found[one]["state"] for one in "abc"} == {"a": "dead", "b": "cancelled", "c": "completed"}
    assert found["b"]["error"] == "cancelled: job a, which it waits for, is dead"


async def test_what_is_freed_by_a_cancellation_is_started_at_once_by_a_worker_that_sleeps(
    database: Path, gate: Gate
) -> None:
    await enqueue(
        database,
        {"id": "a", "command": gate.pass_},
        {"id": "b", "command": "true", "after_any": ["a"]},
        {"id": "c", "command": "true", "after_any": ["x"]},
        {"id": "x", "command": "true", "hold": True},
    )
    async with working(database) as worker, Queue.open(database) as queue:
        await worker.hear("Started", job="a")
        await queue.cancel("a")
        await worker.hear("Settled", job="b")
        await queue.cancel("x")
        await worker.hear("Settled", job="c")
        await worker.stop()


async def test_a_burst_on_one_queue_waits_for_what_a_worker_of_another_will_free(database: Path, gate: Gate) -> None:
    await enqueue(
        database,
        {"id": "a", "command": gate.pass_, "queue": "a"},
        {"id": "b", "command": "true", "queue": "b", "after": ["a"]},
        {"id": "c", "command": "true", "queue": "b", "after": ["x"]},
        {"id": "x", "command": "true", "queue": "nobody"},
    )
    async with working(database, queues={"a": None}) as first:
        await first.hear("Started", job="a")
        async with working(database, queues={"b": None}, burst=True) as second:
            await gate.open()
            await second.hear("Settled", job="b")
            assert await second.ended() == (0, "")
        await first.stop()
    assert (await jobs(database))["c"]["state"] == "blocked"


async def test_in_a_graph_nobody_runs_before_its_parents_though_a_worker_is_killed(
    database: Path, tmp_path: Path
) -> None:
    def parents(number: int) -> list[str]:
        return sorted({f"j{number // 2}", f"j{max(0, number - 5)}"} - {f"j{number}"})

    def document(number: int) -> dict[str, Any]:
        there = " && ".join(f"test -e {tmp_path}/{one}" for one in parents(number)) or "true"
        return {
            "id": f"j{number}",
            "command": f"{there} && touch {tmp_path}/j{number} || exit 64",
            "after": parents(number),
            "no_retry_on": [64],
            "backoff_base": 0.05,
            "max_retries": 9,
        }

    everybody = [f"j{number}" for number in range(300)]
    await enqueue(database, *(document(number) for number in reversed(range(300))))
    async with working(database, concurrency=3) as dying, working(database, concurrency=3) as peer:
        await wait(database, "j99")
        await dying.kill()
        await wait(database, *everybody)
        await peer.stop()
    found = await jobs(database)
    assert {found[one]["state"] for one in everybody} == {"completed"}
