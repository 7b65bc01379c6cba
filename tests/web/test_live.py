"""The live channel: what changes is told as it happens, to many pages, also to slow ones."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aqueue.model.document import job_document
from aqueue.model.errors import StoreUnavailable
from aqueue.web import serving as http
from aqueue.web.feed import MOST_JOBS, Feed, News

from .harness import PATIENCE, Served, serving, work


async def test_a_page_is_told_how_things_are_and_then_what_changes(plain: Served) -> None:
    await plain.queue.enqueue("true", id="before")
    async with plain.live() as live:
        first = await live.hears()
        assert (first["jobs"], first["removed"], first["more"]) == ([], [], False)
        assert first["status"] == await plain.get("/api/status")
        await plain.queue.enqueue("true", id="a")
        told = await live.hears_of("a", "pending")
        assert told["cursor"] > first["cursor"]
        assert told["jobs"] == [job_document(await plain.queue.get("a"))]
        assert told["status"]["counts"]["pending"] == 2
        await plain.queue.cancel("a")
        await live.hears_of("a", "cancelled")


async def test_a_page_that_comes_back_is_told_what_it_has_missed(plain: Served) -> None:
    async with plain.live() as live:
        cursor = (await live.hears())["cursor"]
    await plain.queue.enqueue("true", id="a")
    await plain.queue.enqueue("true", id="b")
    await plain.queue.remove("b")
    async with plain.live(cursor) as live:
        message = await live.hears()
        assert [job["id"] for job in message["jobs"]] == ["a"]
        assert message["removed"] == ["b"]
        assert message["more"] is False


async def test_a_page_that_has_missed_too_much_is_told_to_load_again(plain: Served) -> None:
    for number in range(MOST_JOBS + 1):
        await plain.queue.enqueue("true", id=f"job-{number}")
    async with plain.live(0) as live:
        message = await live.hears()
        assert message["more"] is True
        assert {job["id"] for job in message["jobs"]} == {f"job-{number}" for number in range(1, MOST_JOBS + 1)}


async def test_an_edit_is_told(plain: Served) -> None:
    await plain.queue.enqueue("true", id="a")
    async with plain.live() as live:
        await live.hears()
        await plain.queue.edit("a", command="false")
        assert [job["command"] for job in (await live.hears())["jobs"]] == ["false"]


async def test_whoever_removes_a_job_it_is_told(plain: Served) -> None:
    await plain.queue.enqueue("true", id="a")
    async with plain.live() as live:
        await live.hears()
        await plain.queue.remove("a")
        assert (await live.hears())["removed"] == ["a"]
        await plain.queue.enqueue("true", id="b")
        assert (await live.hears_of("b", "pending"))["removed"] == []


async def test_a_page_hears_when_a_queue_is_paused(plain: Served) -> None:
    await plain.queue.enqueue("true")
    async with plain.live() as live:
        await live.hears()
        await plain.queue.pause_queue("default")
        assert (await live.hears())["status"]["queues"][0]["paused"] is True


async def test_all_pages_are_told_the_same(plain: Served) -> None:
    async with plain.live() as one, plain.live() as other:
        await one.hears()
        await other.hears()
        await plain.queue.enqueue("true", id="a")
        assert await one.hears_of("a", "pending") == await other.hears_of("a", "pending")


async def test_what_a_run_prints_is_told_while_it_prints(plain: Served, tmp_path: Path) -> None:
    go = tmp_path / "go"
    await plain.queue.enqueue(f"echo one; echo two >&2; until test -e {go}; do sleep 0.01; done; echo three", id="a")
    async with plain.live() as live:
        await live.hears()
        await live.says({"follow": {"job": "a", "run": 1, "start": 0}})
        working = asyncio.create_task(work(plain.queue))
        heard, messages = "", 0
        while True:
            output = (await live.hears()).get("output")
            if output is None:
                continue
            messages += 1
            assert (output["job"], output["run"]) == ("a", 1)
            heard += "".join(piece["text"] for piece in output["pieces"])
            if "two" in heard:
                go.touch()
            if output["ended"]:
                break
        await working
    assert sorted(heard.split()) == ["one", "three", "two"]
    assert messages >= 2


async def test_progress_is_told_although_the_state_stays(plain: Served, tmp_path: Path) -> None:
    go = tmp_path / "go"
    await plain.queue.enqueue(f"until test -e {go}; do sleep 0.01; done; echo ::progress 42 half; sleep 60", id="a")
    async with plain.live() as live:
        working = asyncio.create_task(work(plain.queue))
        await live.hears_of("a", "processing")
        go.touch()
        while not any(job["progress"] for job in (await live.hears())["jobs"]):
            pass
        await plain.queue.cancel("a")
        await working


async def test_output_that_is_there_already_is_told_in_parts(plain: Served) -> None:
    await plain.queue.enqueue("head -c 600000 /dev/zero | tr '\\0' x", id="a")
    await work(plain.queue)
    async with plain.live() as live:
        await live.hears()
        await live.says({"follow": {"job": "a", "run": 1, "start": 5}})
        parts = []
        while True:
            if output := (await live.hears()).get("output"):
                parts.append(output)
                if output["ended"]:
                    break
    assert len(parts) > 1
    pieces = [piece for part in parts for piece in part["pieces"]]
    assert (pieces[0]["start"], parts[-1]["next"]) == (5, 600000)
    assert sum(len(piece["text"]) for piece in pieces) == 600000 - 5


async def test_following_a_job_that_is_not_there_is_over_at_once(plain: Served) -> None:
    async with plain.live() as live:
        await live.hears()
        await live.says({"follow": {"job": "nope", "run": 1, "start": 0}})
        output = (await live.hears())["output"]
        assert output == {"job": "nope", "run": 1, "pieces": [], "next": 0, "ended": True}


async def test_a_page_that_follows_no_more_hears_no_output(plain: Served) -> None:
    await plain.queue.enqueue("echo hello", id="a")
    async with plain.live() as live:
        await live.hears()
        await live.says({"follow": {"job": "a", "run": 1, "start": 0}})
        await live.says({"follow": None})
        await work(plain.queue)
        while True:
            message = await live.hears()
            assert "output" not in message
            if message["status"]["counts"]["completed"]:
                break


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("", 1003),
        ("{", 1003),
        ("[]", 1003),
        ("{}", 1003),
        ('{"follow": 7}', 1003),
        ('{"follow": {}}', 1003),
        ('{"follow": {"job": 7, "run": 1, "start": 0}}', 1003),
        ('{"follow": {"job": "7", "run": -1, "start": 0}}', 1003),
        ('{"follow": {"job": "7", "run": 99999999999999999999, "start": 0}}', 1003),
        ('{"follow": null, "more": 1}', 1003),
        ('{"follow": null, "follow": null}', 1003),
        (b'{"follow": null}', 1003),
        (f'{{"follow": null{" " * 5000}}}', 1009),
        ("x" * 100_000, 1009),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_not_understood_closes_the_page(plain: Served, said: str | bytes, code: int) -> None:
    async with plain.live() as live:
        await live.hears()
        await live.says(said)
        assert await live.is_closed() == code


async def test_the_feed_ends_with_its_last_page_and_begins_anew(plain: Served) -> None:
    def tasks() -> set[str]:
        return {task.get_name() for task in asyncio.all_tasks()}

    for number in range(2):
        assert "feed" not in tasks()
        async with plain.live() as live:
            await live.hears()
            assert "feed" in tasks()
            await plain.queue.enqueue("true", id=f"a{number}")
            await live.hears_of(f"a{number}", "pending")
        async with asyncio.timeout(PATIENCE):
            while "feed" in tasks():  # noqa: ASYNC110 - it is the server that sees that the page has gone
                await asyncio.sleep(0)


async def test_at_the_end_pages_are_told_that_the_server_goes(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as site, contextlib.AsyncExitStack() as pages:
        served = await site.enter_async_context(serving(tmp_path))
        lives = [await pages.enter_async_context(served.live()) for _ in range(3)]
        for live in lives:
            await live.hears()
        closed = [asyncio.ensure_future(live.is_closed()) for live in lives]
        await site.aclose()
        assert [await one for one in closed] == [1001] * 3


async def test_nothing_is_sent_while_nothing_changes(plain: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async with plain.live() as live:
        await live.hears()
        looks = asyncio.Event()
        look = Feed._look

        async def looked(self: Feed) -> None:
            await look(self)
            looks.set()

        monkeypatch.setattr(Feed, "_look", looked)
        await plain.queue.set_setting("kill_after", "5s")  # which rings
        await asyncio.wait_for(looks.wait(), PATIENCE)
        await plain.queue.enqueue("true", id="a")
        assert [job["id"] for job in (await live.hears())["jobs"]] == ["a"]


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), RuntimeError("a mistake")], ids=repr)
async def test_when_the_feed_can_read_no_more_no_page_seems_live(
    plain: Served, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def broken(_: Feed) -> None:
        raise error

    with monkeypatch.context() as for_now:
        async with plain.live() as live:
            await live.hears()
            for_now.setattr(Feed, "_look", broken)
            await plain.queue.enqueue("true", id="a")
            assert await live.is_closed() == 1011
    async with plain.live(0) as live:
        await live.hears_of("a", "pending")
        await plain.queue.enqueue("true", id="b")
        await live.hears_of("b", "pending")


def news(cursor: int, *ids: str, removed: tuple[str, ...] = (), more: bool = False, command: str = "true") -> News:
    jobs = {one: {"id": one, "cursor": cursor, "command": command} for one in ids}
    return News(cursor, jobs, dict.fromkeys(removed), {"total": cursor}, more=more)


def page_of(news: News) -> Mapping[str, Any]:
    document: dict[str, Any] = json.loads(news.text + "}")
    return document


def test_news_that_could_not_be_told_are_put_together() -> None:
    later = news(2, "b", "c", removed=("x",)).after(news(1, "a", "b", removed=("y",)))
    document = page_of(later)
    assert document["cursor"] == 2
    assert [(job["id"], job["cursor"]) for job in document["jobs"]] == [("a", 1), ("b", 2), ("c", 2)]
    assert document["removed"] == ["y", "x"]
    assert document["status"] == {"total": 2}
    assert document["more"] is False


def test_they_never_become_more_than_one_message() -> None:
    told = news(0)
    for number in range(1000):
        told = news(number, f"a{number}", removed=(f"r{number}",)).after(told)
    document = page_of(told)
    assert [job["id"] for job in document["jobs"]] == [f"a{number}" for number in range(1000 - MOST_JOBS, 1000)]
    assert len(document["removed"]) == MOST_JOBS
    assert document["more"] is True


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel keeps little of what was not read."""

    def options(family: int) -> Iterator[tuple[int, int, int]]:
        yield from _options(family)
        yield socket.SOL_SOCKET, socket.SO_SNDBUF, 4096

    _options = http._socket_options
    monkeypatch.setattr(http, "_socket_options", options)


@pytest.mark.usefixtures("small_buffers")
async def test_a_slow_client_keeps_nobody_waiting_and_gets_what_it_missed_in_one(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.setblocking(False)
        await asyncio.get_running_loop().sock_connect(small, ("127.0.0.1", served.port))
        ids = [f"job-{number}" for number in range(8)]
        async with served.live(sock=small, max_queue=1, max_size=None) as slow, served.live(max_size=None) as quick:
            for one in ids:
                await served.queue.enqueue("true # " + "x" * 100_000, id=one)
                await quick.hears_of(one, "pending")
            told: list[list[str]] = []
            while len({one for some in told for one in some}) < len(ids):
                told.append([job["id"] for job in (await slow.hears())["jobs"]])
    assert list(dict.fromkeys(one for some in told for one in some)) == ids  # added while it opens: told twice
    assert max(map(len, told)) > 3


@pytest.mark.usefixtures("small_buffers")
async def test_a_client_that_takes_nothing_does_not_hold_up_the_end(tmp_path: Path) -> None:
    small = socket.socket()
    async with serving(tmp_path) as served:
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.connect(("127.0.0.1", served.port))
        small.sendall(
            b"GET /api/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        async with served.live(max_size=None) as quick:
            for number in range(4):
                await served.queue.enqueue("true # " + "x" * 100_000, id=f"job-{number}")
                await quick.hears_of(f"job-{number}", "pending")
    small.close()


async def test_a_client_that_is_gone_costs_nothing(plain: Served) -> None:
    async with plain.live() as gone:
        await gone.hears()
        gone.socket.transport.abort()
    await plain.queue.enqueue("true", id="a")
    async with plain.live(0) as live:
        await live.hears_of("a", "pending")


def test_long_commands_do_not_make_a_message_long() -> None:
    told = news(1, *"abcdefghijkl", command="x" * 100_000).after(news(0))
    assert [job["id"] for job in page_of(told)["jobs"]] == list("cdefghijkl")
    assert told.more


async def test_an_idle_server_with_an_open_page_has_nothing_that_would_wake_it(plain: Served) -> None:
    def timers() -> list[asyncio.TimerHandle]:
        loop: Any = asyncio.get_running_loop()
        return [timer for timer in loop._scheduled if not timer.cancelled()]

    async with plain.live(ping_interval=None) as live:
        await live.hears()
        await plain.queue.enqueue("true", id="a")
        await live.hears_of("a", "pending")
        for _ in range(1000):
            if not timers():
                return
            await asyncio.sleep(0.01)  # until the feed has rested
        raise AssertionError(timers())
