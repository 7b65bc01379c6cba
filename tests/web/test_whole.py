"""Queues, schedules and the whole at a glance, over HTTP."""

import time
from typing import Any

import pytest

from aqueue import __version__
from aqueue.documents import queue_at_work, status_document
from aqueue.model.document import schedule_document

from .harness import Served, work


async def test_queues_are_listed_paused_and_bounded(plain: Served) -> None:
    await plain.queue.enqueue("true", queue="mail")
    (mail,) = await plain.get("/api/queues")
    assert (mail["name"], mail["waiting"], mail["paused"]) == ("mail", 1, False)
    assert (await plain.send("POST", "/api/queues/mail/pause"))["paused"] is True
    assert (await plain.send("POST", "/api/queues/mail/resume"))["paused"] is False
    both = await plain.send("PUT", "/api/queues/mail", {"limit": 2, "rate": "30/m"})
    assert (both["limit"], both["rate"]) == (2, "30/m")
    assert (await plain.send("PUT", "/api/queues/mail", {"limit": None}))["rate"] == "30/m"
    assert (await plain.send("PUT", "/api/queues/mail", {}))["limit"] is None
    known = (await plain.queue.queues())["mail"]
    assert await plain.get("/api/queues") == [queue_at_work(known, (await plain.queue.oldest())["mail"])]
    assert (await plain.send("POST", "/api/queues/new/pause"))["counts"]["pending"] == 0


@pytest.mark.parametrize(
    "rules",
    [
        *({"limit": 0}, {"limit": "2"}, {"limit": True}, {"limit": 2.5}, {"limit": 2**63}),
        *({"rate": 5}, {"rate": "5/d"}, {"paused": True}),
    ],
    ids=str,
)
async def test_a_rule_that_is_none_changes_nothing(plain: Served, rules: dict[str, Any]) -> None:
    await plain.send("PUT", "/api/queues/mail", {"limit": 7, **rules} if "limit" not in rules else rules, status=422)
    assert await plain.queue.queues() == {}


@pytest.mark.parametrize("name", ["-x", "a b", "x" * 129, "%C3%A4"])
async def test_what_is_no_name_of_a_queue_is_refused(plain: Served, name: str) -> None:
    for verb in ("pause", "resume"):
        await plain.send("POST", f"/api/queues/{name}/{verb}", status=422)
    await plain.send("PUT", f"/api/queues/{name}", {"limit": 1}, status=422)


async def test_schedules_are_added_replaced_triggered_and_removed(served: Served) -> None:
    wanted = {"name": "nightly", "schedule": "30 2 * * *", "command": "true", "tags": ["x"], "missed": "once"}
    added = await served.send("POST", "/api/cron", wanted, status=201)
    assert (added["name"], added["job"], added["missed"]) == ("nightly", {"command": "true", "tags": ["x"]}, "once")
    nested = {"name": "nightly", "schedule": "@daily", "job": {"command": "false"}, "overlap": True}
    replaced = await served.send("POST", "/api/cron", nested, status=200)
    assert (replaced["job"], replaced["overlap"]) == ({"command": "false"}, True)
    job = await served.send("POST", "/api/cron/nightly/trigger", status=201)
    assert (job["cron"], job["command"]) == ("nightly", "false")
    assert (await served.send("POST", "/api/cron/nightly/pause"))["paused"] is True
    assert (await served.send("POST", "/api/cron/nightly/resume"))["paused"] is False
    (schedule,) = await served.queue.schedules.list()
    assert await served.get("/api/cron") == [schedule_document(schedule, time.time())]
    await served.send("DELETE", "/api/cron/nightly")
    assert await served.get("/api/cron") == []
    for method, verb in (("POST", "/trigger"), ("POST", "/pause"), ("POST", "/resume"), ("DELETE", "")):
        problem = await served.send(method, f"/api/cron/nightly{verb}", status=404)
        assert problem["detail"] == "no such schedule: nightly"


async def test_a_schedule_is_triggered_once_at_a_time(plain: Served) -> None:
    await plain.queue.schedules.add("x", "@daily", "true")
    await plain.send("POST", "/api/cron/x/trigger", status=201)
    await plain.send("POST", "/api/cron/x/trigger", status=409)


@pytest.mark.parametrize(
    "more",
    [
        {"schedule": "nope"},
        {"schedule": 7},
        {"name": None},
        {"name": "a b"},
        {"timezone": "Nowhere/Land"},
        {"missed": "perhaps"},
        {"overlap": "yes"},
        {"command": ""},
        {"command": 7},
        {"id": "a"},
        {"job": 7},
        {"job": {"after": ["1"]}},
        {"nope": 1},
    ],
    ids=str,
)
async def test_a_schedule_that_is_none_is_not_added(served: Served, more: dict[str, Any]) -> None:
    wanted = {"name": "x", "schedule": "@daily", "command": "true", **more}
    await served.send("POST", "/api/cron", wanted, status=422)
    assert await served.queue.schedules.list() == []


async def test_the_status_is_the_one_that_scripts_read(plain: Served) -> None:
    await plain.queue.enqueue("true", delay=60)
    assert await plain.get("/api/status") == status_document(await plain.queue.status())


async def test_an_overview_tells_what_was_what_is_and_what_comes(plain: Served) -> None:
    for number in range(3):
        await plain.queue.enqueue("true", id=f"good-{number}")
    await plain.queue.enqueue("false", id="bad", max_retries=0)
    await plain.queue.enqueue("test $AQUEUE_ATTEMPT = 2", id="flaky", backoff_base=0.001)
    await work(plain.queue)
    await plain.queue.enqueue("true", id="later", delay=3600)
    await plain.queue.enqueue("true", id="soon", delay=60)
    await plain.queue.enqueue("true", id="held", hold=True)
    await plain.queue.schedules.add("nightly", "@daily", "true")
    await plain.queue.schedules.add("hourly", "@hourly", "true")
    await plain.queue.schedules.add("paused", "@hourly", "true")
    await plain.queue.schedules.pause("paused")
    seen = await plain.get("/api/overview")
    assert (seen["total"], seen["counts"]["completed"], seen["counts"]["scheduled"]) == (8, 4, 3)
    assert seen["today"] == {"completed": 4, "dead": 1}
    assert seen["average_attempts"] == 6 / 5
    assert len(seen["minutes"]) == 60
    ended = [minute for minute in seen["minutes"] if minute["completed"] or minute["failed"] or minute["dead"]]
    assert sum(minute["completed"] for minute in ended) == 4
    assert sum(minute["failed"] for minute in ended) == 1
    assert sum(minute["dead"] for minute in ended) == 1
    assert all(minute["duration"] > 0 and minute["wait"] >= 0 for minute in ended)
    assert seen["minutes"][0]["at"] < seen["minutes"][-1]["at"]
    assert [job["id"] for job in seen["next"]] == ["soon", "later"]
    assert [schedule["name"] for schedule in seen["schedules"]] in (["hourly", "nightly"], ["nightly", "hourly"])
    assert (seen["cursor"], seen["version"]) == (await plain.queue.newest_event(), __version__)
    assert seen["url"] == plain.queue.url
    assert [queue["name"] for queue in seen["queues"]] == ["default"]


async def test_the_dead_are_told_by_their_errors(plain: Served) -> None:
    for code in (1, 2, 2):
        await plain.queue.enqueue(f"exit {code}", max_retries=0)
    await work(plain.queue)
    dead = await plain.get("/api/dead")
    assert (dead["total"], dead["of"]) == (3, 3)
    assert [(group["error"], group["count"]) for group in dead["groups"]] == [("exit code 2", 2), ("exit code 1", 1)]
    assert sorted(dead["groups"][0]["ids"]) == ["2", "3"]
    assert len((await plain.get("/api/dead?limit=1"))["groups"]) == 1
    await plain.get("/api/dead?limit=0", status=422)


async def test_what_there_is_not_and_what_cannot_be_done_are_problems(plain: Served) -> None:
    for path in ("/nowhere", "/api", "/api/nowhere", "/api/jobs/", "/static/nope.js", "/metric"):
        problem = await plain.get(path, status=404)
        assert (problem["type"], problem["title"], problem["status"]) == ("about:blank", "Not Found", 404)
    answer = await plain.client.request("DELETE", "/api/status", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert answer.headers["allow"] == "GET"


async def test_a_mistake_of_ours_tells_nothing_of_the_inside(plain: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("aqueue.views.Views.overview", broken)
    problem = await plain.get("/api/overview", status=500)
    assert problem["detail"] == "something went wrong here; the log of the server tells more"


async def test_a_head_is_a_get_without_the_body(plain: Served) -> None:
    for path in ("/", "/api/jobs", "/healthz", "/static/index.html"):
        head, got = await plain.client.head(path), await plain.client.get(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-type"] == got.headers["content-type"]


async def test_files_that_are_known_are_not_sent_again(plain: Served) -> None:
    for path in ("/", "/static/index.html", "/jobs/7"):
        answer = await plain.client.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
        again = await plain.client.get(path, headers={"If-None-Match": f'"other", {answer.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
