"""Watching a SQLite queue: writes that do not ring, workers that die, and a file that is pulled from under us.

Applications that write plain SQL do not ring, but the kernel tells of every write to the -wal; it does so before the
commit can be seen, so the look that follows must be a transaction that has waited for the write lock. The file on which
a worker holds its lock is closed when the worker dies, however it dies: that is heard too.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

from aqueue.store import inotify
from aqueue.store.place import Place
from aqueue.store.presence import is_sign_of_life
from aqueue.store.protocol import Watcher

LOOK_EVERY = 1.0
"""Seconds between two looks where the system has no inotify to give."""

_GONE = inotify.ATTRIB | inotify.DELETE_SELF | inotify.MOVE_SELF


@contextlib.contextmanager
def watched(place: Place, watcher: Watcher) -> Iterator[None]:
    """Tell the watcher, in the running loop, until the end of the block. The -wal and the lobby should exist."""
    try:
        watch = _Watch(place, watcher)
    except OSError as error:
        watcher.blind(f"cannot watch the queue ({error}); looking every {LOOK_EVERY:g} s instead")
        with _ticking(place, watcher):
            yield
        return
    try:
        yield
    finally:
        watch.close()


class _Watch:
    def __init__(self, place: Place, watcher: Watcher) -> None:
        self._place = place
        self._watcher = watcher
        self._inotify = inotify.Inotify()
        try:
            self._folder = self._inotify.watch(place.wal.parent, inotify.CREATE | inotify.MOVED_TO | inotify.MOVE_SELF)
            self._database = self._inotify.watch(place.database, _GONE)
            self._lobby = self._inotify.watch(place.lobby, inotify.CLOSE_WRITE | inotify.DELETE)
            self._wal = self._watch_wal()
        except OSError:
            self._inotify.close()
            raise
        self._files = _identities(place)
        asyncio.get_running_loop().add_reader(self._inotify.fd, self._hear)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._inotify.fd)
        self._inotify.close()

    def _watch_wal(self) -> int | None:
        with contextlib.suppress(FileNotFoundError):
            return self._inotify.watch(self._place.wal, inotify.MODIFY | _GONE)
        return None

    def _hear(self) -> None:
        changes = list(self._inotify.read())
        if any(self._is_of_the_wal(change) for change in changes):
            self._watcher.changed()
        if any(self._is_of_a_worker(change) for change in changes):
            self._watcher.departed()
        touched = any(change.mask & (_GONE | inotify.OVERFLOW) for change in changes)
        if touched and _identities(self._place) != self._files:
            self._watcher.replaced()

    def _is_of_the_wal(self, change: inotify.Change) -> bool:
        if change.watch == self._folder and change.name == self._place.wal.name:
            # It came late, or another one has taken its place: then the identities tell.
            self._wal = self._watch_wal()
            self._files[1] = self._files[1] or _identities(self._place)[1]
            return True
        return change.mask & inotify.OVERFLOW != 0 or (change.watch == self._wal and change.mask & inotify.MODIFY != 0)

    def _is_of_a_worker(self, change: inotify.Change) -> bool:
        return change.mask & inotify.OVERFLOW != 0 or (change.watch == self._lobby and is_sign_of_life(change.name))


def _identities(place: Place) -> list[tuple[int, int] | None]:
    """Which files lie at the two paths, by device and inode."""
    return [_identity(path) for path in (place.database, place.wal)]


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def _ticking(place: Place, watcher: Watcher) -> Iterator[None]:
    files = _identities(place)

    async def tick() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            watcher.changed()
            watcher.departed()
            if _identities(place) != files:
                watcher.replaced()

    ticking = asyncio.get_running_loop().create_task(tick(), name="look")
    try:
        yield
    finally:
        ticking.cancel()
