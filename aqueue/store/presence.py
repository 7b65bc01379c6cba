"""A worker's sign of life: a lock that the kernel holds for as long as its process has the file open.

It is an open-file-description lock, so nothing else that this process does can drop it, and no age and no process id
has to be believed: a worker that is stopped, swapped out or busy is alive, one that was killed is not.
`fcntl(2)`, "Open file description locks".
"""

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from aqueue.model.errors import StoreUnavailable
from aqueue.store.place import Place

_FLOCK = struct.Struct("hhqqi4x")
_SUFFIX = ".alive"
_WHOLE_FILE = (os.SEEK_SET, 0, 0, 0)


class Lobby:
    """The folder in which workers show that they live. Where it cannot be used, StoreUnavailable is raised."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @contextlib.contextmanager
    def present(self, worker: str) -> Iterator[None]:
        """Be seen as alive until the end of the block, or of the process.

        The file is locked before it gets its name: nobody sees it without its lock.
        """
        with self._explained():
            self._place.make_folder(self._place.lobby)
            descriptor = self._locked_file(self._path(worker))
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # where it cannot be removed, it is at least not locked any more
                self.forget(worker)
            os.close(descriptor)

    def seen(self) -> frozenset[str]:
        """The workers that have shown themselves here and have not left in good order; not all of them live."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            return frozenset(
                name.removesuffix(_SUFFIX) for name in os.listdir(self._place.lobby) if is_sign_of_life(name)
            )
        return frozenset()

    def forget(self, worker: str) -> None:
        """Remove what a dead worker left here."""
        self._path(worker).unlink(missing_ok=True)

    def is_alive(self, worker: str) -> bool:
        """Whether this worker lives."""
        with self._explained():
            try:
                # Read-only: closing a descriptor that could write would look like the worker's own end.
                descriptor = os.open(self._path(worker), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
            try:
                return _is_locked(descriptor)
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def sweeping(self) -> Iterator[bool]:
        """Be known to sweep the queue until the end of the block; says whether nobody else does.

        What is locked is the folder itself, by flock(2), for which it need not be open for writing.
        """
        with self._explained():
            self._place.make_folder(self._place.lobby)
            descriptor = os.open(self._place.lobby, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield _is_first(descriptor)
        finally:
            os.close(descriptor)

    def _locked_file(self, path: Path) -> int:
        unlocked = path.with_suffix(".new")
        descriptor = os.open(unlocked, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, self._place.file_mode)
        try:
            os.fchmod(descriptor, self._place.file_mode)
            _lock(descriptor)
            unlocked.rename(path)
        except OSError:
            os.close(descriptor)
            unlocked.unlink(missing_ok=True)
            raise
        return descriptor

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(f"cannot use {self._place.lobby}: {error.strerror}") from error

    def _path(self, worker: str) -> Path:
        return self._place.lobby / (worker + _SUFFIX)


def is_sign_of_life(name: str) -> bool:
    """Whether a file of this name in the lobby is a worker's."""
    return name.endswith(_SUFFIX)


def _lock(descriptor: int) -> None:
    if hasattr(fcntl, "F_OFD_SETLK"):
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, *_WHOLE_FILE))
    else:  # macOS: flock(2) belongs to the open file description as well
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_first(descriptor: int) -> bool:
    with contextlib.suppress(OSError):  # of a file system without such locks: two sweeps at once do no harm
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _is_locked(descriptor: int) -> bool:
    if hasattr(fcntl, "F_OFD_GETLK"):
        answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, *_WHOLE_FILE))
        return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
