"""The doorbell of a SQLite queue: how a process that waits hears that another has changed the file.

Whoever waits binds a datagram socket in the lobby, a folder beside the database; whoever has committed sends an empty
datagram to every socket there. That is only a hint to look at the store: too many cost little, and a full socket
already says it.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from aqueue.model.errors import StoreUnavailable
from aqueue.store.place import Place

LONGEST_ADDRESS = 100
"""What surely fits into a `sockaddr_un` everywhere; a longer path is reached through a descriptor of its folder."""

RING_AGAIN_AFTER = 1.0
"""Seconds until it is rung again for want of a descriptor: somebody may wait for nothing but this."""

_SUFFIX = ".bell"
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class Doorbell:
    """Rings for others, and hangs up bells that others ring."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._deaf: set[str] = set()
        self._sender: socket.socket | None = None
        self._again: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Tell everyone who waits that the file has changed. Never fails: what was committed is committed."""
        self._forget_the_last()
        try:
            for name in os.listdir(self._place.lobby):
                if name.endswith(_SUFFIX) and name not in self._deaf:
                    self._sender = self._sender or _socket()
                    _send(self._sender, self._place.lobby / name)
        except OSError as error:
            if error.errno in _SHORTAGES:
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
        name = secrets.token_hex(8) + _SUFFIX
        path = self._place.lobby / name
        loop = asyncio.get_running_loop()
        with contextlib.closing(self._bound(path)) as bell:
            if deaf_to_own:
                self._deaf.add(name)
            loop.add_reader(bell, _hear, bell, on_ring)
            try:
                yield
            finally:
                loop.remove_reader(bell)
                with contextlib.suppress(OSError):  # where it cannot be removed, nobody listens to it any more
                    path.unlink()
                self._deaf.discard(name)

    def _bound(self, path: Path) -> socket.socket:
        try:
            self._place.make_folder(self._place.lobby)
            bell = _socket()
            try:
                with _address(path) as address:
                    bell.bind(address)
                path.chmod(self._place.file_mode)
            except OSError:
                bell.close()
                raise
        except OSError as error:
            raise StoreUnavailable(f"cannot use {self._place.lobby}: {error.strerror or error}") from error
        return bell

    def _forget_the_last(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def _send(sender: socket.socket, path: Path) -> None:
    try:
        with _address(path) as address:
            sender.sendto(b"", address)
    except ConnectionRefusedError:
        # Its owner was killed. Nobody binds that name again: it is random.
        path.unlink(missing_ok=True)
    except OSError as error:
        # Full: then it has been told already. Gone, or another user's: then it cannot be told.
        if error.errno in _SHORTAGES:
            raise


def _hear(bell: socket.socket, on_ring: Callable[[], None]) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            bell.recv(1)
    on_ring()


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
