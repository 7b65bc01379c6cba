"""How SQLite finds the rows: by the index that was made for it, however many finished jobs there are."""

import re
from collections.abc import Mapping

import pytest

from aqueue.model.newjob import NewJob
from aqueue.store.driving import STATEMENTS
from aqueue.store.driving import text_of as text
from aqueue.store.protocol import Store

from .harness import NOW, Plain, enqueue, new

pytestmark = pytest.mark.sqlite

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
    ("seqs", "where_state"): "SEARCH jobs USING COVERING INDEX jobs_by_state (state=?)",
    ("sketches", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("ended_or_held", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("present", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("edit", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("remove", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("sizes_of_output", ""): "SEARCH aqueue_output USING INDEX aqueue_output_in_order",
    ("drop_pieces", ""): "SEARCH aqueue_output USING INTEGER PRIMARY KEY",
    ("cancels_requested", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("processing_of", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("workers_of_runs", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("workers", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("apply", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("jobs_by_seq", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("jobs_by_custom_id", ""): "SEARCH jobs USING INDEX sqlite_autoindex_jobs_1",
    ("jobs_named_like", ""): "SEARCH jobs USING INDEX sqlite_autoindex_jobs_1 (custom_id>? AND custom_id<?)",
    ("ids_taken", ""): "SEARCH jobs USING COVERING INDEX sqlite_autoindex_jobs_1",
    ("end_runs", ""): "SEARCH aqueue_runs USING PRIMARY KEY",
    ("runs", ""): "SEARCH aqueue_runs USING PRIMARY KEY",
    ("events", "where_event_of_job"): "SEARCH events USING INDEX aqueue_events_of_job",
    ("events", "where_any"): "SEARCH events USING INTEGER PRIMARY KEY",
    ("schedules_due", ""): "SEARCH schedules USING INDEX aqueue_schedules_due (next_at<?)",
    ("schedules_owing", ""): "SCAN schedules USING INDEX aqueue_schedules_owing",
    ("next_tick", ""): "SEARCH aqueue_schedules USING INDEX aqueue_schedules_due (next_at>?)",
    ("advance_schedules", ""): "SEARCH aqueue_schedules USING PRIMARY KEY (name=?)",
    ("schedules", "where_named"): "SEARCH schedules USING PRIMARY KEY (name=?)",
    ("schedules", "where_any"): "SEARCH jobs USING INDEX jobs_finished_of_schedule (cron=?)",
    ("oldest_finished", "where_nobody_waits"): "SEARCH jobs USING COVERING INDEX jobs_finished (state=?",
    ("expired", "where_nobody_waits"): "SEARCH jobs USING COVERING INDEX jobs_finished (state=? AND finished_at<?)",
    ("count_expired", "where_nobody_waits"): (
        "SEARCH jobs USING COVERING INDEX jobs_finished (state=? AND finished_at<?)"
    ),
    ("remove_expired", "where_nobody_waits"): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("is_expired", "where_nobody_waits"): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("thin_output", ""): "SEARCH aqueue_output USING COVERING INDEX aqueue_output_in_order (job=?)",
    ("thin_events", ""): "SEARCH aqueue_events USING COVERING INDEX aqueue_events_of_job (job=?)",
    ("thin_runs", ""): "SEARCH aqueue_runs USING PRIMARY KEY (job=?)",
    ("output", ""): "SEARCH aqueue_output USING INDEX aqueue_output_in_order",
    ("key_holders", ""): "SEARCH jobs USING INDEX jobs_unique (unique_key=?)",
    ("blocked_between", ""): "SEARCH jobs USING INDEX jobs_by_state (state=? AND seq>? AND seq<?)",
    ("cancelled_between", ""): "SEARCH jobs USING COVERING INDEX jobs_by_state (state=? AND seq>? AND seq<?)",
    ("broken_parents", ""): "SEARCH edge USING PRIMARY KEY (child=?)",
    ("waits_for_nothing", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("any_held", ""): "SCAN jobs USING INDEX jobs_held",
    ("name_parents", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("move", ""): "SEARCH jobs USING INTEGER PRIMARY KEY",
    ("untie", ""): "SEARCH aqueue_dependencies USING PRIMARY KEY (child=?)",
    ("untie_from_those_that_are_there", ""): "SEARCH aqueue_dependencies USING PRIMARY KEY (child=?)",
    ("turn_edges", ""): "SEARCH aqueue_dependencies USING INDEX aqueue_dependencies_of_parent (parent=?)",
    ("below", ""): "SEARCH dependency USING COVERING INDEX aqueue_dependencies_of_parent (parent=?)",
    ("children", ""): "SEARCH unmet USING COVERING INDEX aqueue_dependencies_unmet (child=?)",
    ("blocked_children", ""): "SEARCH edge USING COVERING INDEX aqueue_dependencies_of_parent (parent=?)",
    ("waits_above", ""): "SEARCH edge USING PRIMARY KEY (child=?)",
    ("freed_elsewhere", ""): "SEARCH edge USING COVERING INDEX aqueue_dependencies_unmet (child=?)",
    ("unmet", ""): "SEARCH aqueue_dependencies USING PRIMARY KEY (child=?)",
    ("parents_of", ""): "SEARCH aqueue_dependencies USING PRIMARY KEY (child=?)",
    ("page_newest", "where_any"): "SEARCH jobs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ("page_newest", "where_state"): "SEARCH jobs USING INDEX jobs_by_state (state=? AND seq>? AND seq<?)",
    ("page_newest", "where_search"): "SEARCH jobs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ("page_oldest", "where_any"): "SEARCH jobs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ("page_oldest", "where_state"): "SEARCH jobs USING INDEX jobs_by_state (state=? AND seq>? AND seq<?)",
    ("page_updated", "where_any"): "SEARCH later USING COVERING INDEX aqueue_events_of_job (job=? AND rowid>?)",
    ("page_updated", "where_state"): "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ("bound_newest", "where_any"): "SEARCH jobs USING INTEGER PRIMARY KEY (rowid<?)",
    ("bound_newest", "where_state"): "SEARCH jobs USING COVERING INDEX jobs_by_state (state=? AND seq<?)",
    ("bound_oldest", "where_any"): "SEARCH jobs USING INTEGER PRIMARY KEY (rowid>?)",
    ("bound_oldest", "where_state"): "SEARCH jobs USING COVERING INDEX jobs_by_state (state=? AND seq>?)",
    ("bound_updated", "where_any"): "SEARCH aqueue_events USING INTEGER PRIMARY KEY (rowid<?)",
    ("dead_by_error", ""): "SEARCH jobs USING INDEX jobs_finished (state=?",
    ("runs_newest", ""): "SEARCH aqueue_runs USING PRIMARY KEY (job=?)",
    ("in_slots", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    ("waiting_next", ""): "SCAN jobs USING INDEX jobs_waiting",
    ("minutes", ""): "SEARCH aqueue_minutes USING INTEGER PRIMARY KEY (rowid>?)",
    ("changed_since", ""): "SEARCH aqueue_events USING INTEGER PRIMARY KEY (rowid>?)",
    ("eventless_since", ""): "SEARCH aqueue_eventless USING INTEGER PRIMARY KEY (rowid>?)",
    ("progress", ""): "SEARCH jobs USING INDEX jobs_by_state (state=?)",
    (
        "output_from",
        "",
    ): "SEARCH aqueue_output USING COVERING INDEX aqueue_output_in_order (job=? AND run=? AND start<?)",
    ("output_before", ""): "SEARCH aqueue_output USING INDEX aqueue_output_in_order (job=? AND run=? AND start<?)",
    ("run_has_ended", ""): "SEARCH jobs USING INTEGER PRIMARY KEY (rowid=?)",
    ("schedules", "where_next"): "SEARCH aqueue_schedules USING COVERING INDEX aqueue_schedules_due (next_at>?)",
    ("children_of", ""): "SEARCH aqueue_dependencies USING INDEX aqueue_dependencies_of_parent (parent=?)",
}

MAY_LOOK_AT_ALL = {"list", "seqs", "integrity", "miscounts", "edges"}
"""A list looks at jobs from the newest on, and stops at its limit; a selection can be of all jobs; the others examine
the file on purpose."""


def text_of(name: str, where: str = "") -> str:
    return text(name, (where,) if where else (), "rows_each" if "{rows}" in STATEMENTS[name] else "")


def plan(client: Plain, statement: str) -> list[str]:
    parameters = dict.fromkeys(re.findall(r":(\w+)", statement))
    return [row[3] for row in client.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]


@pytest.mark.parametrize(("name", "where"), SEARCHES)
def test_a_statement_uses_the_index_that_was_made_for_it(client: Plain, name: str, where: str) -> None:
    steps = plan(client, text_of(name, where))
    assert any(step.startswith(SEARCHES[name, where]) for step in steps), steps


@pytest.mark.parametrize("name", ["schedules_due", "schedules_owing", "next_tick"])
def test_whether_a_schedule_has_an_unfinished_job_is_looked_up_among_those_alone(client: Plain, name: str) -> None:
    of_jobs = {step for step in plan(client, text_of(name)) if " jobs " in step}
    assert of_jobs == {"SEARCH jobs USING INDEX jobs_unfinished_of_schedule (cron=?)"}


@pytest.mark.parametrize(
    "name", [name for name in STATEMENTS if not name.startswith("where_") and name not in MAY_LOOK_AT_ALL]
)
def test_no_statement_looks_at_all_jobs_or_at_all_of_the_history(client: Plain, name: str) -> None:
    where = "where_any" if "{where}" in STATEMENTS[name] else ""
    for step in plan(client, text_of(name, where)):
        assert not re.fullmatch(
            r"SCAN (jobs|aqueue_(runs|events|output|dependencies)|events|runs|output|parent|child|dependency)"
            r"( USING (COVERING )?INDEX aqueue_dependencies.*)?",
            step,
        )


@pytest.mark.parametrize("where", ["where_any", "where_completed", "where_state"])
@pytest.mark.parametrize("name", ["list", "page_newest", "page_oldest", "page_updated"])
def test_a_list_is_not_sorted(client: Plain, name: str, where: str) -> None:
    assert not [step for step in plan(client, text_of(name, where)) if "TEMP B-TREE" in step]


def test_the_last_job_of_a_schedule_is_found_however_many_it_has_made(client: Plain) -> None:
    def ticks() -> int:
        counted: list[None] = []
        client.connection.set_progress_handler(lambda: counted.append(None), 10)
        client.connection.execute(text_of("schedules", "where_any")).fetchall()
        client.connection.set_progress_handler(None, 0)
        return len(counted)

    client.do(
        "INSERT INTO aqueue_schedules (name, schedule, timezone, missed, overlap, job, created_at)"
        " VALUES ('x', '@daily', 'UTC', 'skip', 0, '{}', 0)"
    )
    counts = []
    for _ in range(2):
        for state in ("pending", "completed"):
            client.do("INSERT INTO jobs (command, cron) SELECT 'true', 'x' FROM json_each(?)", f"[{'1,' * 499}1]")
            client.do("UPDATE jobs SET state = ? WHERE seq % 2", state)
        counts.append(ticks())
    assert counts[1] == pytest.approx(counts[0], abs=2)


def test_whether_a_job_is_waited_for_is_seen_in_the_index_alone(client: Plain) -> None:
    steps = plan(client, text_of("apply"))
    assert "SEARCH aqueue_dependencies USING COVERING INDEX aqueue_dependencies_of_parent (parent=?)" in steps


async def test_who_has_to_wait_is_seen_at_once_however_many_parents_there_are(store: Store, client: Plain) -> None:
    def steps_of(seq: int) -> int:
        ticks: list[None] = []
        client.connection.set_progress_handler(lambda: ticks.append(None), 10)
        client.connection.execute(text_of("children"), {"seqs": f"[{seq}]"}).fetchall()
        client.connection.set_progress_handler(None, 0)
        return len(ticks)

    await enqueue(store, *(new() for _ in range(2000)))
    await enqueue(store, new(after=["1"]), new(after=[str(number) for number in range(1, 2001)]))
    steps_of(1)  # with the first one comes what SQLite reads of the schema
    assert steps_of(2002) == pytest.approx(steps_of(2001), abs=1)


async def test_the_line_is_not_sorted_to_claim_its_first_jobs(store: Store, client: Plain) -> None:
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
