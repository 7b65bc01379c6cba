"""The doorbell of a SQLite queue: how a process that waits hears that another has changed the file.

Whoever waits binds a datagram socket in the lobby, a folder beside the database; whoever has committed sends an empty
datagram to every socket there. Applications that write plain SQL do not ring: inotify tells of their writes to the
-wal. Either is only a hint to look at the store: too many cost little, and a full socket already says it.
"""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from aqueue.store import inotify
from aqueue.store.place import Place

LONGEST_ADDRESS = 100
"""What surely fits into a `sockaddr_un` everywhere; a longer path is reached through a descriptor of its folder."""

LOOK_EVERY = 1.0
"""Seconds between two looks where the system has no inotify to give."""


class Doorbell:
    """Rings for others, and hangs up bells that others ring."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._own: set[str] = set()

    def ring(self) -> None:
        """Tell everyone who waits, but the bells of this process, that the file has changed."""
        lobby = self._place.lobby
        with contextlib.suppress(FileNotFoundError):
            names = [name for name in os.listdir(lobby) if name.endswith(".bell") and name not in self._own]
            if names:
                with _socket() as sender:
                    for name in names:
                        _send(sender, lobby / name)

    @contextlib.contextmanager
    def hung_up(self, on_ring: Callable[[], None]) -> Iterator[None]:
        """Call `on_ring` in the running loop whenever somebody rings, until the end of the block."""
        self._place.make_folder(self._place.lobby)
        name = f"{secrets.token_hex(8)}.bell"
        path = self._place.lobby / name
        loop = asyncio.get_running_loop()
        with _socket() as bell:
            with _address(path) as address:
                bell.bind(address)
            self._own.add(name)
            path.chmod(self._place.file_mode)
            loop.add_reader(bell, _hear, bell, on_ring)
            try:
                yield
            finally:
                loop.remove_reader(bell)
                path.unlink(missing_ok=True)
                self._own.discard(name)

    @contextlib.contextmanager
    def watched(self, on_change: Callable[[], None], on_warning: Callable[[str], None]) -> Iterator[None]:
        """Call `on_change` whenever any process, this one included, may have written to the file.

        Where inotify is not to be had, `on_warning` is told once and `on_change` is called every second.
        """
        try:
            watch = _Watch(self._place, on_change)
        except OSError as error:
            on_warning(f"cannot watch the queue ({error}); looking every {LOOK_EVERY:g} s for jobs that do not ring")
            with _ticking(on_change):
                yield
            return
        try:
            yield
        finally:
            watch.close()


class _Watch:
    """Watches the -wal, and the folder for the moment when a new -wal appears in it."""

    def __init__(self, place: Place, on_change: Callable[[], None]) -> None:
        self._place = place
        self._on_change = on_change
        self._inotify = inotify.Inotify()
        try:
            self._folder = self._inotify.watch(str(place.wal.parent), inotify.CREATE | inotify.MOVED_TO)
            self._watch_wal()
        except OSError:
            self._inotify.close()
            raise
        asyncio.get_running_loop().add_reader(self._inotify.fd, self._hear)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._inotify.fd)
        self._inotify.close()

    def _watch_wal(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._inotify.watch(str(self._place.wal), inotify.MODIFY)

    def _hear(self) -> None:
        changed = False
        for change in self._inotify.read():
            if change.watch == self._folder and change.name != self._place.wal.name:
                continue
            if change.watch == self._folder:
                self._watch_wal()
            changed = True
        if changed:
            self._on_change()


@contextlib.contextmanager
def _ticking(on_change: Callable[[], None]) -> Iterator[None]:
    async def tick() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            on_change()

    ticking = asyncio.get_running_loop().create_task(tick(), name="look")
    try:
        yield
    finally:
        ticking.cancel()


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
    except OSError:
        # Full: then it has been told already. Gone, or another user's: then it cannot be told.
        pass


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
