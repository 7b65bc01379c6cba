"""uvicorn as it serves within another program's loop: without its signals, and without its clock.

Its own `serve` takes the signals over and wakes ten times a second to see whether it is to stop. Its parts are called
here instead: what begins to listen, and what ends it. So an idle server wakes nobody.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from socket import socket

import uvicorn
from starlette.types import ASGIApp

MOST_CONNECTIONS = 256
"""How many connections there may be; whoever comes then is told to come again."""

KEEP_ALIVE = 30
"""Seconds for which a connection is kept on which nothing is asked for."""

LONGEST_HEAD = 32 * 1024
"""Bytes of a request before its body."""

LONGEST_WORD = 16 * 1024
"""Bytes of what a websocket says; the live channel wants less."""

LAST_ANSWERS = 1
"""Seconds for which answers that are under way are waited for at the end."""


@contextlib.asynccontextmanager
async def listening(app: ASGIApp, sockets: Sequence[socket]) -> AsyncIterator[None]:
    """Answer on these sockets until the end of the block. They are closed then."""
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # not each request that is none
    server = uvicorn.Server(_config(app))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=list(sockets))
    try:
        yield
    finally:
        await server.shutdown(sockets=list(sockets))


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="wsproto",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,  # it would be that of the start: the clock is what keeps it right
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=LAST_ANSWERS,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        ws_max_size=LONGEST_WORD,
        ws_ping_interval=None,
        ws_per_message_deflate=False,  # it costs more than it saves, for all pages anew
    )
