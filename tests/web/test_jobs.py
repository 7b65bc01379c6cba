"""Jobs over HTTP."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from aqueue.model.document import job_document
from aqueue.model.job import State
from aqueue.queue import Filter
from aqueue.web import enqueueing, examples

from .harness import JSON, Served, work


async def all_pages(served: Served, path: str) -> list[str]:
    """The ids on all pages of a list, in their order."""
    ids: list[str] = []
    cursor = ""
    while True:
        page = await served.get(f"{path}&cursor={cursor}")
        ids += [job["id"] for job in page["items"]]
        if page["next"] is None:
            return ids
        cursor = page["next"]


async def test_a_job_is_enqueued_and_is_on_the_disk(served: Served) -> None:
    wanted = {"command": "echo hi", "id": "a", "priority": 5, "tags": ["x"], "env": {"K": "v"}, "timeout": "1m"}
    assert await served.send("POST", "/api/jobs", wanted, status=201) == {"ids": ["a"], "existing": []}
    job = await served.queue.get("a")
    assert (job.command, job.priority, job.tags, job.env, job.timeout) == ("echo hi", 5, ("x",), {"K": "v"}, 60.0)
    assert job.cwd is None


async def test_thousands_are_enqueued_at_once(served: Served) -> None:
    jobs = [{"command": f"true # {number} {'x' * 40}"} for number in range(20_000)]
    assert len(json.dumps(jobs)) > enqueueing.IN_MEMORY
    answer = await served.send("POST", "/api/jobs", jobs, status=201)
    assert len(answer["ids"]) == 20_000
    assert (await served.queue.get(answer["ids"][-1])).command == jobs[-1]["command"]


async def test_jobs_of_one_array_may_wait_for_each_other(served: Served) -> None:
    jobs = [{"id": "late", "command": "true", "after": ["early"]}, {"id": "early", "command": "true"}]
    await served.send("POST", "/api/jobs", jobs, status=201)
    seen = await served.get("/api/jobs/late")
    assert seen["parents"] == [{"id": "early", "command": "true", "state": "pending", "error": None}]
    assert seen["why"] == "it waits for job early (pending)"
    assert (await served.get("/api/jobs/early"))["children"][0]["id"] == "late"


async def test_a_unique_key_that_is_taken_gives_the_job_that_has_it(served: Served) -> None:
    await served.send("POST", "/api/jobs", {"id": "a", "command": "true", "unique": "k"}, status=201)
    jobs = [{"command": "true"}, {"command": "true", "unique": "k"}]
    answer = await served.send("POST", "/api/jobs", jobs, status=201)
    assert answer["existing"] == ["a"]
    assert answer["ids"][1] == "a"


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ("", 400, "not valid JSON"),
        ("{", 400, "not valid JSON"),
        ("[", 400, "not valid JSON"),
        ('[{"command": "true"}', 400, "not valid JSON"),
        ('{"command": "true"} x', 400, "not valid JSON"),
        ("7", 400, "no JSON object"),
        ('{"command": NaN}', 400, "not valid JSON"),
        ("[" * 100_000, 400, "nested too deeply"),
        ("[[[]]]", 422, "item 1: it is no JSON object"),
        ("{}", 422, "needs a command"),
        ('{"command": 7}', 422, "command: must be a text"),
        ('{"command": "true", "comand": 1}', 422, "unknown key 'comand'"),
        ('{"command": "true", "hook_of": "1"}', 422, "unknown key"),
        ('[{"command": "true"}, {"command": "true", "priority": "x"}]', 422, "item 2: priority"),
        ('[{"id": "a", "command": "true"}, {"id": "a", "command": "true"}]', 409, "item 2: the id a is there twice"),
        ('{"id": "taken", "command": "true"}', 409, "exists already"),
        ('[{"command": "true"}, {"id": "taken", "command": "true"}]', 409, "item 2"),
        ('{"command": "true", "after": ["nope"]}', 422, "no such job: nope"),
        ('[{"id": "a", "command": "x", "after": ["b"]}, {"id": "b", "command": "x", "after": ["a"]}]', 409, "wait for"),
        ('{"command": "\\u0000"}', 422, "NUL"),
        ('{"command": "\\ud800"}', 422, "UTF-8"),
        ('{"command": "' + "x" * 140_000 + '"}', 422, "128 KiB"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_no_job_enqueues_none(served: Served, body: str, status: int, detail: str) -> None:
    await served.queue.enqueue("true", id="taken")
    answer = await served.client.post("/api/jobs", content=body, headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]
    assert (await served.queue.status()).total == 1


async def test_bytes_that_are_no_text_are_told_so(served: Served) -> None:
    for body in (b'{"command": "\xff"}', b'[{"command": "\xff"}]', b"[" + b" " * 70_000 + b"\xff]"):
        answer = await served.client.post("/api/jobs", content=body, headers=JSON)
        assert answer.status_code == 400


async def test_an_empty_array_enqueues_nothing(served: Served) -> None:
    assert await served.send("POST", "/api/jobs", [], status=201) == {"ids": [], "existing": []}


async def test_a_list_goes_page_by_page_and_misses_nobody(plain: Served) -> None:
    for number in range(11):
        await plain.queue.enqueue("true", id=f"a{number}", queue="odd" if number % 2 else "even")
    await plain.queue.cancel("a3", "a7")
    newest = [f"a{number}" for number in reversed(range(11))]
    for limit in (1, 2, 3, 10, 11, 12):
        assert await all_pages(plain, f"/api/jobs?limit={limit}") == newest
        assert await all_pages(plain, f"/api/jobs?limit={limit}&sort=oldest") == newest[::-1]
        updated = await all_pages(plain, f"/api/jobs?limit={limit}&sort=updated")
        assert updated == ["a7", "a3", *[one for one in newest if one not in ("a7", "a3")]]
        odd = [one for one in newest if int(one[1:]) % 2]
        assert await all_pages(plain, f"/api/jobs?limit={limit}&queue=odd") == odd
        assert await all_pages(plain, f"/api/jobs?limit={limit}&state=cancelled&sort=updated") == ["a7", "a3"]


async def test_a_page_holds_where_jobs_come_meanwhile(plain: Served) -> None:
    for number in range(4):
        await plain.queue.enqueue("true", id=f"a{number}")
    first = await plain.get("/api/jobs?limit=2")
    await plain.queue.enqueue("true", id="new")
    second = await plain.get(f"/api/jobs?limit=2&cursor={first['next']}")
    assert [job["id"] for job in first["items"] + second["items"]] == ["a3", "a2", "a1", "a0"]


async def test_what_is_rare_is_sought_part_by_part(plain: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aqueue.store.pages.SOUGHT_AMONG", 4)
    await plain.queue.enqueue("true # needle", id="a", tags=["t"])
    for _ in range(10):
        await plain.queue.enqueue("true # hay")
    first = await plain.get("/api/jobs?search=needle")
    assert (first["items"], first["next"]) == ([], "n8")
    for path in ("search=needle", "tag=t", "search=needle&state=pending", "search=needle&sort=oldest"):
        assert await all_pages(plain, f"/api/jobs?{path}") == ["a"]
    await plain.queue.cancel("a")
    assert await all_pages(plain, "/api/jobs?search=needle&sort=updated&state=cancelled") == ["a"]
    await work(plain.queue)
    assert len(await all_pages(plain, "/api/jobs?state=completed")) == 10


async def test_a_list_has_the_counts_of_its_queue(plain: Served) -> None:
    await plain.queue.enqueue("true", queue="mail")
    await plain.queue.enqueue("true")
    page = await plain.get("/api/jobs?state=pending&queue=mail&tag=&search=")
    assert page["counts"] == {**dict.fromkeys(examples.COUNTS, 0), "pending": 1}
    assert (await plain.get("/api/jobs"))["counts"]["pending"] == 2


@pytest.mark.parametrize(
    "query",
    [
        *("state=nope", "limit=0", "limit=501", "limit=x", "sort=priority"),
        *("cursor=x", "cursor=o1", "cursor=n", "cursor=-1", "cursor=n9999999999999999999"),
    ],
)
async def test_a_list_that_makes_no_sense_is_told_so(plain: Served, query: str) -> None:
    problem = await plain.get(f"/api/jobs?{query}", status=422)
    assert problem["status"] == 422
    assert "input" not in problem


async def test_a_job_is_told_with_all_that_belongs_to_it(plain: Served) -> None:
    await plain.queue.enqueue("echo hi; exit 3", id="a", max_retries=0)
    await work(plain.queue)
    seen = await plain.get("/api/jobs/a")
    job = await plain.queue.get("a")
    assert {key: seen[key] for key in job_document(job)} == job_document(job)
    (run,) = seen["runs"]
    assert (run["exit_code"], seen["more_runs"]) == (3, 0)
    assert seen["why"] == "it is dead (exit code 3); `aqueue retry a` runs it again"
    assert seen["events_cursor"] == await plain.queue.newest_event()
    events = await plain.get("/api/jobs/a/events")
    assert [event["to"] for event in events] == ["pending", "processing", "dead"]
    assert await plain.get(f"/api/jobs/a/events?after={events[0]['event']}&limit=1") == [events[1]]
    assert (await plain.get("/api/jobs/a/why"))["why"] == seen["why"]


async def test_what_a_job_has_printed_is_read_and_downloaded(plain: Served) -> None:
    await plain.queue.enqueue("printf 'h\\303\\244\\n'; printf '\\377\\n' >&2", id="a:b")
    before = await plain.get("/api/jobs/a:b/output")
    assert before == {"run": 1, "pieces": [], "next": 0, "more": False, "ended": False}
    await work(plain.queue)
    output = await plain.get("/api/jobs/a:b/output?run=1")
    assert (output["next"], output["more"], output["ended"]) == (6, False, True)
    by_stream = {piece["stream"]: piece["text"] for piece in output["pieces"]}
    assert by_stream == {"stdout": "hä\n", "stderr": "\ufffd\n"}
    (piece,) = (await plain.get("/api/jobs/a:b/output?stream=stderr"))["pieces"]
    assert piece["text"] == "\ufffd\n"
    answer = await plain.client.get("/api/jobs/a:b/output?download=true&stream=stderr")
    assert (answer.content, answer.headers["content-type"]) == (b"\xff\n", "application/octet-stream")
    assert answer.headers["content-disposition"] == 'attachment; filename="a_b.1.stderr"'
    whole = await plain.client.get("/api/jobs/a:b/output?download=true")
    assert sorted(whole.content.splitlines()) == [b"h\xc3\xa4", b"\xff"]
    await plain.get("/api/jobs/a:b/output?stream=stdin", status=422)


async def test_output_goes_on_where_it_was_left_within_a_piece_and_a_character(plain: Served) -> None:
    await plain.queue.enqueue("printf 'ab\\303\\244cd'", id="a")
    await work(plain.queue)
    for start, text in ((0, "abäcd"), (1, "bäcd"), (2, "äcd"), (3, "äcd"), (4, "cd"), (6, "")):
        output = await plain.get(f"/api/jobs/a/output?start={start}")
        assert "".join(piece["text"] for piece in output["pieces"]) == text
        assert output["next"] == 6


async def test_verbs_on_one_job(plain: Served) -> None:
    await plain.queue.enqueue("true", id="a")
    assert (await plain.send("POST", "/api/jobs/a/hold"))["held"] is True
    assert (await plain.send("POST", "/api/jobs/a/release"))["state"] == "pending"
    assert (await plain.send("POST", "/api/jobs/a/cancel"))["state"] == "cancelled"
    problem = await plain.send("POST", "/api/jobs/a/cancel", status=409)
    assert (problem["title"], problem["status"]) == ("Conflict", 409)
    assert (await plain.send("POST", "/api/jobs/a/retry"))["state"] == "pending"
    await plain.send("DELETE", "/api/jobs/a", status=204)
    for verb in ("hold", "release", "cancel", "retry"):
        assert (await plain.send("POST", f"/api/jobs/a/{verb}", status=404))["detail"] == "no such job: a"
    await plain.send("DELETE", "/api/jobs/a", status=404)


async def test_a_job_is_edited(served: Served) -> None:
    await served.queue.enqueue("true", id="a")
    edited = await served.send("PATCH", "/api/jobs/a", {"command": "false", "priority": 7, "tags": ["x"]})
    assert (edited["command"], edited["priority"], edited["tags"]) == ("false", 7, ["x"])
    for wrong in ({"job_id": "b"}, {"dry_run": True}, {"self": 1}, {"id": "b"}, {"priority": "x"}, {"command": ""}):
        await served.send("PATCH", "/api/jobs/a", wrong, status=422)
    await served.send("PATCH", "/api/jobs/a", [], status=400)
    await served.send("PATCH", "/api/jobs/nope", {"priority": 1}, status=404)
    assert (await served.queue.get("a")).command == "false"


SELECTIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({"ids": ["m1", "x"]}, ["m1", "x"]),
    ({"queue": "mail"}, ["m1", "m2"]),
    ({"queue": "mail", "tag": "t", "search": None, "state": ""}, ["m2"]),
    ({"search": "special"}, ["x"]),
    ({"state": "pending"}, ["m1", "m2", "x"]),
    ({"all": True}, ["m1", "m2", "x"]),
]


@pytest.mark.parametrize(("selection", "ids"), SELECTIONS, ids=str)
async def test_verbs_on_a_selection(plain: Served, selection: dict[str, Any], ids: list[str]) -> None:
    await plain.queue.enqueue("true", id="m1", queue="mail")
    await plain.queue.enqueue("true", id="m2", queue="mail", tags=["t"])
    await plain.queue.enqueue("echo special", id="x")
    dry = await plain.send("POST", "/api/jobs/cancel", {**selection, "dry_run": True})
    assert dry == {"matched": len(ids), "done": 0, "skipped": 0}
    assert (await plain.queue.status()).counts[State.CANCELLED] == 0
    outcome = {"matched": len(ids), "done": len(ids), "skipped": 0}
    assert await plain.send("POST", "/api/jobs/cancel", selection) == outcome
    assert sorted(job.id for job in await plain.queue.list(Filter(state=State.CANCELLED))) == ids


async def test_what_does_not_fit_is_passed_over_in_a_selection_and_refused_among_ids(plain: Served) -> None:
    await plain.queue.enqueue("true", id="a")
    await plain.queue.enqueue("true", id="b")
    await plain.queue.cancel("a")
    assert await plain.send("POST", "/api/jobs/hold", {"state": "cancelled"}) == {"matched": 1, "done": 0, "skipped": 1}
    await plain.send("POST", "/api/jobs/cancel", {"ids": ["a", "b"]}, status=409)
    await plain.send("POST", "/api/jobs/cancel", {"ids": ["b", "nope"]}, status=404)
    assert (await plain.queue.get("b")).state == "pending"
    assert (await plain.send("POST", "/api/jobs/hold", {"ids": ["b"]}))["done"] == 1
    assert (await plain.send("POST", "/api/jobs/release", {"all": True}))["done"] == 1
    assert (await plain.send("POST", "/api/jobs/retry", {"state": "cancelled"}))["done"] == 1
    assert (await plain.send("POST", "/api/jobs/remove", {"all": True}))["done"] == 2


@pytest.mark.parametrize(
    "selection",
    [
        {},
        {"all": False},
        {"all": 1},
        {"dry_run": True},
        {"state": None},
        {"all": True, "queue": "mail"},
        {"ids": []},
        {"ids": "a"},
        {"ids": [7]},
        {"ids": ["a"], "queue": "mail"},
        {"ids": ["x"] * 10_001},
        {"queue": 7},
        {"state": "nope"},
        {"nope": 1},
        {"all": True, "dry_run": "yes"},
    ],
    ids=lambda selection: str(selection)[:40],
)
async def test_a_selection_that_is_none_changes_nothing(plain: Served, selection: dict[str, Any]) -> None:
    await plain.queue.enqueue("true", id="a", queue="mail")
    await plain.send("POST", "/api/jobs/cancel", selection, status=422)
    assert (await plain.queue.get("a")).state == "pending"


async def test_a_job_that_plain_sql_gave_bytes_is_shown(plain: Served, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "queue.db") as connection:
        connection.execute("INSERT INTO jobs (command) VALUES (CAST(x'6c7320ff' AS TEXT))")
    for path in ("/api/jobs", "/api/jobs/1", "/api/overview"):
        assert (await plain.client.get(path)).status_code == 200
    async with plain.live(0) as live:
        assert (await live.hears())["jobs"][0]["command"] == "ls \udcff"
