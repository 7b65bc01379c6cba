"""What commands that serve over HTTP have in common: where to listen, and the web itself, which is imported on use."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aqueue.model.errors import InvalidInput, Refused
from aqueue.queue import Queue

if TYPE_CHECKING:
    from aqueue.engine.node import Node  # which only a worker has

EXTRA = "aqueue[web]"
LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Pages:
    """Where pages and the API are served, and to whom."""

    host: str
    port: int
    hosts: Sequence[str] = ()
    read_only: bool = False

    def words(self) -> list[str]:
        """The same as the options of a worker."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        names = [word for name in self.hosts for word in ("--allow-host", name)]
        return ["--http", f"{host}:{self.port}", *names, *(["--read-only"] if self.read_only else [])]


def parse_address(text: str) -> tuple[str, int]:
    """The host and the port in `HOST:PORT`, `[::1]:PORT` or `PORT`, which is on 127.0.0.1. Raises InvalidInput."""
    host, colon, port = text.strip().rpartition(":")
    host = host if colon else "127.0.0.1"
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise InvalidInput(f"{text!r}: write an IPv6 address in brackets, as in [::1]:8000")
    if not host or not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= LAST_PORT):
        raise InvalidInput(f"{text!r} is no address; write it like 127.0.0.1:8000")
    return host, int(port)


@contextlib.asynccontextmanager
async def pages_served(
    queue: Queue,
    pages: Pages,
    *,
    is_ready: Callable[[], Awaitable[bool]] | None = None,
    node: "Callable[[], Node | None]" = lambda: None,
) -> AsyncIterator[str]:
    """Serve the queue until the end of the block; yields the address. Raises Refused where that cannot be.

    `node` is the worker in this process, once there is one.
    """
    try:
        from aqueue.web.serving import Options, served
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "aqueue":
            raise
        raise Refused(f"to serve over HTTP takes more packages: pip install '{EXTRA}'") from None
    options = Options(host=pages.host, port=pages.port, hosts=pages.hosts, read_only=pages.read_only)
    async with served(queue, options, is_ready=is_ready, engine=node) as address:
        yield address
