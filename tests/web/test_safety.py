"""Enqueuing is running commands: what is refused, and to whom."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from aqueue.model.errors import Refused
from aqueue.web import access, guard, server
from aqueue.web.access import IDLE, MOST_SESSIONS, Access, Sessions
from aqueue.web.app import ROUTERS
from aqueue.web.problems import Problem
from aqueue.web.rules import SAFE, Need, is_known, need_of
from aqueue.web.server import LONGEST_HEAD

from .harness import BEARER, JSON, PATIENCE, TOKEN, Served, raw, serving

PLACES = ["/", "/login", "/static/index.html", "/docs", "/openapi.json", "/api/session", "/api/jobs", "/nowhere"]
"""Places of every kind, but for the probes."""


def unsafe() -> Iterator[tuple[str, str]]:
    """All routes that change something."""
    routes: list[BaseRoute] = [route for router in ROUTERS for route in router.routes]
    for route in routes:
        if isinstance(route, APIRoute):
            for method in (route.methods or set()) - SAFE:
                yield method, route.path.replace("{job_id}", "1").replace("{name}", "mail")


UNSAFE = sorted(unsafe())
CHANGES = [(method, path) for method, path in UNSAFE if path != "/api/session"]


@pytest.fixture(autouse=True)
def _no_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PENALTY", 0.0)


def test_of_every_route_that_changes_something_it_is_known_what_it_takes() -> None:
    assert UNSAFE
    assert [asked for asked in UNSAFE if not is_known(*asked)] == []
    commands = {("POST", "/api/jobs"), ("PATCH", "/api/jobs/1"), ("POST", "/api/cron")}
    assert {asked for asked in UNSAFE if need_of(*asked) is Need.COMMAND} == commands


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"])
async def test_a_rebound_host_is_refused(served: Served, host: str) -> None:
    for path in PLACES:
        answer = await served.client.get(path, headers={"Host": host})
        assert answer.status_code == 403
        assert "--allow-host" in answer.json()["detail"]


async def test_a_request_without_a_host_or_with_two_is_refused(plain: Served) -> None:
    assert (await raw(plain.port, b"GET /api/jobs HTTP/1.0\r\n\r\n"))[0] == 403
    two = b"GET /api/jobs HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    assert (await raw(plain.port, two))[0] == 400
    absolute = b"GET http://localhost/api/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert (await raw(plain.port, absolute))[0] == 400


async def test_probes_are_answered_under_every_name_and_without_a_token(closed: Served) -> None:
    for path, status in (("/healthz", 200), ("/readyz", 503)):
        for headers in ({}, {"Host": "aqueue.default.svc"}, {"Origin": "http://evil.example"}):
            assert (await closed.client.get(path, headers=headers)).status_code == status


async def test_a_host_that_was_allowed_is_answered(tmp_path: Path) -> None:
    async with serving(tmp_path, hosts=["queue.lan"]) as served:
        for host in ("queue.lan", "Queue.LAN:8080", "localhost", "[::1]"):
            await served.get("/api/jobs", headers={"Host": host})


@pytest.mark.parametrize("name", ["http://queue.lan", "queue.lan:80", "", "a b", "*"])
async def test_what_is_no_name_cannot_be_allowed(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="no name of a host"):
        async with serving(tmp_path, hosts=[name]):
            pass


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
async def test_a_page_of_another_origin_is_refused(served: Served, origin: str) -> None:
    for path in PLACES:
        for method in ("GET", "POST", "OPTIONS"):
            answer = await served.client.request(method, path, headers={"Origin": origin, **JSON})
            assert (answer.status_code, answer.json()["detail"]) == (403, "a page of another origin asks")
            assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/api/jobs", "/api/jobs/1/cancel", "/openapi.json"])
async def test_a_page_of_another_site_is_refused_also_where_it_navigates(served: Served, path: str) -> None:
    await served.queue.enqueue("true")
    for site in ("cross-site", "same-site"):
        for mode in ("cors", "no-cors", "navigate"):
            headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, **JSON}
            for method in ("GET", "POST"):
                assert (await served.client.request(method, path, headers=headers)).status_code == 403
    assert (await served.queue.get("1")).state == "pending"


async def test_a_link_on_another_site_leads_to_a_page(served: Served) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await served.client.get("/jobs/7", headers=headers)).status_code == 200


async def test_a_page_of_ours_may_ask(served: Served) -> None:
    headers = {"Origin": served.url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", **JSON}
    answer = await served.client.post("/api/jobs", content='{"command": "true"}', headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_what_a_form_can_send_changes_nothing(served: Served, kind: str) -> None:
    await served.queue.enqueue("true")
    for path in ("/api/jobs", "/api/jobs/1/cancel"):
        answer = await served.client.post(path, content='{"command": "true"}', headers={"Content-Type": kind})
        assert answer.status_code == 415
    assert (await served.queue.status()).total == 1
    assert (await served.queue.get("1")).state == "pending"


async def test_what_has_no_body_needs_no_type_but_from_a_browser(plain: Served) -> None:
    await plain.queue.enqueue("true")
    assert (await plain.client.post("/api/jobs/1/hold")).status_code == 200
    assert (await plain.client.post("/api/jobs/1/release", headers={"Origin": plain.url})).status_code == 415


WRONG: list[dict[str, str]] = [
    {},
    {"Authorization": "Bearer wrong"},
    {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": f"Bearer {TOKEN[:-1]}"},
    {"Authorization": "Bearer"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": TOKEN},
    {"Authorization": "Bearer " + "x" * 9000},
    {"Authorization": "Bearer \xff\xfe"},
    {"Cookie": f"aqueue={TOKEN}"},
    {"X-Token": TOKEN},
]


@pytest.mark.parametrize("path", ["/api/jobs", f"/api/jobs?token={TOKEN}", "/docs", "/openapi.json", "/nowhere"])
async def test_without_the_right_token_nothing_is_answered(closed: Served, path: str) -> None:
    for headers in WRONG:
        sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        answer = await closed.client.get(path, headers=sent)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_token_that_fits_into_no_request_is_refused(closed: Served) -> None:
    request = b"GET /api/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + b"x" * LONGEST_HEAD
    assert (await raw(closed.port, request))[0] == 400


async def test_every_change_wants_the_token(closed: Served) -> None:
    for method, path in CHANGES:
        assert (await closed.client.request(method, path, headers=JSON)).status_code == 401


async def test_a_page_says_that_the_token_is_missing_and_is_there(closed: Served) -> None:
    for path in ("/", "/jobs", "/jobs/7", "/dead", "/queues", "/schedules", "/enqueue"):
        answer = await closed.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert (await closed.client.get(path, headers=BEARER)).status_code == 200


async def test_what_it_takes_to_log_in_needs_no_token(closed: Served) -> None:
    assert (await closed.client.get("/login")).status_code == 200
    assert (await closed.client.get("/static/index.html")).status_code == 200
    session = await closed.get("/api/session")
    assert session.pop("version")
    assert session == {"login": True, "token": True, "may_enqueue": False, "may_change": False, "read_only": False}


async def test_without_a_token_no_command_is_made_or_changed(plain: Served) -> None:
    await plain.queue.enqueue("true", id="a")
    for method, path, document in (
        ("POST", "/api/jobs", {"command": "touch made"}),
        ("PATCH", "/api/jobs/a", {"command": "touch made"}),
        ("POST", "/api/cron", {"name": "x", "schedule": "@daily", "command": "touch made"}),
    ):
        problem = await plain.send(method, path, document, status=403)
        assert "AQUEUE_TOKEN" in problem["detail"]
    assert (await plain.queue.get("a")).command == "true"
    assert (await plain.queue.status()).total == 1
    assert await plain.queue.schedules.list() == []
    assert (await plain.get("/api/session"))["may_enqueue"] is False


async def test_without_a_token_the_verbs_on_what_is_there_are_done(plain: Served) -> None:
    await plain.queue.enqueue("true", id="a")
    assert (await plain.send("POST", "/api/jobs/a/hold"))["held"] is True
    await plain.send("POST", "/api/queues/default/pause")
    await plain.send("DELETE", "/api/jobs/a", status=204)


async def test_read_only_refuses_every_change(tmp_path: Path) -> None:
    async with serving(tmp_path, TOKEN, read_only=True) as served:
        for method, path in CHANGES:
            problem = await served.send(method, path, {}, status=403)
            assert problem["detail"] == "this server was started to be read only"
        assert (await served.get("/api/session"))["may_change"] is False


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_without_a_token_it_listens_on_this_machine_alone(tmp_path: Path, host: str) -> None:
    with pytest.raises(Refused, match="set AQUEUE_TOKEN"):
        async with serving(tmp_path, host=host):
            pass


async def test_with_a_token_it_listens_everywhere(tmp_path: Path) -> None:
    async with serving(tmp_path, TOKEN, host="0.0.0.0") as served:
        await served.get("/api/jobs")


@pytest.mark.parametrize("token", ["with space", "new\nline", "schlüssel"])
async def test_a_token_that_no_header_can_hold_is_refused(tmp_path: Path, token: str) -> None:
    with pytest.raises(Refused, match="printable ASCII") as refused:
        async with serving(tmp_path, token):
            pass
    assert token not in str(refused.value)


async def test_the_token_is_in_no_log_and_no_answer(
    closed: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [
        await closed.client.post("/api/session", content=json.dumps({"token": TOKEN}), headers=JSON),
        await closed.client.get("/api/jobs", headers=BEARER),
        await closed.client.get("/api/jobs", headers={"Authorization": f"Bearer {TOKEN}!"}),
    ]
    for answer in answers:
        assert TOKEN not in answer.text
        assert TOKEN not in str(answer.headers)
    ours = [record for record in caplog.records if not record.name.startswith(("http", "hpack"))]
    assert TOKEN not in "".join(str(record.__dict__) for record in ours)
    assert TOKEN not in "".join(capfd.readouterr())


async def log_in(served: Served, token: object = TOKEN, **headers: str) -> httpx.Response:
    return await served.client.post("/api/session", content=json.dumps({"token": token}), headers={**JSON, **headers})


async def test_a_browser_logs_in_once_and_out_again(closed: Served) -> None:
    answer = await log_in(closed, Origin=closed.url)
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    await closed.get("/api/jobs")  # the client keeps cookies
    assert (await closed.get("/api/session"))["may_enqueue"] is True
    async with closed.live(additional_headers={"Cookie": cookie.partition(";")[0], "Origin": closed.url}) as live:
        await live.hears()
        await closed.send("DELETE", "/api/session", status=204)
        await closed.queue.enqueue("true")
        assert await live.is_closed() == 1008
    closed.client.cookies.clear()
    stolen = {"Cookie": cookie.partition(";")[0]}
    assert (await closed.client.get("/api/jobs", headers=stolen)).status_code == 401


@pytest.mark.parametrize("headers", [{"Origin": "https://localhost"}, {"X-Forwarded-Proto": "https"}])
async def test_the_cookie_is_secure_where_the_browser_came_by_tls(closed: Served, headers: dict[str, str]) -> None:
    answer = await log_in(closed, Host="localhost", **headers)
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("token", ["wrong", "", TOKEN * 1000, "\ud800"])
async def test_a_wrong_token_opens_no_session(closed: Served, token: str) -> None:
    answer = await log_in(closed, token)
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"token": 7}', '{"token": "x", "more": 1}', "\xff", "null"])
async def test_a_login_that_is_none_is_told_so(closed: Served, body: str) -> None:
    answer = await closed.client.post("/api/session", content=body.encode("latin-1"), headers=JSON)
    assert answer.status_code in (400, 422)


async def test_where_there_is_no_token_there_is_nothing_to_log_in_to(plain: Served) -> None:
    assert (await log_in(plain)).status_code == 409


def test_a_session_is_over_half_a_day_after_its_last_use() -> None:
    moments = [0.0]
    sessions = Sessions(lambda: moments[-1])
    key = access._key(sessions.begin())
    for moment in (IDLE, 2 * IDLE, 3 * IDLE):
        moments.append(moment)
        assert sessions.touch(key)
    moments.append(4 * IDLE + 1)
    assert not sessions.touch(key)
    assert not sessions.touch(key)


def test_there_are_only_so_many_sessions() -> None:
    sessions = Sessions(lambda: 0.0)
    first, second = access._key(sessions.begin()), access._key(sessions.begin())
    assert sessions.touch(first)
    for _ in range(MOST_SESSIONS - 1):
        sessions.begin()
    assert (sessions.touch(first), sessions.touch(second)) == (True, False)


async def test_those_who_guess_wait_for_one_another_and_nobody_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PENALTY", 3600.0)
    door = Access(TOKEN)
    guesses = [asyncio.ensure_future(door.check("wrong")) for _ in range(access.MOST_WAITING)]
    await asyncio.sleep(0)
    await door.check(TOKEN)
    with pytest.raises(Problem) as problem:
        await door.check("wrong")
    assert problem.value.status == 429
    for guess in guesses:
        guess.cancel()
    await asyncio.gather(*guesses, return_exceptions=True)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"additional_headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
    ],
    ids=str,
)
async def test_a_websocket_of_another_origin_is_refused(plain: Served, options: dict[str, Any], status: int) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with plain.live(**options):
            pass
    assert refused.value.response.status_code == status


async def test_a_websocket_under_a_rebound_host_is_refused(plain: Served) -> None:
    request = (
        b"GET /api/live HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert (await raw(plain.port, request))[0] == 403


async def test_a_websocket_wants_the_token_too(closed: Served) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": f"aqueue-{closed.port}=x"}):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with closed.live(additional_headers=headers):
                pass
        assert refused.value.response.status_code == 401
    async with closed.live(additional_headers=BEARER) as live:
        await live.hears()


TRICKS = (
    "/api/jobs/..",
    "/api/jobs/../queues",
    "/api/jobs/%2e%2e",
    "/api/jobs/%2e%2e%2fqueues",
    "/api/jobs/..%2f..%2f..%2fetc%2fpasswd",
    "/api/jobs/%00",
    "/api/jobs/1%00",
    "/api/jobs/1%0d%0aX:%20y",
    "/api/jobs/1%0a",
    "/api/jobs/%ff",
    "/api/jobs/1;x",
    "/api/jobs/'%20OR%201=1",
    "/api/jobs/01",
    "/api/jobs/%EF%BC%91",
    "/api/jobs/1/",
    "/api/jobs//1",
    "//api/jobs/1",
    "/api/jobs/1/output/../../2",
    "/static/../app.py",
    "/static/%2e%2e/app.py",
    "/static/..%2fapp.py",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static/",
    "/static/index.html%00.css",
    "/api/queues/..%2fjobs/pause",
)


async def test_tricks_with_paths_lead_nowhere(served: Served) -> None:
    await served.queue.enqueue("true")
    for path in TRICKS:
        for method in ("GET", "DELETE"):
            head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
            status, answer = await raw(served.port, f"{head}Connection: close\r\n\r\n".encode())
            assert status in (400, 404, 405, 422), (path, answer)
            assert b"root:" not in answer
            assert b"Traceback" not in answer
    assert (await served.queue.status()).total == 1


async def test_a_body_may_only_be_so_large(served: Served) -> None:
    await served.queue.enqueue("true")
    large = b'{"command": "' + b"x" * guard.MOST_BYTES + b'"}'
    for method, path in (("PATCH", "/api/jobs/1"), ("POST", "/api/session"), ("POST", "/api/cron")):
        answer = await served.client.request(method, path, content=large, headers=JSON)
        assert answer.status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * (guard.MOST_BYTES // 32)

    answer = await served.client.patch("/api/jobs/1", content=pieces(), headers=JSON)
    assert answer.status_code == 413


async def test_so_may_that_of_jobs(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert guard.MOST_BYTES_OF_JOBS == 64 * 1024**2
    monkeypatch.setattr(guard, "MOST_BYTES_OF_JOBS", 1000)
    long = json.dumps([{"command": "true"}] * 100)
    assert (await served.client.post("/api/jobs", content=long, headers=JSON)).status_code == 413
    assert (await served.queue.status()).total == 0


async def test_values_of_the_environment_are_never_shown(served: Served) -> None:
    secret = "correct-horse"
    await served.send("POST", "/api/jobs", {"command": "true", "env": {"KEY": secret}}, status=201)
    schedule = {"name": "x", "schedule": "@daily", "command": "true", "env": {"KEY": secret}}
    async with served.live(cursor=0, additional_headers=BEARER) as live:
        shown = [json.dumps(await live.hears())]
    shown.append(json.dumps(await served.send("POST", "/api/cron", schedule, status=201)))
    paths = ("/api/jobs", "/api/jobs/1", "/api/jobs/1/events", "/api/overview", "/api/cron", "/api/status")
    shown += [(await served.client.get(path)).text for path in paths]
    assert [text for text in shown if secret in text] == []
    assert '"env":["KEY"]' in shown[2]


@pytest.mark.parametrize("path", [*PLACES, "/healthz"])
async def test_every_answer_has_the_headers_that_keep_browsers_in_check(closed: Served, path: str) -> None:
    headers = (await closed.client.get(path)).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] in ("no-store", "no-cache")
    assert headers["date"]
    assert "server" not in headers


@pytest.mark.parametrize("begun", [b"", b"GET /api/jobs HTTP/1.1\r\nHost: local"], ids=["nothing", "half a request"])
async def test_who_does_not_come_to_the_point_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(server, "KEEP_ALIVE", 0.05)
    async with serving(tmp_path) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(begun)
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
        writer.close()


async def test_who_asks_and_waits_is_answered_and_then_waited_for_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "KEEP_ALIVE", 0.05)
    async with serving(tmp_path) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        for _ in range(2):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            assert (await reader.read()).count(b"HTTP/1.1 200 OK") == 2
        writer.close()
        async with served.live() as live:  # which is waited for
            await live.hears()
            await asyncio.sleep(0.15)
            await served.queue.enqueue("true", id="a")
            await live.hears_of("a", "pending")
