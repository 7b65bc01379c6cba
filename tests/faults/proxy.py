"""A network between a worker and its server, which can be cut: nothing gets through then, and nobody is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Proxy:
    """Passes on what comes. While it is cut it keeps all that, as a network does that will deliver it later."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def cut(self) -> None:
        """Let nothing through."""
        self._open.clear()

    def heal(self) -> None:
        """Deliver what was kept, and let everything through."""
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        try:
            there = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        both = [self._pass(reader, there[1]), self._pass(there[0], writer)]
        await asyncio.gather(*both, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        finally:
            await self._open.wait()
            writer.close()


@contextlib.asynccontextmanager
async def proxied(to: int) -> AsyncIterator[Proxy]:
    """A network to this port."""
    proxy = Proxy(to)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        proxy._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await proxy._serve(reader, writer)
        proxy._tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.heal()
        for task in list(proxy._tasks):
            task.cancel()
        await asyncio.sleep(0)
