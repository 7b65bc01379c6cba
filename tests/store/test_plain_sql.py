"""Plain SQL is a way in: what is left out gets its default, and what is wrong is refused by the schema itself."""

import sqlite3
import time
from typing import Any

import pytest

from aqueue.model.command import MAX_COMMAND_BYTES
from aqueue.model.job import State
from aqueue.store import reading, stored
from aqueue.store.protocol import Store

from .harness import REFUSALS, Plain, claim, claimed, commands, enqueue, get, new, settle

LATER = 4_000_000_000.0


async def test_a_command_is_all_that_plain_sql_has_to_give(store: Store, client: Plain) -> None:
    before = time.time()
    client.do("INSERT INTO jobs (command) VALUES ('echo hi')")
    job = await get(store, "1")
    assert (job.command, job.state, job.queue, job.priority) == ("echo hi", State.PENDING, "default", 0)
    assert (job.attempts, job.run, job.max_retries, job.timeout, job.held) == (0, 0, 3, None, False)
    assert (job.tags, job.env, job.cwd, job.no_retry_on, job.defer_on) == ((), {}, None, (), ())
    assert job.created_at == job.updated_at == job.run_at
    assert before - 0.01 < job.created_at < time.time() + 0.01
    assert [job.id for job in await claim(store, now=LATER)] == ["1"]


async def test_what_is_left_out_comes_from_the_stored_settings(store: Store, client: Plain) -> None:
    await store.write(lambda: stored.set_setting("max_retries", "7"))
    await store.write(lambda: stored.set_setting("timeout", "1.5"))
    client.do("INSERT INTO jobs (command) VALUES ('a')")
    client.do("INSERT INTO jobs (command, max_retries, timeout) VALUES ('b', 0, 0)")
    await store.write(lambda: stored.set_setting("timeout", "none"))
    client.do("INSERT INTO jobs (command, max_retries) VALUES ('c', 1)")
    jobs = await store.read(lambda: reading.find(["1", "2", "3"]))
    assert [(job.max_retries, job.timeout) for job in jobs] == [(7, 1.5), (0, None), (1, None)]


@pytest.mark.parametrize("more", ["", ", max_retries, timeout"])
async def test_a_run_at_in_the_future_means_scheduled(store: Store, client: Plain, more: str) -> None:
    client.do(f"INSERT INTO jobs (command, run_at{more}) VALUES ('later', {LATER}{', 1, 0' if more else ''})")
    client.do(f"INSERT INTO jobs (command, run_at{more}) VALUES ('now', 1{', 1, 0' if more else ''})")
    later, now = await store.read(lambda: reading.find(["1", "2"]))
    assert (later.state, later.run_at, now.state) == (State.SCHEDULED, LATER, State.PENDING)
    assert await commands(store, now=LATER - 1) == ["now"]
    assert await commands(store, now=LATER) == ["later"]


async def test_held_means_held(store: Store, client: Plain) -> None:
    client.do("INSERT INTO jobs (command, held) VALUES ('x', 1)")
    job = await get(store, "1")
    assert (job.state, job.held, job.run_at) == (State.SCHEDULED, True, None)
    assert await claim(store, now=LATER) == []


async def test_a_cancellation_before_the_first_run_means_nothing(store: Store, client: Plain) -> None:
    client.do("INSERT INTO jobs (command, cancel_requested) VALUES ('x', 1)")
    (job,) = await claim(store, now=LATER)
    assert not job.cancel_requested


async def test_a_null_run_at_means_at_once(store: Store, client: Plain) -> None:
    client.do("INSERT INTO jobs (command, run_at) VALUES ('x', NULL)")
    assert await commands(store) == ["x"]


async def test_everything_can_be_given(store: Store, client: Plain) -> None:
    client.do(
        "INSERT INTO jobs (command, custom_id, queue, priority, max_retries, timeout, tags, env, cwd, backoff_base,"
        " backoff_max, no_retry_on, defer_on, nice, memory)"
        " VALUES ('x', 'job1', 'mail', 5, 1, 2, '[\"t\"]', '{\"A\": \"1\"}', '/tmp', 0.5, 60, '[64]', '[75]',"
        " 19, 1048576)"
    )
    job = await get(store, "job1")
    assert (job.queue, job.priority, job.max_retries, job.timeout) == ("mail", 5, 1, 2.0)
    assert (job.tags, job.env, job.cwd) == (("t",), {"A": "1"}, "/tmp")
    assert (job.backoff_base, job.backoff_max, job.no_retry_on, job.defer_on) == (0.5, 60.0, (64,), (75,))
    assert (job.nice, job.memory) == (19, 2**20)


async def test_inserts_in_a_transaction_with_tables_of_the_application(store: Store, client: Plain) -> None:
    client.do("CREATE TABLE orders (id INTEGER)")
    client.do("BEGIN")
    client.do("INSERT INTO orders DEFAULT VALUES")
    client.do("INSERT INTO jobs (command) VALUES ('rolled back')")
    client.do("ROLLBACK")
    client.do("BEGIN")
    client.do("INSERT INTO orders DEFAULT VALUES")
    client.do("INSERT INTO jobs (command) VALUES ('committed')")
    assert await store.read(reading.counts) == {}
    client.do("COMMIT")
    assert await commands(store, now=LATER) == ["committed"]


@pytest.mark.sqlite
async def test_a_command_need_not_be_utf_8_and_keeps_its_bytes(store: Store, client: Plain) -> None:
    client.do("INSERT INTO jobs (command) VALUES (CAST(x'6c7320e4' AS TEXT)), ('next')")
    jobs = await claim(store, 2, now=LATER)
    assert [job.command.encode(errors="surrogateescape") for job in jobs] == [b"ls \xe4", b"next"]


REFUSED: list[tuple[str, list[Any]]] = [
    ("command", [None, "", " ", "\t\n\r\v\f ", "a\0b", "\0", "x" * (MAX_COMMAND_BYTES + 1), "ä" * 65536, b"true"]),
    (
        "custom_id",
        ["", "7", "007", "a/b", "-a", ".a", "a b", "a\n", "ä", "٣", "x" * 129, "a\0", "a\0" + "b", b"job1", "a'b"],
    ),
    ("queue", [None, "", "a b", "a/b", "-a", "x" * 129, "a\0", b"default"]),
    ("state", [None, "", "done", "Pending", "blocked", "processing", "completed", "dead", "cancelled", "failed", 1]),
    ("seq", [1, 5, 0, -1, -2, "x", 2**63 - 1]),
    ("priority", [None, "high", 1.5, 2.0**63, b"1"]),
    ("max_retries", [-1, 1_000_000_001, "many", 1.5]),
    ("timeout", [-1, -0.001, "soon", 3_162_240_001, float("inf")]),
    ("run_at", ["tomorrow", "2030-01-31T18:00", 1e308, -1e308, float("inf"), 253_370_764_800]),
    ("held", [None, 2, -1, "yes"]),
    ("due", [2]),
    ("cancel_requested", [2]),
    ("attempts", [-1, 1]),
    ("run", [-1, 1]),
    ("created_at", [None, "now", 1e308]),
    ("updated_at", [None, float("inf")]),
    ("started_at", [1e308]),
    ("finished_at", [1e308]),
    (
        "tags",
        [
            None,
            "",
            "a",
            "{}",
            "[",
            "5",
            "[1]",
            '[["a"]]',
            '[""]',
            "[null]",
            "[]\0x",
            '["\\u0000"]',
            '["' + "x" * 129 + '"]',
        ],
    ),
    (
        "env",
        [
            *(None, "", "A=1", "[]", "{", '{"A": 1}', '{"A": null}', '{"A": {}}', '{"": "1"}', '{"A=B": "1"}'),
            *('{"A": "\\u0000"}', '{"A\\u0000": ""}', "{}\0x", '{"A": "\n"}'),
        ],
    ),
    ("cwd", ["", "/tmp\0"]),
    ("unique_key", [""]),
    ("backoff_base", [0, -1, 1_000_001, "two"]),
    ("backoff_max", [0, -1, 3_162_240_001]),
    ("no_retry_on", [None, "", "64", "{}", '["a"]', "[0]", "[256]", "[1.5]", "[null]", "[1]\0"]),
    ("defer_on", [None, "75", "[-1]", "[[75]]"]),
    ("id", ["job1"]),
    ("after", [None, "", "1", "{}", '["1"]']),
    ("after_any", [None, "job1", '["1"]']),
    ("cancelled_for", [1]),
    ("nice", [-21, 20, 1.5, "high"]),
    ("memory", [0, -1, 2**20 - 1, "1G", 2.0**63]),
]


def refuse(client: Plain, column: str, value: Any) -> None:
    """A new job with this value is refused, and nothing changes."""
    columns = {"command": "true", column: value}
    with pytest.raises(REFUSALS):
        client.do(
            f"INSERT INTO jobs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", *columns.values()
        )
    assert client.value("SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM aqueue_events)") == 0
    assert client.rows("SELECT * FROM aqueue_counts") == []


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("column", "value"),
    [pytest.param(column, value, id=f"{column}-{n}") for column, values in REFUSED for n, value in enumerate(values)],
)
def test_a_bad_value_is_refused_and_nothing_changes(client: Plain, column: str, value: Any) -> None:
    refuse(client, column, value)


def test_each_of_them_is_refused_by_every_store(client: Plain) -> None:
    for column, values in REFUSED:
        for value in values:
            if value != 1.5:  # asyncpg itself makes a whole number of that
                refuse(client, column, value)


@pytest.mark.sqlite
def test_every_column_that_is_checked_was_tried(client: Plain) -> None:
    unchecked = {"exit_code", "signal", "error", "worker", "slot", "progress", "cron", "hook_of"}
    columns = {row[1] for row in client.rows("PRAGMA table_xinfo(jobs)")}
    assert {column for column, _ in REFUSED} == columns - unchecked


@pytest.mark.parametrize("how", ["INSERT", "INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"])
@pytest.mark.sqlite
async def test_an_id_that_is_taken_is_refused_however_it_comes(store: Store, client: Plain, how: str) -> None:
    await enqueue(store, new("first", id="a"))
    with pytest.raises(sqlite3.IntegrityError, match="a job with this id exists already"):
        client.do(f"{how} INTO jobs (command, custom_id) VALUES ('second', 'a')")
    assert (await get(store, "a")).command == "first"


@pytest.mark.parametrize("how", ["INSERT", "INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"])
@pytest.mark.sqlite
def test_a_unique_key_that_is_taken_is_refused_however_it_comes(client: Plain, how: str) -> None:
    client.do("INSERT INTO jobs (command, unique_key) VALUES ('first', 'k')")
    with pytest.raises(sqlite3.IntegrityError, match="an unfinished job has this unique key"):
        client.do(f"{how} INTO jobs (command, unique_key) VALUES ('second', 'k')")
    assert client.rows("SELECT command FROM jobs") == [("first",)]


@pytest.mark.sqlite
async def test_a_number_cannot_be_replaced(store: Store, client: Plain) -> None:
    await enqueue(store, new("first"))
    with pytest.raises(sqlite3.IntegrityError, match="given by aqueue"):
        client.do("REPLACE INTO jobs (seq, command) VALUES (1, 'second')")
    assert (await get(store, "1")).command == "first"


async def test_deleting_finished_jobs_takes_their_runs_events_and_output_along(store: Store, client: Plain) -> None:
    await settle(store, await claimed(store, new(), new()))
    client.do("INSERT INTO aqueue_output (job, run, start, stream, at, data) VALUES (1, 1, 0, 1, 0, ?)", b"hi")
    assert client.value("SELECT bytes FROM aqueue_output_size") == 2
    client.do("DELETE FROM jobs WHERE state IN ('completed', 'dead', 'cancelled')")
    assert client.rows("SELECT DISTINCT job FROM aqueue_events") == [(2,)]
    assert client.rows("SELECT job FROM aqueue_runs UNION SELECT job FROM aqueue_output") == []
    assert client.value("SELECT bytes FROM aqueue_output_size") == 0
    assert await store.read(reading.counts) == {"default": {State.PENDING: 1}}
    client.do("DELETE FROM jobs")
    assert await store.read(reading.counts) == {}
    assert client.rows("SELECT * FROM aqueue_events") == []


async def test_a_job_that_is_inserted_after_all_were_deleted_has_a_new_number(store: Store, client: Plain) -> None:
    await enqueue(store, new(), new())
    client.do("DELETE FROM jobs")
    client.do("INSERT INTO jobs (command) VALUES ('x')")
    assert await get(store, "3")


@pytest.mark.sqlite
async def test_an_inserted_job_is_born_before_it_moves(store: Store, client: Plain) -> None:
    client.do(f"INSERT INTO jobs (command, run_at) VALUES ('x', {LATER})")
    assert client.rows("SELECT was, state FROM aqueue_events ORDER BY event") == [
        (None, "pending"),
        ("pending", "scheduled"),
    ]
