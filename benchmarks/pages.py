"""Pages of ours as they are measured: a browser's requests and its websocket, without the browser."""

import base64
import contextlib
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.figures import Impossible
from benchmarks.ours import Queue

PATIENCE = 30.0
"""Seconds until something is given up that should be told."""

OPTIONS = ("--http", "127.0.0.1:0")
"""What lets a worker serve pages."""


def port_of(ours: Queue) -> int:
    """Where the worker of this queue serves its pages; it has said so at its start."""
    _, _, port = ours.log.read_text(encoding="utf-8").partition("http://127.0.0.1:")
    if not port:
        raise Impossible("the worker serves nothing")
    return int(port.split()[0])


def answered(port: int, path: str) -> float:
    """Milliseconds until this is answered whole, on a connection that stands already."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.connect()
        begun = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        took = 1000 * (time.perf_counter() - begun)
    if answer.status != http.HTTPStatus.OK:
        raise Impossible(f"{path}: {answer.status} {answer.reason}")
    return took


class Page:
    """An open page, which hears what changes. https://www.rfc-editor.org/rfc/rfc6455"""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /api/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._stream = self._socket.makefile("rb")
        if b" 101 " not in self._stream.readline():
            raise Impossible("no live channel")
        while self._stream.readline().strip():
            pass

    def hears(self) -> Any:
        """The next message."""
        return json.loads(self._frame())

    def _frame(self) -> bytes:
        head = self._stream.read(2)
        if len(head) < 2 or head[0] & 0x0F != 1:
            raise Impossible("the live channel was closed")
        length = head[1] & 0x7F
        if length >= 126:
            length = int.from_bytes(self._stream.read(2 if length == 126 else 8), "big")
        return self._stream.read(length)

    def hears_all(self, is_over: Callable[[], bool]) -> None:
        """Take everything and look at nothing, until it is over."""
        self._socket.settimeout(0.2)
        while not is_over():
            with contextlib.suppress(TimeoutError):
                self._socket.recv(65536)

    def close(self) -> None:
        """Go."""
        self._stream.close()
        self._socket.close()


@contextlib.contextmanager
def opened(port: int) -> Iterator[Page]:
    """An open page, for the block."""
    with contextlib.closing(Page(port)) as page:
        page.hears()
        yield page


@contextlib.contextmanager
def many_opened(port: int, count: int) -> Iterator[None]:
    """So many pages that are open and take what they are told, for the block."""
    over = threading.Event()
    with contextlib.ExitStack() as stack:
        pages = [stack.enter_context(opened(port)) for _ in range(count)]
        threads = [threading.Thread(target=page.hears_all, args=[over.is_set]) for page in pages]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()
