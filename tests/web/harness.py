"""A queue that is served on a real socket, in the loop of the test, and what asks for something there."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

from aqueue.engine import node
from aqueue.queue import Queue
from aqueue.store import open_store
from aqueue.web.serving import Options, served

PATIENCE = 20.0
"""Seconds until a test gives up on what it waits for."""

TOKEN = "open-sesame"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Served:
    """A queue that is served."""

    queue: Queue
    url: str
    client: httpx.AsyncClient

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def get(self, path: str, status: int = 200, **options: Any) -> Any:
        answer = await self.client.get(path, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def send(self, method: str, path: str, document: Any = None, status: int = 200) -> Any:
        content = None if document is None else json.dumps(document)
        answer = await self.client.request(method, path, content=content, headers=JSON)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    @contextlib.asynccontextmanager
    async def live(self, cursor: int | None = None, **options: Any) -> AsyncIterator["Live"]:
        path = "/api/live" if cursor is None else f"/api/live?cursor={cursor}"
        async with websockets.connect(self.url.replace("http", "ws", 1) + path, proxy=None, **options) as socket:
            yield Live(socket)


@dataclass(frozen=True, slots=True)
class Live:
    """An open page."""

    socket: ClientConnection

    async def hears(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(PATIENCE):
            message: dict[str, Any] = json.loads(await self.socket.recv())
            return message

    async def hears_of(self, job_id: str, state: str) -> dict[str, Any]:
        """Wait for a message in which this job is in this state."""
        while True:
            message = await self.hears()
            if any(job["id"] == job_id and job["state"] == state for job in message["jobs"]):
                return message

    async def says(self, document: Any) -> None:
        await self.socket.send(document if isinstance(document, str | bytes) else json.dumps(document))

    async def is_closed(self) -> int | None:
        """Wait until it is closed; returns the code."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(websockets.ConnectionClosed):
                while True:
                    await self.socket.recv()
        return self.socket.close_code


@contextlib.asynccontextmanager
async def serving(
    folder: Path, token: str | None = None, headers: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[Served]:
    """Serve the queue in this folder; with a token, the client sends it unless other headers are given."""
    environ = {} if token is None else {"AQUEUE_TOKEN": token}
    async with Queue.open(folder / "queue.db", environ={}) as queue:
        where = Options(**{"host": "127.0.0.1", "port": 0, **options})
        async with served(queue, where, environ=environ) as url:
            sent = headers if headers is not None else BEARER if token else {}
            async with httpx.AsyncClient(
                base_url=url, headers=sent, timeout=PATIENCE, verify=False, trust_env=False
            ) as client:
                yield Served(queue, url, client)


async def raw(port: int, request: bytes) -> tuple[int, bytes]:
    """Send these bytes; returns the status and all that is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(PATIENCE):
            answer = await (reader.read() if b"close" in request else reader.readuntil(b"\r\n\r\n"))
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return int(answer.split()[1]), answer


async def work(queue: Queue) -> None:
    """Work the queue off."""
    store = await open_store(queue.url, worker=True, environ={})
    try:
        await node.Node(store, node.Options(burst=True), lambda _: None, environ={"PATH": "/usr/bin:/bin"}).run()
    finally:
        await store.close()
