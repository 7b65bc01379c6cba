"""uvicorn as it serves within another program's loop: without its signals, and without its clock.

Its own `serve` takes the signals over and wakes ten times a second to see whether it is to stop. What begins to listen
is called here without that. So an idle server wakes nobody.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from socket import socket

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from uvicorn.server import Server

MOST_CONNECTIONS = 256
"""How many connections there may be; whoever comes then is told to come again."""

KEEP_ALIVE = 30
"""Seconds for which a connection is kept on which nothing is asked for."""

LONGEST_HEAD = 32 * 1024
"""Bytes of a request before its body."""

LONGEST_WORD = 16 * 1024
"""Bytes of what a websocket says; the live channel wants less."""

LAST_ANSWERS = 1.0
"""Seconds for which answers that are under way are waited for at the end."""

LOOK_EVERY = 0.01
"""… and between two looks whether they are out."""


class _Protocol(H11Protocol):
    """A connection that is closed, too, when a request does not come, or not whole: uvicorn would wait for ever."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self._wait_for_a_request()

    def data_received(self, data: bytes) -> None:
        """Some of a request has come, or more than one."""
        super().data_received(data)
        if self.transport.get_protocol() is self and (self.cycle is None or self.cycle.response_complete):
            self._wait_for_a_request()

    def _wait_for_a_request(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._unset_keepalive_if_required()
        super().connection_lost(exc)


@contextlib.asynccontextmanager
async def listening(app: ASGIApp, sockets: Sequence[socket]) -> AsyncIterator[None]:
    """Answer on these sockets until the end of the block. They are closed then."""
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # not each request that is none
    server = Server(_config(app))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=list(sockets))
    try:
        yield
    finally:
        await _end(server)


async def _end(server: Server) -> None:
    """Let the answers that are under way go out, for a moment, and leave whoever takes none."""
    state = server.server_state
    for listener in server.servers:
        listener.close()
    for connection in list(state.connections):
        connection.shutdown()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_ANSWERS):
            while state.connections or state.tasks:  # noqa: ASYNC110 - nobody tells when they are
                await asyncio.sleep(LOOK_EVERY)
    for connection in list(state.connections):
        connection.transport.abort()
    for task in list(state.tasks):
        task.cancel()
    if state.tasks:
        await asyncio.wait(state.tasks, timeout=LAST_ANSWERS)


def _config(app: ASGIApp) -> Config:
    return Config(
        app,
        http=_Protocol,
        ws=WSProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,  # it would be that of the start: the clock is what keeps it right
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        ws_max_size=LONGEST_WORD,
        ws_ping_interval=None,
        ws_per_message_deflate=False,  # it costs more than it saves, for all pages anew
    )
