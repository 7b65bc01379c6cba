"""The OpenAPI document: it describes what there is, its examples are true, and nothing breaks."""

import asyncio
import contextlib
import html
from collections import Counter
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import requests
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis.core.result import Ok

from aqueue.web import examples
from aqueue.web.app import ROUTERS
from aqueue.web.describe import shape

from .harness import BEARER, TOKEN, Served, serving, work


async def document(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = await served.get("/openapi.json")
    return found


async def test_every_route_is_described_with_an_example(served: Served) -> None:
    described = await document(served)
    operations = {
        (method.upper(), path): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    routes = {
        (method, route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.include_in_schema
        for method in route.methods or ()
    }
    assert operations.keys() == {*routes, ("GET", "/metrics")}
    for (method, path), operation in operations.items():
        assert operation["summary"], path
        assert operation["description"], path
        contents = [answer.get("content") for status, answer in operation["responses"].items() if status[0] == "2"]
        assert contents
        shown = [one["example"] for content in contents if content for one in content.values()]
        assert all(shown), (method, path)
        if body := operation.get("requestBody"):
            assert body["content"]["application/json"]["examples"]


def check(example: Any, found: Any, where: str) -> None:
    """What is found has the shape of the example: the same keys, and values of the same kinds."""
    if isinstance(example, Mapping):
        assert isinstance(found, Mapping), where
        assert found.keys() == example.keys(), where
        for key in example:
            if key not in ("job", "unfinished", "last", "counts") or found[key] is not None:
                check(example[key], found[key], f"{where}.{key}")
    elif isinstance(example, list):
        assert isinstance(found, list), where
        for one in found if example else ():
            check(example[0], one, f"{where}[]")
    elif example is not None and found is not None:
        assert isinstance(found, int | float if isinstance(example, int | float) else type(example)), where


async def test_the_examples_are_like_what_is_answered(served: Served) -> None:
    await served.queue.enqueue("echo hi", id="a")
    await served.queue.enqueue("echo no; exit 1", id="b", max_retries=0, after_any=["a"])
    await work(served.queue)
    await served.queue.schedules.add("nightly", "@daily", "./backup.sh")
    await served.queue.enqueue("true", delay=60)
    for path, example in (
        ("/api/jobs", examples.PAGE_OF_JOBS),
        ("/api/jobs/b", examples.WHOLE_JOB),
        ("/api/jobs/a/events", [examples.EVENT]),
        ("/api/jobs/a/output", examples.OUTPUT),
        ("/api/queues", [examples.QUEUE]),
        ("/api/status", examples.STATUS),
        ("/api/cron", [examples.SCHEDULE]),
        ("/api/overview", examples.OVERVIEW),
        ("/api/dead", examples.DEAD),
        ("/api/session", examples.SESSION),
    ):
        check(example, await served.get(path), path)
    check(examples.PROBLEM, await served.send("POST", "/api/jobs/a/cancel", status=409), "problem")


async def test_the_examples_of_what_is_sent_are_taken(served: Served) -> None:
    described = await document(served)
    await served.queue.enqueue("true", id="a")
    for path, method in (("/api/jobs", "post"), ("/api/cron", "post"), ("/api/queues/{name}", "put")):
        content = described["paths"][path][method]["requestBody"]["content"]["application/json"]
        for example in content["examples"].values():
            where = path.replace("{name}", "mail")
            answer = await served.client.request(method.upper(), where, json=example["value"])
            assert answer.is_success, answer.text
    edit = described["paths"]["/api/jobs/{job_id}"]["patch"]["requestBody"]["content"]["application/json"]
    for example in edit["examples"].values():
        await served.send("PATCH", "/api/jobs/a", example["value"])


def test_a_shape_is_read_off_an_example() -> None:
    assert shape({"a": 1, "b": None, "c": [True], "d": "x"}) == {
        "type": "object",
        "properties": {
            "a": {"type": ["number", "null"]},
            "b": {},
            "c": {"type": "array", "items": {"type": "boolean"}},
            "d": {"type": ["string", "null"]},
        },
    }


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]


async def test_the_page_of_the_api_takes_nothing_from_other_hosts(served: Served) -> None:
    answer = await served.client.get("/docs")
    page = Links()
    page.feed(answer.text)
    assert not page.tags & {"script", "style", "iframe", "img"}
    for link in page.links:
        assert link.startswith("/")
        assert (await served.client.get(link)).status_code == 200
    assert "/api/jobs/{job_id}/output" in html.unescape(answer.text)


EXAMPLES = 3
"""Requests of each kind to each route; what they are does not change from run to run."""


async def test_nothing_that_it_allows_or_forbids_is_a_mistake_of_the_server(tmp_path: Path) -> None:
    async with serving(tmp_path, TOKEN) as served:
        await served.queue.enqueue("echo hi", id="a", tags=["x"])
        await work(served.queue)
        await served.queue.schedules.add("nightly", "@daily", "true")
        described = await document(served)
        asked = await asyncio.to_thread(_ask_everything, described, served.url, BEARER)
    assert sum(asked.values()) > 100
    assert {status: count for status, count in asked.items() if status >= 500} in ({}, {503: asked[503]})


def _ask_everything(described: dict[str, Any], url: str, headers: dict[str, str]) -> Counter[int]:
    """Ask for everything in all ways; returns how often each status was answered."""
    asked: Counter[int] = Counter()
    with requests.Session() as session:
        for result in schemathesis.openapi.from_dict(described).get_all_operations():
            for mode in schemathesis.GenerationMode:
                assert isinstance(result, Ok), result
                _ask(result.ok().as_strategy(generation_mode=mode), asked, url, headers, session)
    return asked


def _ask(
    cases: SearchStrategy[schemathesis.Case[Any]],
    asked: Counter[int],
    url: str,
    headers: dict[str, str],
    session: requests.Session,
) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def ask(case: schemathesis.Case[Any]) -> None:
        answer = case.call(url, session=session, headers=dict(headers))
        assert answer.status_code < 500 or case.path == "/readyz", (case.as_curl_command(), answer.text)
        if answer.status_code >= 400 and case.method != "HEAD":
            assert answer.headers["content-type"] == ["application/problem+json"]
        asked[answer.status_code] += 1

    with contextlib.suppress(Unsatisfiable):  # where nothing can be wrong
        ask()
