"""Serving as a person meets it: real processes, what they refuse at their start, and how they go."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest
import websockets

import aqueue
from aqueue.cli.serving import Pages, parse_address
from aqueue.cli.working import _Shown
from aqueue.engine.events import Began
from aqueue.engine.node import Node, Options
from aqueue.model.errors import InvalidInput
from aqueue.queue import Queue
from aqueue.store import open_store

from .harness import BEARER, JSON, PATIENCE, TOKEN, Live

NOTHING: Mapping[str, str] = MappingProxyType({})


class Program:
    """`aqueue` with these words, in a folder of its own."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def says(self, part: str) -> str:
        """Wait for a line on stdout that has this in it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                if part in line:
                    return line.rstrip("\n")
        raise AssertionError(f"never said {part!r}: {await self.ends()}")

    async def ends(self) -> tuple[int | None, str, str]:
        """Wait for its end; returns its code and what else it said."""
        out, err = await asyncio.wait_for(self.process.communicate(), PATIENCE)
        return self.process.returncode, out.decode(), err.decode()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@contextlib.asynccontextmanager
async def program(folder: Path, *words: str, environ: Mapping[str, str] = NOTHING) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aqueue", *words),
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(Path(aqueue.__file__).parents[1]),
            "AQUEUE_DB": str(folder / "queue.db"),
            **environ,
        },
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@contextlib.asynccontextmanager
async def opened(url: str, headers: Mapping[str, str] = NOTHING) -> AsyncIterator[Live]:
    """A page of what is served there."""
    try:
        async with websockets.connect(f"ws{url[4:]}/api/live", additional_headers=headers, proxy=None) as socket_:
            yield Live(socket_)
    except websockets.InvalidStatus as refused:
        raise AssertionError((url, refused.response.headers, refused.response.body)) from refused


async def test_a_worker_serves_until_it_has_drained(tmp_path: Path) -> None:
    go = tmp_path / "go"
    words = ("worker", "--http", "127.0.0.1:0")
    async with program(tmp_path, *words, environ={"AQUEUE_TOKEN": TOKEN}) as worker:
        url = (await worker.says("started: ")).rpartition(", ")[2]
        assert url.startswith("http://127.0.0.1:")
        async with httpx.AsyncClient(base_url=url, headers=BEARER, verify=False) as client:
            assert (await client.get("/readyz")).status_code == 200
            job = {"id": "a", "command": f"env; until test -e {go}; do sleep 0.01; done"}
            await client.post("/api/jobs", content=json.dumps(job), headers=JSON)
            await worker.says("a started")
            slots = (await client.get("/api/overview")).json()["workers"][0]["slots"]
            assert [slot["job"]["id"] for slot in slots if slot["job"]] == ["a"]
            async with opened(url, BEARER) as live:
                await live.hears()
                worker.send(signal.SIGTERM)
                await worker.says("Draining")
                assert (await client.get("/readyz")).status_code == 503
                assert (await client.get("/healthz")).status_code == 200
                await client.post("/api/jobs", content='{"id": "b", "command": "true"}', headers=JSON)
                await live.hears_of("b", "pending")
                go.touch()
                await live.hears_of("a", "completed")
                assert await live.is_closed() == 1001
        code, _, err = await worker.ends()
    assert (code, err) == (0, "")
    async with Queue.open(tmp_path / "queue.db", environ={}) as queue:
        assert (await queue.get("b")).state == "pending"
        printed = b"".join([piece.data async for piece in queue.output(await queue.get("a"), 1)])
    assert TOKEN.encode() not in printed


async def test_a_worker_in_the_background_serves_too(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("worker", "start", "--detach", "--http", f"127.0.0.1:{port}", "--read-only", "--allow-host", "queue.lan")
    async with program(tmp_path, *words) as starting:
        assert (await starting.ends())[0] == 0
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False) as client:
            session = (await client.get("/api/session", headers={"Host": "queue.lan"})).json()
            assert session["read_only"] is True
    finally:
        async with program(tmp_path, "worker", "stop", "--now") as stopping:
            assert (await stopping.ends())[0] == 0


async def test_a_worker_is_ready_while_it_has_begun_and_reaches_its_server(tmp_path: Path) -> None:
    store = await open_store(str(tmp_path / "queue.db"), worker=True)
    try:
        shown, node = _Shown(), Node(store, Options(), lambda _: None)
        shown.listeners(node)
        assert not await shown.is_ready()
        shown.hear(Began(node.id, 1))
        assert await shown.is_ready()
        node.unreachable("it does not answer")
        assert not await shown.is_ready()
        node.unreachable(None)
        assert await shown.is_ready()
        shown.listeners(Node(store, Options(), lambda _: None))
        assert not await shown.is_ready(), "the next one has not begun yet"
    finally:
        await store.close()


async def test_a_dashboard_says_where_it_is_and_goes_when_it_is_told_to(tmp_path: Path) -> None:
    ends = ((signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130))
    async with asyncio.TaskGroup() as tasks:
        for number, code in ends:
            tasks.create_task(_dashboard(tmp_path, number, code))


async def _dashboard(folder: Path, number: signal.Signals, wanted: int) -> None:
    """It goes at this signal, with this exit code."""
    async with program(folder, "dashboard", "--port", "0") as dashboard:
        url = await dashboard.says("http://")
        async with httpx.AsyncClient(base_url=url, verify=False) as client:
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.get("/api/status")).json()["total"] == 0
            async with opened(url) as live:
                await live.hears()
                dashboard.send(number)
                assert await live.is_closed() == 1001
        code, out, err = await dashboard.ends()
    assert (code, out) == (wanted, "")
    assert err.startswith(f"Shows {folder}/queue.db; Ctrl-C ends it. No jobs can be enqueued there")


@pytest.mark.parametrize("words", [("worker", "--http"), ("dashboard", "--port")], ids=lambda words: words[0])
async def test_a_port_that_is_taken_is_told_and_nothing_is_begun(tmp_path: Path, words: tuple[str, ...]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        where = f"127.0.0.1:{port}"
        async with program(tmp_path, *words, where if words[0] == "worker" else str(port)) as refused:
            code, out, err = await refused.ends()
    assert (code, out, err) == (1, "", f"Error: cannot listen on {where}: Address already in use\n")


async def test_elsewhere_a_worker_does_not_listen_without_a_token(tmp_path: Path) -> None:
    async with program(tmp_path, "worker", "--http", "0.0.0.0:0") as refused:
        code, out, err = await refused.ends()
    assert (code, out) == (1, "")
    assert err.startswith("Error: 0.0.0.0 can be reached from elsewhere, and there is no token: set AQUEUE_TOKEN")


@pytest.mark.parametrize("module", ["fastapi", "wsproto"])
async def test_where_the_packages_are_missing_it_is_said_how_to_get_them(tmp_path: Path, module: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{module!r}] = None\n")
    path = os.pathsep.join([str(tmp_path), str(Path(aqueue.__file__).parents[1])])
    async with program(tmp_path, "dashboard", "--port", "0", environ={"PYTHONPATH": path}) as refused:
        code, out, err = await refused.ends()
    assert (code, out) == (1, "")
    assert err == "Error: to serve over HTTP takes more packages: pip install 'aqueue[web]'\n"


async def test_options_of_the_pages_need_the_pages(tmp_path: Path) -> None:
    for words in (["--read-only"], ["--allow-host", "x"]):
        async with program(tmp_path, "worker", *words) as refused:
            code, _, err = await refused.ends()
        assert (code, err) == (2, "Error: --allow-host and --read-only are for a worker with --http\n")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("8000", ("127.0.0.1", 8000)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_an_address(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address
    words = Pages(*address, ["a"], read_only=True).words()
    assert parse_address(words[1]) == address
    assert words[2:] == ["--allow-host", "a", "--read-only"]


@pytest.mark.parametrize("text", ["", ":8000", "localhost", "::1:80", "localhost:", "localhost:x", "a:65536", "a:-1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_address(text)


async def test_a_name_is_served_at_all_its_addresses(tmp_path: Path) -> None:
    async with program(tmp_path, "dashboard", "--host", "localhost", "--port", "0") as dashboard:
        url = await dashboard.says("http://localhost:")
        async with httpx.AsyncClient(base_url=url, verify=False) as client:
            assert (await client.get("/api/status")).status_code == 200
            port = url.rpartition(":")[2]
            assert (await client.get(f"http://127.0.0.1:{port}/api/status")).status_code == 200
        dashboard.send(signal.SIGTERM)
        assert (await dashboard.ends())[0] == 0
