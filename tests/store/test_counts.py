"""Counts and events are kept by triggers: whatever is done, they say what the rows say."""

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from aqueue.model import lifecycle
from aqueue.model.ending import Exited, Interrupted, Lost
from aqueue.model.errors import Refused
from aqueue.store import history, reading, sql, stored
from aqueue.store.protocol import Store

from .harness import NOW, Plain, cancel, claim, claimed, enqueue, get, hold, new, opened, plain, retry, settle


async def transitions(store: Store, job_id: str) -> list[tuple[str | None, str, int, int]]:
    seq = (await get(store, job_id)).seq
    events = await store.read(lambda: history.events(0, 1000, seq))
    assert [event.event for event in events] == sorted({event.event for event in events})
    return [(event.was, event.state, event.run, event.attempt) for event in events]


async def test_each_transition_is_one_event_in_the_order_in_which_they_came(store: Store) -> None:
    job = await claimed(store, new(max_retries=1))
    await settle(store, job, Exited(1), now=NOW + 1)
    (job,) = await claim(store, now=NOW + 3)
    await settle(store, job, Interrupted())
    (job,) = await claim(store, now=NOW + 3)
    await settle(store, job, Exited(1))
    await retry(store, job)
    await hold(store, "1")
    assert await transitions(store, "1") == [
        (None, "pending", 0, 0),
        ("pending", "processing", 1, 1),
        ("processing", "failed", 1, 1),
        ("failed", "processing", 2, 2),
        ("processing", "pending", 2, 1),
        ("pending", "processing", 3, 2),
        ("processing", "dead", 3, 2),
        ("dead", "pending", 3, 0),
        ("pending", "scheduled", 3, 0),
    ]


async def test_an_event_of_a_run_names_its_worker_and_its_end(store: Store) -> None:
    await settle(store, await claimed(store, worker="w7"), Exited(3))
    born, begun, ended = await store.read(lambda: history.events(0, 10))
    assert (born.worker, born.ending) == (None, None)
    assert (begun.worker, begun.ending, begun.error) == ("w7", None, None)
    assert (ended.worker, ended.ending, ended.error) == ("w7", "exited", "exit code 3")


async def test_events_are_read_on_from_where_one_was(store: Store) -> None:
    await enqueue(store, new(), new(), new())
    first = await store.read(lambda: history.events(0, 2))
    rest = await store.read(lambda: history.events(first[-1].event, 10))
    assert [event.job for event in [*first, *rest]] == ["1", "2", "3"]
    assert await store.read(history.newest_event) == rest[-1].event


async def test_what_changes_no_state_is_no_event(store: Store) -> None:
    job = await claimed(store)
    before = await store.read(history.newest_event)
    await cancel(store, job)
    await store.write(lambda: stored.set_setting("timeout", "1"))
    assert await store.read(history.newest_event) == before


async def test_counts_are_by_queue_and_state(store: Store) -> None:
    await enqueue(store, new(), new(queue="mail"), new(queue="mail", delay=1), new(queue="mail"))
    assert await store.read(reading.counts) == {"default": {"pending": 1}, "mail": {"pending": 2, "scheduled": 1}}


async def test_a_count_moves_with_the_queue_of_an_edited_job(store: Store, client: Plain) -> None:
    await enqueue(store)
    await store.write(lambda: sql.edit("1", {"queue": "mail"}, lambda _: None, NOW))
    assert await store.read(reading.counts) == {"mail": {"pending": 1}}
    client.do("UPDATE jobs SET queue = 'other', state = 'dead'")
    assert await store.read(reading.counts) == {"other": {"dead": 1}}


Step = Callable[[Store, Plain, str], Awaitable[object]]


async def _remove(store: Store, _: Plain, job_id: str) -> None:
    await store.write(lambda: sql.remove([job_id], lifecycle.check_removable))


async def _settle_all(store: Store, job_id: str, ending: Exited | Interrupted | Lost) -> None:
    job = await get(store, job_id)
    if job.worker is not None and job.state == "processing":
        await settle(store, job, ending)


async def _settle_twice(store: Store, job_id: str) -> None:
    await _settle_all(store, job_id, Exited(0))
    await _settle_all(store, job_id, Exited(1))


async def _cancel(store: Store, job_id: str) -> None:
    await cancel(store, await get(store, job_id))


async def _plainly(statement: str, client: Plain) -> None:
    client.do(statement)


STEPS: dict[str, Step] = {
    "enqueue": lambda store, _, __: enqueue(store, new(), new(queue="mail", delay=5), new(hold=True)),
    "claim": lambda store, _, __: claim(store, 2),
    "claim later": lambda store, _, __: claim(store, 2, now=NOW + 10),
    "complete": lambda store, _, job_id: _settle_twice(store, job_id),
    "fail": lambda store, _, job_id: _settle_all(store, job_id, Exited(1)),
    "interrupt": lambda store, _, job_id: _settle_all(store, job_id, Interrupted()),
    "rescue": lambda store, _, job_id: _settle_all(store, job_id, Lost("w1")),
    "cancel": lambda store, _, job_id: _cancel(store, job_id),
    "hold": lambda store, _, job_id: hold(store, job_id),
    "remove": _remove,
    "insert": lambda _, client, __: _plainly("INSERT INTO jobs (command, run_at) VALUES ('x', 4e9), ('y', 1)", client),
    "delete": lambda _, client, __: _plainly("DELETE FROM jobs WHERE seq % 3 = 0", client),
    "move": lambda _, client, __: _plainly("UPDATE jobs SET queue = 'mail' WHERE seq % 2 = 0", client),
    "finish": lambda _, client, __: _plainly("UPDATE jobs SET state = 'dead', queue = 'x' WHERE seq = 2", client),
}


async def _walk(path: Path, steps: list[tuple[str, int]]) -> None:
    async with opened(path) as store:
        with plain(path) as client:
            for name, job_id in steps:
                with contextlib.suppress(Refused):
                    await STEPS[name](store, client, str(job_id))
                found = client.rows("SELECT queue, state, count(*) FROM jobs GROUP BY 1, 2 ORDER BY 1, 2")
                counted = "SELECT queue, state, n FROM aqueue_counts WHERE n <> 0 ORDER BY 1, 2"
                assert client.rows(counted) == found
                last = "SELECT state FROM aqueue_events WHERE job = seq ORDER BY event DESC LIMIT 1"
                assert client.value(f"SELECT count(*) FROM jobs WHERE state IS NOT ({last})") == 0
                assert client.value("SELECT count(*) FROM aqueue_events WHERE was IS state") == 0
                orphans = "SELECT count(*) FROM {} WHERE job NOT IN (SELECT seq FROM jobs)"
                assert [client.value(orphans.format(table)) for table in ("aqueue_runs", "aqueue_events")] == [0, 0]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(1, 5)), min_size=5, max_size=20))
def test_whatever_is_done_the_counts_and_the_events_say_what_the_rows_say(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_walk(Path(folder, "queue.db"), [("enqueue", 0), *steps]))
