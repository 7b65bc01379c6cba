"""How SQLite finds the rows: by the index that was made for it, however many finished jobs there are."""

import re
from collections.abc import Mapping

import pytest

from aqueue.model.newjob import NewJob
from aqueue.store.sqlite import _STATEMENTS, SqliteStore, _text

from .harness import NOW, Plain, enqueue, new

SEARCHES: Mapping[tuple[str, str], str] = {
    ("promote", ""): "SEARCH jobs USING INDEX jobs_waiting",
    ("next_run_at", ""): "SEARCH jobs USING INDEX jobs_waiting",
    ("ahead", ""): "SEARCH jobs USING INDEX jobs_claimable",
    ("line", ""): "SEARCH line USING INDEX jobs_claimable (queue=?)",
    ("oldest", ""): "SEARCH same USING INDEX jobs_claimable (queue=? AND priority<?)",
    ("running", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("claim", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("start_runs", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("list", "where_state"): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("cancels_requested", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("processing_of", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("workers_of_runs", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("workers", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("apply", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("jobs_by_seq", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("jobs_by_custom_id", ""): "SEARCH jobs USING INDEX sqlite_autoindex_jobs_1",
    ("ids_taken", ""): "SEARCH jobs USING COVERING INDEX sqlite_autoindex_jobs_1",
    ("end_runs", ""): "SEARCH aqueue_runs USING PRIMARY KEY",
    ("runs", ""): "SEARCH aqueue_runs USING PRIMARY KEY",
    ("events", "where_event_of_job"): "SEARCH events USING INDEX aqueue_events_of_job",
    ("events", "where_any"): "SEARCH events USING INTEGER PRIMARY KEY",
    ("output", ""): "SEARCH aqueue_output USING INDEX aqueue_output_in_order",
}

MAY_LOOK_AT_ALL = {"list", "integrity", "miscounts"}
"""A list looks at jobs from the newest on, and stops at its limit; the others examine the file on purpose."""


def text_of(name: str, where: str = "") -> str:
    return _text(name, (where,) if where else ())


def plan(client: Plain, statement: str) -> list[str]:
    parameters = dict.fromkeys(re.findall(r":(\w+)", statement))
    return [row[3] for row in client.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]


@pytest.mark.parametrize(("name", "where"), SEARCHES)
def test_a_statement_uses_the_index_that_was_made_for_it(client: Plain, name: str, where: str) -> None:
    steps = plan(client, text_of(name, where))
    assert any(step.startswith(SEARCHES[name, where]) for step in steps), steps


@pytest.mark.parametrize(
    "name", [name for name in _STATEMENTS if not name.startswith("where_") and name not in MAY_LOOK_AT_ALL]
)
def test_no_statement_looks_at_all_jobs_or_at_all_of_the_history(client: Plain, name: str) -> None:
    where = "where_any" if "{where}" in _STATEMENTS[name] else ""
    for step in plan(client, text_of(name, where)):
        assert not re.fullmatch(r"SCAN (jobs|aqueue_runs|aqueue_events|aqueue_output|events|runs|output)", step)


@pytest.mark.parametrize("where", ["where_any", "where_completed", "where_state"])
def test_a_list_is_not_sorted(client: Plain, where: str) -> None:
    assert not [step for step in plan(client, text_of("list", where)) if "TEMP B-TREE" in step]


async def test_the_line_is_not_sorted_to_claim_its_first_jobs(store: SqliteStore, client: Plain) -> None:
    async def steps_of(name: str) -> int:
        """How many hundreds of instructions of its machine SQLite needs."""
        ticks: list[None] = []
        client.do("BEGIN")
        client.connection.set_progress_handler(lambda: ticks.append(None), 100)
        parameters = {"most": 2, "now": NOW, "limit": 1}
        client.connection.execute(text_of(name), parameters).fetchall()
        client.connection.set_progress_handler(None, 0)
        client.do("ROLLBACK")
        return len(ticks)

    def jobs(count: int) -> list[NewJob]:
        return [new(priority=number % 7, delay=number % 2) for number in range(count)]

    names = ("line", "promote", "next_run_at", "oldest")
    await enqueue(store, *jobs(10))
    few = [await steps_of(name) for name in names]
    await enqueue(store, *jobs(2000))
    assert [await steps_of(name) for name in names] == pytest.approx(few, abs=2)
