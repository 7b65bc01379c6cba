"""Workers on several machines: killed, cut off and stopped, and a server that crashes."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest
from server import own_server, server
from store.harness import plain

from aqueue.queue import Queue
from aqueue.store.postgres import bell

from .harness import Gate, Worker, enqueue, working
from .hosts import hosts
from .proxy import proxied

LEASE = 4.0
MARK = "4712.1"


@pytest.fixture
def schema() -> str:
    return server().schema()


@pytest.fixture
def url(schema: str) -> str:
    return server().url(schema=schema, lease=str(LEASE))


def elsewhere(folder: Path) -> dict[str, object]:
    """What makes a worker one of another machine: it does not see the signs of life of this one."""
    folder.mkdir()
    return {"store.postgres.nearby.COMMON": str(folder)}


async def test_on_one_machine_a_killed_worker_is_noticed_at_once(url: str) -> None:
    long = url.replace(f"lease={LEASE}", "lease=3000")
    async with working(long) as dying, working(long) as peer:
        (job,) = await enqueue(long, f"test $AQUEUE_RUN = 2 || sleep {MARK}", backoff_base=0.05)
        hearing = [asyncio.ensure_future(one.hear("Started", job=job)) for one in (dying, peer)]
        done, left = await asyncio.wait(hearing, return_when=asyncio.FIRST_COMPLETED)
        for one in left:
            one.cancel()
        first, second = (dying, peer) if hearing[0] in done else (peer, dying)
        await first.kill()
        assert (await second.hear("Settled", job=job))["state"] == "failed"
        settled = await second.hear("Settled", job=job, run=2)
        assert (settled["state"], settled["attempts"]) == ("completed", 2)
        await second.stop()


async def test_the_jobs_of_a_machine_that_is_gone_are_taken_over_when_its_lease_has_passed(
    url: str, tmp_path: Path
) -> None:
    async with working(url, set=elsewhere(tmp_path / "a")) as dying:
        (job,) = await enqueue(url, f"test $AQUEUE_RUN = 2 || sleep {MARK}", backoff_base=0.05)
        await dying.hear("Started", job=job)
        async with working(url, set=elsewhere(tmp_path / "b")) as peer:
            await dying.kill()
            assert (await peer.hear("Settled", job=job))["state"] == "failed"
            assert (await peer.hear("Settled", job=job, run=2))["state"] == "completed"
            await peer.stop()


async def test_who_is_cut_off_ends_its_jobs_before_others_start_them_and_writes_nothing_more_of_them(
    schema: str, url: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    command = (
        f"echo start >>{log}; trap 'echo end >>{log}; exit' TERM; while sleep 0.02; do test -e {log}.go && exit; done"
    )
    async with proxied(server().port) as network:
        far = server().url_over_tcp(port=network.port, schema=schema, lease=str(LEASE))
        async with working(far, set=elsewhere(tmp_path / "far")) as cut:
            (job,) = await enqueue(url, command, backoff_base=0.05)
            await cut.hear("Started", job=job)
            async with working(url, set=elsewhere(tmp_path / "near")) as peer:
                network.cut()
                await cut.hear("Trouble")
                await peer.hear("Started", job=job)
                network.heal()
                code, err = await cut.ended()
                assert (code, err.startswith("Error: ")) == (1, True)
                Path(f"{log}.go").touch()
                settled = await peer.hear("Settled", job=job, run=2)
                assert settled["state"] == "completed"
                assert log.read_text().split() == ["start", "end", "start"]
                await peer.stop()


async def test_who_is_cut_off_while_nobody_else_works_puts_its_jobs_back_uncounted(
    schema: str, url: str, tmp_path: Path, gate: Gate
) -> None:
    async with proxied(server().port) as network:
        far = server().url_over_tcp(port=network.port, schema=schema, lease=str(LEASE))
        async with working(far, set=elsewhere(tmp_path / "far")) as cut:
            (job,) = await enqueue(url, gate.pass_)
            await cut.hear("Started", job=job)
            network.cut()
            await cut.hear("Interrupting")
            network.heal()
            assert (await cut.hear("Settled", job=job))["state"] == "pending"
            await cut.ended()
        async with Queue.open(url) as queue:
            assert (await queue.get(job)).attempts == 0


async def test_who_waits_hears_again_when_the_connection_was_gone_without_a_word(
    schema: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bell, "PROBE_EVERY", 0.05)
    monkeypatch.setattr(bell, "ECHO_WITHIN", 0.2)
    async with proxied(server().port) as network:
        far = server().url_over_tcp(port=network.port, schema=schema)
        (job,) = await enqueue(far, "true")
        async with Queue.open(far) as queue:
            waiting = asyncio.ensure_future(queue.wait(job))
            await asyncio.sleep(0.2)
            network.cut()
            async with working(url) as worker:
                await worker.hear("Settled", job=job)
                await worker.stop()
            await asyncio.sleep(0.5)
            network.heal()
            (done,) = await asyncio.wait_for(waiting, 10)
            assert done.state == "completed"


async def test_an_idle_worker_sends_its_heartbeat_and_nothing_else(schema: str, url: str) -> None:
    looks = (
        "SELECT application_name, max(query_start) FROM pg_stat_activity WHERE application_name LIKE 'aqueue %'"
        " AND query LIKE ? GROUP BY 1"
    )
    async with working(url) as worker:
        (job,) = await enqueue(url, "true")
        await worker.hear("Settled", job=job)
        with plain(url) as client:

            def seen() -> dict[str, object]:
                return dict(client.rows(looks, "%"))

            for _ in range(4):  # what the end of the job has stirred takes two heartbeats to be over
                before = seen()
                await asyncio.sleep(LEASE / 3)
                after = seen()
                busy = {name for name in after if after[name] != before.get(name)}
                if busy == {"aqueue listener"}:
                    break
        assert busy == {"aqueue listener"}
        await worker.stop()


async def test_a_network_that_is_silent_for_a_moment_costs_nothing(schema: str, tmp_path: Path) -> None:
    async with proxied(server().port) as network:
        far = server().url_over_tcp(port=network.port, schema=schema, lease="30")
        async with working(far, set=elsewhere(tmp_path / "far")) as worker:
            ids = await enqueue(far, *["sleep 0.1"] * 5)
            await worker.hear("Started")
            network.cut()
            await asyncio.sleep(0.5)
            network.heal()
            async with Queue.open(far) as queue:
                done = await queue.wait(*ids)
            assert {(job.state, job.attempts) for job in done} == {("completed", 1)}
            await worker.stop()


async def test_who_was_stopped_for_too_long_loses_its_jobs_and_its_processes(url: str, gate: Gate) -> None:
    async with working(url) as sleeping:
        (job,) = await enqueue(url, f"test $AQUEUE_RUN = 2 || sleep {MARK}", backoff_base=0.05)
        await sleeping.hear("Started", job=job)
        async with working(url) as peer:
            os.kill(sleeping.pid, signal.SIGSTOP)
            assert (await peer.hear("Settled", job=job))["state"] == "failed"
            assert (await peer.hear("Settled", job=job, run=2))["state"] == "completed"
            os.kill(sleeping.pid, signal.SIGCONT)
            await sleeping.ended()
            await peer.stop()
        async with Queue.open(url) as queue:
            assert [run.ending for run in await queue.runs(await queue.get(job))] == ["lost", "exited"]


async def test_a_server_that_crashes_in_the_middle_loses_nothing_and_runs_nothing_twice(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with own_server() as crashing:
        url = crashing.url(schema="q")
        async with working(url, concurrency=4) as one, working(url, concurrency=4) as two:
            command = f"echo + $AQUEUE_JOB_ID >>{log}; sleep 0.05; echo - $AQUEUE_JOB_ID >>{log}"
            ids = await enqueue(url, *[command] * 100)
            for _ in range(3):
                await one.hear("Settled")
                await asyncio.to_thread(crashing.restart)
            async with Queue.open(url) as queue:
                done = await queue.wait(*ids)
            await one.stop()
            await two.stop()
        _check_whole(log, ids)
        assert {(job.state, job.attempts) for job in done} == {("completed", 1)}


def _check_whole(log: Path, ids: list[str]) -> None:
    """Each job has run once, from its beginning to its end."""
    lines = log.read_text().splitlines()
    assert sorted(lines) == sorted([f"{sign} {job}" for job in ids for sign in "+-"])


@pytest.mark.long
async def test_of_four_hosts_one_is_cut_off_and_the_others_take_over_its_jobs(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = f"echo start $AQUEUE_RUN >>{log}; test $AQUEUE_RUN = 2 || sleep {MARK}"
    with hosts(4) as machines, own_server({"listen_addresses": "*"}) as far:
        async with contextlib.AsyncExitStack() as stack:
            crew: list[Worker] = []
            for machine in machines:
                address = f"postgresql://aqueue@{machine.here}:{far.port}/postgres?schema=q&lease={LEASE}"
                own = elsewhere(tmp_path / machine.name)
                crew.append(await stack.enter_async_context(working(address, inside=machine.inside, set=own)))
            here = far.url(schema="q", lease=str(LEASE))
            (job,) = await enqueue(here, command, backoff_base=0.05)
            hearing = [asyncio.ensure_future(worker.hear("Started", job=job)) for worker in crew]
            done, _ = await asyncio.wait(hearing, return_when=asyncio.FIRST_COMPLETED)
            number = next(number for number, one in enumerate(hearing) if one in done)
            for one in hearing:
                one.cancel()
            machines[number].pull_out()
            async with Queue.open(here) as queue:
                (settled,) = await queue.wait(job)
                assert (settled.state, settled.run, settled.attempts) == ("completed", 2, 2)
                machines[number].plug_in()
                await crew[number].ended()
                runs = await queue.runs(await queue.get(job))
                assert [run.ending for run in runs] == ["lost", "exited"]
                assert (await queue.get(job)).attempts == 2
            assert crew[number].told[-1]["event"] in {"Disowned", "Interrupting", "TroubleOver"}
            for worker in [*crew[:number], *crew[number + 1 :]]:
                await worker.stop()
    assert log.read_text().split("\n") == ["start 1", "start 2", ""]
