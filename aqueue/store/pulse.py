"""A worker's pulse: whoever asks is answered by its event loop, through sockets in the lobby.

That a worker lives, its lock tells. That its loop turns can only be told by the loop. It costs nothing until it is
asked: the question is a datagram that names the socket which waits for the answer, and the answer is the worker's id.
"""

import _socket
import asyncio
import contextlib
import os
import re
import secrets
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from aqueue.store import ringing
from aqueue.store.doorbell import bound
from aqueue.store.place import Place

_SUFFIX = ".pulse"
_ANSWER = ".answer"
_ANSWERED_AT = re.compile(r"[0-9a-f]{16}\.answer")


@contextlib.contextmanager
def felt(place: Place, worker: str) -> Iterator[None]:
    """Answer whoever asks for the pulse of this worker, until the end of the block. Raises StoreUnavailable."""
    loop = asyncio.get_running_loop()
    with bound(place, f"{worker}{_SUFFIX}") as asked:
        loop.add_reader(asked, _answer, asked, place.lobby, worker)
        try:
            yield
        finally:
            loop.remove_reader(asked)


async def feel(place: Place, workers: Iterable[str]) -> str:
    """Ask these workers, and wait for the first answer; returns whose it is. Raises StoreUnavailable."""
    loop = asyncio.get_running_loop()
    name = f"{secrets.token_hex(8)}{_ANSWER}"
    with bound(place, name) as answers, contextlib.closing(ringing.sender()) as by:
        _clear_up(place.lobby, by)
        for worker in workers:
            ringing.ring(by, str(place.lobby), f"{worker}{_SUFFIX}", name.encode())
        while not (answer := await loop.sock_recv(answers, 64)):
            pass  # somebody has cleared up
        return answer.decode()


def _clear_up(lobby: Path, by: _socket.socket) -> None:
    """Remove the sockets of those who were killed while they waited: a probe that takes too long often is."""
    for name in os.listdir(lobby):
        if _ANSWERED_AT.fullmatch(name):
            ringing.ring(by, str(lobby), name)


def forget(place: Place, worker: str) -> None:
    """Remove what a dead worker left."""
    (place.lobby / f"{worker}{_SUFFIX}").unlink(missing_ok=True)


def _answer(asked: socket.socket, lobby: Path, worker: str) -> None:
    with contextlib.suppress(OSError), contextlib.closing(ringing.sender()) as by:
        while True:
            name = asked.recv(64).decode(errors="replace")
            if _ANSWERED_AT.fullmatch(name):  # nobody but an owner of the queue can ask, and no other file is meant
                ringing.ring(by, str(lobby), name, worker.encode())
