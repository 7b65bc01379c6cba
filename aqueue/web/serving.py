"""Serving a queue: where, to whom, and what is refused before the first request."""

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from aqueue.model.errors import Refused
from aqueue.queue import Queue
from aqueue.views import takes_jobs
from aqueue.web.access import Access
from aqueue.web.app import application
from aqueue.web.feed import Feed
from aqueue.web.guard import Guard
from aqueue.web.metrics import Engine
from aqueue.web.rules import host_name
from aqueue.web.server import listening
from aqueue.web.site import Site

TOKEN = "AQUEUE_TOKEN"  # noqa: S105 - where it is, not what it is

BACKLOG = 128
QUIET_FOR = 60
"""Seconds after which the kernel asks whether a client that says nothing is there still. It wakes nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where and to whom. `hosts` are names beside this machine's own under which browsers may ask."""

    host: str
    port: int
    hosts: Sequence[str] = ()
    read_only: bool = False


IsReady = Callable[[], Awaitable[bool]]


@contextlib.asynccontextmanager
async def served(
    queue: Queue,
    options: Options,
    *,
    is_ready: IsReady | None = None,
    engine: Callable[[], Engine | None] = lambda: None,
    routers: Sequence[APIRouter] = (),
    environ: Mapping[str, str] = os.environ,
) -> AsyncIterator[str]:
    """Serve a queue until the end of the block; yields the address.

    `is_ready` is whether a worker takes jobs; without it, any worker of the queue counts. `engine` is the worker in
    this process, once there is one. Raises Refused for what is not safe, and where that address cannot be had.
    """
    token = _token(environ)
    hosts = _hosts(options.hosts)
    sockets = await _bound(options, is_open=token is not None)
    with contextlib.ExitStack() as bound:
        for one in sockets:
            bound.callback(one.close)
        port = sockets[0].getsockname()[1]
        site = _site(queue, Access(token, read_only=options.read_only), port, is_ready, engine)
        app = Guard(application(site, routers), site.access, hosts, site.cookie)
        async with listening(app, sockets):
            try:
                yield _address(options.host, port)
            finally:
                await site.feed.close()


def _site(
    queue: Queue, access: Access, port: int, is_ready: IsReady | None, engine: Callable[[], Engine | None]
) -> Site:
    async def any_is_ready() -> bool:
        return takes_jobs(await queue.workers())

    views = queue.views
    return Site(
        queue=queue,
        views=views,
        access=access,
        feed=Feed(views),
        cookie=f"aqueue-{port}",  # cookies are not kept apart by ports
        is_ready=is_ready or any_is_ready,
        engine=engine,
    )


def _token(environ: Mapping[str, str]) -> str | None:
    token = environ.get(TOKEN) or None
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise Refused(f"{TOKEN} must be of printable ASCII characters without spaces: no header could hold it")
    return token


def _hosts(given: Sequence[str]) -> Sequence[str]:
    names = [host_name(one) for one in given]
    for one, name in zip(given, names, strict=True):
        if name is None:
            raise Refused(f"--allow-host: {one!r} is no name of a host; give it without a scheme and a port")
    return [name for name in names if name is not None]


async def _bound(options: Options, *, is_open: bool) -> Sequence[socket.socket]:
    """Sockets that listen at all addresses that the host has. Raises Refused."""
    where = f"{options.host}:{options.port}"
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise Refused(f"cannot listen on {where}: {getattr(error, 'strerror', None) or error}") from None
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    if not is_open and not all(_is_loopback(str(address[0])) for _, address in addresses):
        raise Refused(
            f"{options.host} can be reached from elsewhere, and there is no token: set {TOKEN}, or listen on 127.0.0.1"
        )
    return _listeners(addresses, options.port, where)


def _listeners(addresses: Sequence[tuple[int, tuple[object, ...]]], port: int, where: str) -> Sequence[socket.socket]:
    sockets: list[socket.socket] = []
    with contextlib.ExitStack() as on_failure:
        for family, address in addresses:
            try:
                sockets.append(_listener(family, (address[0], port, *address[2:])))
                on_failure.callback(sockets[-1].close)
                port = sockets[0].getsockname()[1]  # if any will do, it is the same everywhere
            except OSError as error:
                if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and len(addresses) > 1:
                    continue
                raise Refused(f"cannot listen on {where}: {error.strerror}") from None
        if not sockets:
            raise Refused(f"cannot listen on {where}: it has no address here")
        on_failure.pop_all()
    return sockets


def _listener(family: int, address: tuple[object, ...]) -> socket.socket:
    # With its protocol: asyncio sends at once on TCP alone, and else each answer waits 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        for level, option, value in _socket_options(family):
            listener.setsockopt(level, option, value)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _socket_options(family: int) -> Iterator[tuple[int, int, int]]:
    yield socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
    yield socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1  # what is accepted has it, too
    if hasattr(socket, "TCP_KEEPIDLE"):
        yield socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, QUIET_FOR
    if family == socket.AF_INET6:
        yield socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
