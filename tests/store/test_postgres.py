"""What only a server brings with it: transactions beside one another, and a clock that is not ours."""

import asyncio
import re
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from server import server

from aqueue.model.errors import Cycle, InvalidInput, NewerSchema, NotAQueue, StoreUnavailable
from aqueue.model.job import State
from aqueue.model.rate import Bucket, Rate
from aqueue.model.selection import Filter
from aqueue.store import driving, history, line, open_store, queues, reading, roster
from aqueue.store.moving import move
from aqueue.store.peek import peek
from aqueue.store.postgres import bell, link
from aqueue.store.postgres.address import Address
from aqueue.store.postgres.driving import STATEMENTS, Proof, holdable, prepared
from aqueue.store.postgres.explaining import explanation
from aqueue.store.postgres.lease import Terms
from aqueue.store.postgres.link import LONGEST_WAIT, Link, Reached
from aqueue.store.postgres.store import PostgresStore
from aqueue.store.protocol import Store
from aqueue.store.statement import Statement, Verb

from .harness import ENOUGH, NOW, Plain, cancel_all, claim, edit, enqueue, get, new, opened, plain, remove, settle


@pytest.fixture
def url() -> str:
    return server().url(schema=server().schema())


@pytest.fixture
def database(url: str) -> str:
    return url


def test_both_databases_know_the_same_statements_with_the_same_parameters() -> None:
    assert STATEMENTS.keys() == driving.STATEMENTS.keys()
    for name, text in driving.STATEMENTS.items():
        known = set(re.findall(r"(?<![:\w']):([a-z_]+)", re.sub(r"--.*", "", text)))
        assert set(prepared(name).names) == known or not prepared(name).text, name


async def test_both_databases_have_the_same_columns(client: Plain, tmp_path: Path) -> None:
    async with opened(tmp_path / "queue.db"):
        with plain(tmp_path / "queue.db") as file:
            tables = [name for (name,) in file.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            theirs = {(table, row[1]) for table in tables for row in file.rows(f"PRAGMA table_xinfo({table})")}
    ours = set(
        client.rows(
            "SELECT table_name::text, column_name::text FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name <> 'aqueue_meta'"
            " AND table_name NOT LIKE '%changes' AND table_name NOT LIKE '%parts'"
        )
    )
    assert ours - theirs == {("jobs", "awaited"), ("aqueue_workers", "lease_until")}
    assert {one for one in theirs - ours if not one[0].startswith("sqlite_")} == set()


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ("a\0b", "a\ufffdb"),
        ('{"error": "a\\u0000b"}', '{"error": "a\\ufffdb"}'),
        ('["\\udce4"]', '["\\ufffd"]'),
        ('["\\\\u0000"]', '["\\\\u0000"]'),
        ('["\\ud83d\\ude00"]', '["\\ud83d\\ude00"]'),
        (b"\0", b"\0"),
        (None, None),
    ],
)
def test_what_the_server_cannot_hold_is_replaced(given: object, held: object) -> None:
    assert holdable(given) == held


def test_an_address_is_shown_without_its_password() -> None:
    address = Address.parse("postgresql://me:secret@host:5433/db?schema=mine&lease=20&sslmode=require")
    assert address == Address(
        dsn="postgresql://me:secret@host:5433/db?sslmode=require",
        schema="mine",
        lease=20.0,
        title="postgresql://me@host:5433/db?schema=mine&lease=20&sslmode=require",
    )


def test_an_address_without_a_host_is_shown_as_it_is_written() -> None:
    address = Address.parse("postgresql:///db?host=/run/postgresql")
    assert address.title == address.dsn == "postgresql:///db?host=/run/postgresql"


@pytest.mark.parametrize(
    "address",
    ["me:se#cret@host/db", "me:se/cret@host/db", "me:5/cret@host/db", "me:se?cret@host/db", "me@host:cret/db"],
)
def test_an_address_that_was_cut_in_its_password_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(InvalidInput, match="%2F") as caught:
        Address.parse(f"postgresql://{address}")
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize("hosts", ["one,two:5433", "[::1]:5432", "%2Frun%2Fpostgresql", ""])
def test_hosts_of_every_kind_are_taken(hosts: str) -> None:
    assert Address.parse(f"postgresql://me:p@{hosts}/db").dsn == f"postgresql://me:p@{hosts}/db"


@pytest.mark.parametrize("words", ["schema=Mine", "schema=pg_x", "schema=", "lease=1", "lease=soon"])
def test_an_address_that_makes_no_sense_is_refused(words: str) -> None:
    with pytest.raises(InvalidInput):
        Address.parse(f"postgresql://host/db?{words}")


async def test_where_no_server_is_that_is_said_without_the_password() -> None:
    with pytest.raises(StoreUnavailable, match=r"^cannot reach postgresql://me@127\.0\.0\.1:1/db: ") as caught:
        await open_store("postgresql://me:secret@127.0.0.1:1/db")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (OSError(111, "Connect call failed ('10.0.0.1', 5432)"), "10.0.0.1: Connection refused"),
        (
            OSError(
                "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0), [Errno 113] Connect call"
                " failed ('10.0.0.1', 1)"
            ),
            "Multiple exceptions: ::1: Connection refused, 10.0.0.1: No route to host",
        ),
        (TimeoutError(), "it does not answer"),
    ],
)
def test_why_a_server_cannot_be_reached_is_said_in_the_words_of_the_system(raised: Exception, told: str) -> None:
    assert str(explanation(raised, "it")) == f"cannot reach it: {told}"


async def test_only_a_host_that_takes_writes_is_used_where_the_address_says_so() -> None:
    url = server().url_over_tcp(schema=server().schema(), target_session_attrs="read-write")
    async with opened(url.replace("127.0.0.1", "127.0.0.1:1,127.0.0.1")) as store:
        assert await enqueue(store) == ["1"]
        assert await store.read(reading.counts) == {"default": {State.PENDING: 1}}
        assert peek(store.url, reading.counts) == {"default": {State.PENDING: 1}}
    with pytest.raises(StoreUnavailable, match="target_session_attrs"):
        await open_store(url.replace("read-write", "standby"))


async def waited_for(reached: Reached, count: int) -> None:
    """Let the loop go on until so many wait for one that reaches the server."""
    while len(reached._news._waiters) < count:  # noqa: ASYNC110 - turns of the loop are what is waited for
        await asyncio.sleep(0)


async def test_when_one_connection_has_reached_the_server_the_others_try_at_once() -> None:
    address, reached = Address.parse(server().url()), Reached()
    nowhere = Link(Address.parse("postgresql://me@127.0.0.1:1/db"), reached)
    waiting, other = Link(address, reached), Link(address, reached)
    for one in (nowhere, waiting):
        one._failures = 1000
        one.longest_wait = 2 * ENOUGH
    trying = [asyncio.ensure_future(one.get()) for one in (waiting, nowhere)]
    await waited_for(reached, 2)
    assert not any(one.done() for one in trying)
    try:
        await other.get()
        assert await asyncio.wait_for(trying[0], ENOUGH)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.wait_for(trying[1], ENOUGH)
        nowhere._tried_after = reached.times
        again = asyncio.ensure_future(nowhere.get())
        await waited_for(reached, 1)
        assert not again.done(), "only what was reached since its last try counts"
        again.cancel()
    finally:
        for one in (nowhere, waiting, other):
            await one.close()


@pytest.mark.parametrize("lease", [3.0, 10.0, 60.0, 3600.0])
def test_a_server_that_is_back_before_the_margin_is_found_in_time(lease: float) -> None:
    terms = Terms(lease)
    assert terms.longest_wait <= min(LONGEST_WAIT, (lease - terms.margin) / 3)


async def test_a_foreign_table_and_a_newer_schema_are_refused(store: Store, client: Plain) -> None:
    client.do("INSERT INTO aqueue_schema VALUES (99)")
    with pytest.raises(NewerSchema, match="update aqueue"):
        await open_store(store.url)
    foreign = server().schema()
    client.do(f"CREATE SCHEMA {foreign}")
    client.do(f"CREATE TABLE {foreign}.jobs (id int)")
    with pytest.raises(NotAQueue, match="has a table"):
        await open_store(server().url(schema=foreign))


async def test_a_pool_that_keeps_the_settings_of_a_session_to_itself_is_refused(
    url: str, client: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise asyncpg.ProtocolViolationError("unsupported startup parameter: aqueue.quiet")

    with monkeypatch.context() as pgbouncer:
        pgbouncer.setattr(asyncpg, "connect", refuse)
        with pytest.raises(StoreUnavailable, match="address of the server itself"):
            await open_store(url)
    monkeypatch.setattr(link, "SETTINGS", {"application_name": "aqueue"})
    with pytest.raises(StoreUnavailable, match="address of the server itself"):
        await open_store(url)
    assert not client.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")


async def test_a_role_that_was_granted_the_tables_can_do_all_but_what_is_the_owners(
    store: Store, client: Plain, tmp_path: Path
) -> None:
    schema = Address.parse(store.url).schema
    role = f"role_of_{server().schema()}"
    client.do(f"CREATE ROLE {role} LOGIN")
    client.do(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    client.do(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}")
    address = store.url.replace("//aqueue@", f"//{role}@")
    with plain(address) as app:
        app.do("INSERT INTO jobs (command) VALUES ('true')")
    async with opened(address, worker=True) as granted:
        (job,) = await claim(granted)
        assert await settle(granted, job)
        await remove(granted, job.id)
        with pytest.raises(StoreUnavailable, match="permission denied"):
            await granted.backup(tmp_path / "backup.db")


async def test_the_owner_of_a_schema_needs_no_other_right(store: Store, client: Plain, tmp_path: Path) -> None:
    mine, role = server().schema(), f"role_of_{server().schema()}"
    client.do(f"CREATE ROLE {role} LOGIN")
    client.do(f"CREATE SCHEMA {mine} AUTHORIZATION {role}")
    address = server().url(schema=mine).replace("//aqueue@", f"//{role}@")
    await enqueue(store)
    await move(store.url, address)
    async with opened(address, worker=True) as own:
        assert [job.id for job in await claim(own)] == ["1"]
        await own.backup(tmp_path / "backup.db")
    with pytest.raises(StoreUnavailable, match=r"^cannot use .*: permission denied"):
        await open_store(address.replace(mine, f"{mine}_2"))


async def test_many_make_a_new_queue_at_once(url: str) -> None:
    stores = await asyncio.gather(*(open_store(url) for _ in range(8)))
    try:
        ids = await asyncio.gather(*(enqueue(store) for store in stores))
        assert len({*map(tuple, ids)}) == 8
    finally:
        for store in stores:
            await store.close()


async def test_a_claim_passes_over_what_another_has_locked(store: Store, other: Store, client: Plain) -> None:
    await enqueue(store, new("one"), new("two"), new("three"))
    client.do("BEGIN")
    client.rows("SELECT 1 FROM jobs WHERE seq = 1 FOR UPDATE")
    (job,) = await claim(store)
    assert job.command == "two"
    client.do("COMMIT")
    assert [job.command for job in await claim(other, 5, worker="w2")] == ["one", "three"]


async def test_many_workers_claim_each_job_once(store: Store, other: Store) -> None:
    await enqueue(store, *(new() for _ in range(60)))

    async def work(by: Store, worker: str) -> list[str]:
        mine: list[str] = []
        while jobs := await claim(by, 7, worker=worker):
            mine += [job.id for job in jobs]
            for job in jobs:
                await settle(by, job)
        return mine

    ours, theirs = await asyncio.gather(work(store, "w1"), work(other, "w2"))
    assert sorted([*ours, *theirs]) == sorted(str(number) for number in range(1, 61))
    assert await store.read(reading.counts) == {"default": {State.COMPLETED: 60}}


async def test_two_claims_at_once_do_not_pass_a_limit(store: Store, other: Store) -> None:
    await store.write(lambda: queues.limit("default", 3))
    await enqueue(store, *(new() for _ in range(40)))
    for _ in range(5):
        both = await asyncio.gather(claim(store, 2), claim(other, 2, worker="w2"))
        running = [job for jobs in both for job in jobs]
        assert len(running) <= 3
        for job in running:
            await settle(store, job)


async def test_two_claims_at_once_do_not_pass_a_rate(store: Store, other: Store) -> None:
    await store.write(lambda: queues.rate("default", Rate(3, 3600.0), NOW))
    await enqueue(store, *(new() for _ in range(10)))
    both = await asyncio.gather(claim(store, 2), claim(other, 2, worker="w2"))
    more = await asyncio.gather(claim(store, 2), claim(other, 2, worker="w2"))
    assert sum(map(len, [*both, *more])) == Bucket.full(Rate(3, 3600.0), NOW).starts(NOW)


async def test_two_parents_that_end_at_once_free_their_child(store: Store, other: Store) -> None:
    for _ in range(10):
        first, second = await enqueue(store, new(), new())
        (child,) = await enqueue(store, new(after=[first, second], priority=-1))
        jobs = {job.id: job for job in await claim(store, 2)}
        await asyncio.gather(settle(store, jobs[first]), settle(other, jobs[second]))
        assert (await get(store, child)).state is State.PENDING
        (job,) = await claim(store)
        await settle(store, job)


async def test_a_parent_that_ends_while_a_child_is_tied_to_it_frees_the_child(store: Store, other: Store) -> None:
    for _ in range(10):
        (parent,) = await enqueue(store)
        (job,) = await claim(store)
        _, (child,) = await asyncio.gather(settle(store, job), enqueue(other, new(after=[parent])))
        assert (await get(store, child)).state is State.PENDING
        (job,) = await claim(store)
        await settle(store, job)


async def test_a_cancel_and_a_claim_at_once_leave_no_job_running_that_nobody_ends(store: Store, other: Store) -> None:
    for _ in range(10):
        (job_id,) = await enqueue(store)
        jobs, _ = await asyncio.gather(claim(store), cancel_all(other, job_id))
        job = await get(store, job_id)
        assert (job.state, job.cancel_requested) in {(State.CANCELLED, False), (State.PROCESSING, True)}
        for job in jobs:
            await settle(store, await get(store, job.id))


async def test_of_two_edits_that_make_a_circle_one_is_refused(store: Store, other: Store) -> None:
    first, second = await enqueue(store, new(), new())
    done = await asyncio.gather(
        edit(store, first, after=[second]), edit(other, second, after=[first]), return_exceptions=True
    )
    assert [type(one) for one in done].count(Cycle) == 1


async def test_jobs_that_others_add_in_between_are_not_tied(store: Store, other: Store) -> None:
    await enqueue(store, new(id="p"))

    async def some(by: Store, name: str) -> None:
        for number in range(5):
            await enqueue(by, *(new(id=f"{name}{number}{n}", after=["p"]) for n in range(5)))

    await asyncio.gather(some(store, "a"), some(other, "b"))
    counts = await store.read(reading.counts)
    assert counts == {"default": {State.PENDING: 1, State.BLOCKED: 50}}


async def test_an_event_that_is_committed_late_is_not_missed(store: Store, client: Plain) -> None:
    await enqueue(store)
    client.do("BEGIN")
    client.do("INSERT INTO jobs (command) VALUES ('late')")
    await enqueue(store)
    seen = await store.read(lambda: history.events(0, 10))
    client.do("COMMIT")
    rest = await store.read(lambda: history.events(seen[-1].event, 10))
    assert sorted(event.job for event in [*seen, *rest]) == ["1", "2", "3"]


async def test_after_a_move_to_another_server_new_events_come_after_the_old(store: Store, client: Plain) -> None:
    await enqueue(store)
    client.do("UPDATE aqueue_events SET event = event + (1000000::bigint << 22)")
    async with opened(store.url) as again:
        await enqueue(again)
        assert [event.job for event in await again.read(lambda: history.events(0, 10))] == ["1", "2"]


async def test_plain_sql_wakes_and_what_changes_nothing_does_not(store: Store, other: Store, client: Plain) -> None:
    rung = asyncio.Event()
    with store.doorbell.hung_up(rung.set):
        await asyncio.wait_for(rung.wait(), ENOUGH)  # it is heard from now on
        rung.clear()
        await other.write(lambda: line.claim("w1", [0], 0.0))
        await other.read(reading.counts)
        client.do("BEGIN")
        client.do("INSERT INTO jobs (command) VALUES ('x')")
        assert not rung.is_set()
        client.do("COMMIT")
        await asyncio.wait_for(rung.wait(), ENOUGH)


async def test_a_worker_is_deaf_to_its_own_rings(url: str) -> None:
    own, others = asyncio.Event(), asyncio.Event()
    async with opened(url, worker=True) as worker, opened(url) as client:
        with worker.doorbell.hung_up(own.set, deaf_to_own=True), client.doorbell.hung_up(others.set):
            await asyncio.wait_for(own.wait(), ENOUGH)
            await asyncio.wait_for(others.wait(), ENOUGH)
            own.clear()
            others.clear()
            await enqueue(worker)
            await asyncio.wait_for(others.wait(), ENOUGH)
            assert not own.is_set()
            await enqueue(client)
            await asyncio.wait_for(own.wait(), ENOUGH)


async def test_where_no_ring_comes_through_there_is_a_look_now_and_then(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(store, PostgresStore)
    monkeypatch.setattr(bell, "ECHO_WITHIN", 0.2)
    monkeypatch.setattr(bell, "LOOK_EVERY", 0.01)
    assert await hears(store.doorbell)
    async with opened(store.url) as deaf:
        assert isinstance(deaf, PostgresStore)
        monkeypatch.setattr(deaf.doorbell, "_channel", "elsewhere")
        assert not await hears(deaf.doorbell)
        rung = asyncio.Event()
        with deaf.doorbell.hung_up(rung.set):
            looking = asyncio.create_task(deaf.doorbell.look())
            for _ in range(3):
                await asyncio.wait_for(rung.wait(), ENOUGH)
                rung.clear()
            looking.cancel()


async def hears(doorbell: bell.Doorbell) -> bool:
    ready = asyncio.Event()
    with doorbell.hung_up(ready.set):
        await asyncio.wait_for(ready.wait(), ENOUGH)
        return await doorbell.can_hear()


async def test_a_commit_whose_answer_was_lost_is_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(store, PostgresStore)
    connection = await store._writer.get()
    execute = type(connection).execute

    async def lose_the_answer(self: Any, query: str, *args: Any, **more: Any) -> Any:
        done = await execute(self, query, *args, **more)
        if query == "COMMIT" and self is connection:
            connection.terminate()
            raise ConnectionResetError
        return done

    monkeypatch.setattr(type(connection), "execute", lose_the_answer)
    assert await enqueue(store, new("once")) == ["1"]
    monkeypatch.undo()
    assert [job.command for job in await store.read(lambda: reading.select(Filter(), None))] == ["once"]


async def test_the_number_of_a_transaction_which_a_crash_has_given_to_another_proves_nothing(
    store: Store, client: Plain
) -> None:
    assert isinstance(store, PostgresStore)
    await enqueue(store, new("mine"))
    (job,) = await claim(store)
    client.do("BEGIN")
    client.do("INSERT INTO jobs (command) VALUES ('of another')")
    xid = client.value("SELECT pg_current_xact_id()::text")
    client.do("COMMIT")
    assert await store._was_committed(xid, None)
    assert await store._was_committed(xid, Proof("was_told", {"job": 2}))
    assert not await store._was_committed(xid, Proof("was_told", {"job": job.seq}))
    assert await store._was_committed(xid, Proof("was_claimed", {"job": job.seq, "run": 1, "worker": "w1"}))
    assert not await store._was_committed(xid, Proof("was_claimed", {"job": job.seq, "run": 1, "worker": "w2"}))
    assert not await store._was_committed("4000000000", None)


async def test_a_transaction_that_was_lost_before_its_commit_is_begun_again(store: Store) -> None:
    assert isinstance(store, PostgresStore)
    tries: list[None] = []

    def verb() -> Verb[None]:
        yield Statement("set", {"key": "timeout", "value": str(len(tries))})
        tries.append(None)
        if len(tries) == 1:
            store._writer.drop()
        yield Statement("settings")

    await store.write(verb)
    assert len(tries) == 2


async def test_who_works_already_goes_on_when_a_newer_version_has_added_a_column(store: Store, client: Plain) -> None:
    await enqueue(store, new(), new(), new())
    for column in ("one_more", "another"):
        (job,) = await claim(store)
        await settle(store, job)
        assert (await get(store, job.id)).state is State.COMPLETED
        for table in ("jobs", "aqueue_runs", "aqueue_workers"):
            client.do(f"ALTER TABLE {table} ADD COLUMN {column} int")
        assert [run.run for run in await store.read(partial(reading.history, job))] == [1]
        assert await store.living() == set()
    (job,) = await claim(store)
    assert await settle(store, job)


async def test_a_worker_that_shows_itself_and_is_not_registered_yet_lives(store: Store, other: Store) -> None:
    row = roster.WorkerRow(
        id="w1", pid=1, host="h", concurrency=1, started_at=NOW, process_started=1, boot="b", pid_namespace="n"
    )
    with store.lobby.present("w1"):
        assert await other.living() == {"w1"}
        await store.write(lambda: roster.register(row))
        assert await other.living() == {"w1"}
        with plain(store.url) as client:
            client.do("UPDATE aqueue_workers SET lease_until = 0")
        assert await other.living() == set(), "it was stopped for too long"
    with plain(store.url) as client:
        client.do("UPDATE aqueue_workers SET lease_until = 1e12")
    assert await other.living() == {"w1"}, "it has left this machine, or lives on another"


async def test_counts_hold_when_the_ledger_is_added_up_meanwhile(url: str) -> None:
    async with opened(url, worker=True) as worker, opened(url) as client:

        async def add_up() -> None:
            for _ in range(20):
                await worker.checkpoint_when_large(0)

        async def fill() -> None:
            for _ in range(20):
                await enqueue(client, new(), new(queue="mail"))

        await asyncio.gather(add_up(), fill())
        await worker.checkpoint_when_large(0)
        assert await client.read(reading.counts) == {"default": {State.PENDING: 20}, "mail": {State.PENDING: 20}}
        with plain(url) as plainly:
            assert plainly.value("SELECT count(*) FROM aqueue_count_changes") == 2


def test_no_statement_looks_at_all_jobs(client: Plain) -> None:
    """The plans are those for any parameters, as they are used."""
    if client.value("SELECT current_setting('server_version_num')::int") < 160000:
        pytest.skip("EXPLAIN (GENERIC_PLAN) came with PostgreSQL 16")
    for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
        client.do(f"SET {setting} = off")
    client.do(
        "CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (GENERIC_PLAN) ' || query; END $$"
    )
    big = re.compile(r"Seq Scan on (jobs|aqueue_(runs|events|output|dependencies))\b")
    for name, text in STATEMENTS.items():
        if name.startswith(("where_", "rows_")) or name in MAY_LOOK_AT_ALL or name in WITHOUT_A_PLAN:
            continue
        where = ("where_any",) if "{where}" in text else ()
        sent = prepared(name, where, "rows_each" if "{rows}" in text else "", locks=True)
        plan = "\n".join(row[0] for row in client.rows("SELECT explained(?)", sent.text))
        assert not big.search(plan), f"{name}\n{plan}"


MAY_LOOK_AT_ALL = {"list", "seqs", "miscounts", "edges"}
WITHOUT_A_PLAN = {"savepoint", "undo", "keep", "start_runs"}
