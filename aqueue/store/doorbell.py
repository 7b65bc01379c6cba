"""The doorbell of a SQLite queue: how a process that waits hears that another has changed the file.

Whoever waits binds a datagram socket in the lobby, a folder beside the database; whoever has committed sends an empty
datagram to every socket there. That is only a hint to look at the store: too many cost little, and a full socket
already says it.
"""

import _socket
import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from aqueue.model.errors import StoreUnavailable
from aqueue.store import ringing
from aqueue.store.place import Place

RING_AGAIN_AFTER = 1.0
"""Seconds until it is rung again for want of a descriptor: somebody may wait for nothing but this."""


class Doorbell:
    """Rings for others, and hangs up bells that others ring."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._deaf: set[str] = set()
        self._sender: _socket.socket | None = None
        self._again: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Tell everyone who waits that the file has changed. Never fails: what was committed is committed."""
        self._forget_the_last()
        lobby = str(self._place.lobby)
        try:
            for name in os.listdir(lobby):
                if name.endswith(ringing.SUFFIX) and name not in self._deaf:
                    self._sender = self._sender or ringing.sender()
                    ringing.ring(self._sender, lobby, name)
        except OSError as error:
            if error.errno in ringing.SHORTAGES:
                self._again = asyncio.get_running_loop().call_later(RING_AGAIN_AFTER, self.ring)

    def close(self) -> None:
        """Ring no more."""
        self._forget_the_last()
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    @contextlib.contextmanager
    def hung_up(self, on_ring: Callable[[], None], *, deaf_to_own: bool = False) -> Iterator[None]:
        """Call `on_ring` in the running loop whenever somebody rings, until the end of the block.

        With `deaf_to_own`, what this same doorbell rings is not heard: a worker knows what it writes. Raises
        StoreUnavailable where none can be hung up.
        """
        name = secrets.token_hex(8) + ringing.SUFFIX
        loop = asyncio.get_running_loop()
        with bound(self._place, name) as bell:
            if deaf_to_own:
                self._deaf.add(name)
            loop.add_reader(bell, _hear, bell, on_ring)
            try:
                yield
            finally:
                loop.remove_reader(bell)
                self._deaf.discard(name)

    def _forget_the_last(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None


@contextlib.contextmanager
def bound(place: Place, name: str) -> Iterator[socket.socket]:
    """A socket of this name in the lobby, for datagrams, until the end of the block. Raises StoreUnavailable."""
    path = place.lobby / name
    with contextlib.closing(_bound(place, path)) as made:
        try:
            yield made
        finally:
            with contextlib.suppress(OSError):  # where it cannot be removed, nobody listens to it any more
                path.unlink()


def _bound(place: Place, path: Path) -> socket.socket:
    try:
        place.make_folder(place.lobby)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.setblocking(False)
        try:
            with _address(path) as address:
                made.bind(address)
            path.chmod(place.file_mode)
        except OSError:
            made.close()
            raise
    except OSError as error:
        raise StoreUnavailable(f"cannot use {place.lobby}: {error.strerror or error}") from error
    return made


def _hear(bell: socket.socket, on_ring: Callable[[], None]) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            bell.recv(1)
    on_ring()


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    if len(os.fsencode(path)) <= ringing.LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield ringing.address_within(folder, path.name)
    finally:
        os.close(folder)
