"""What workers of one machine know of each other without asking the server: the kernel says at once when one dies.

A lease needs ten seconds to pass. Where the folder of the signs of life is shared, as among the workers of one user on
one machine, a killed worker is noticed as fast as with SQLite. It only ever says that a worker is dead, never that it
lives: that is for the lease.
"""

import asyncio
import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from aqueue.model.errors import StoreUnavailable
from aqueue.store import inotify
from aqueue.store.place import Place, default_database
from aqueue.store.presence import Lobby, is_sign_of_life

COMMON = "/tmp"  # noqa: S108 - what is made in it is looked at
"""Where all sessions of a user meet."""


class Nearby(Lobby):
    """The signs of life on this machine; it remembers which worker this process is."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._folder = place.lobby
        self.worker: str | None = None

    @contextlib.contextmanager
    def present(self, worker: str) -> Iterator[None]:
        """Be seen as alive until the end of the block, or of the process; where that is not possible, by the lease."""
        self.worker = worker
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(StoreUnavailable):
                stack.enter_context(super().present(worker))
            try:
                yield
            finally:
                self.worker = None

    def living(self) -> frozenset[str]:
        """The workers whose processes are seen to live on this machine."""
        with contextlib.suppress(StoreUnavailable):
            return frozenset(filter(self.is_alive, self.seen()))
        return frozenset()

    def is_dead(self, worker: str) -> bool:
        """Whether this worker has shown itself here and has died since."""
        with contextlib.suppress(StoreUnavailable):
            return worker in self.seen() and not self.is_alive(worker)
        return False

    @contextlib.contextmanager
    def watched(self, on_departed: Callable[[], None]) -> Iterator[None]:
        """Call back in the running loop whenever a worker here may have died."""
        loop = asyncio.get_running_loop()
        try:
            ears = inotify.Inotify()
        except OSError:  # then the lease tells, later
            yield
            return
        try:
            with contextlib.suppress(OSError):
                ears.watch(self._folder, inotify.CLOSE_WRITE | inotify.DELETE)
            loop.add_reader(ears.fd, _hear, ears, on_departed)
            try:
                yield
            finally:
                loop.remove_reader(ears.fd)
        finally:
            ears.close()


def _hear(ears: inotify.Inotify, on_departed: Callable[[], None]) -> None:
    if any(is_sign_of_life(change.name) for change in ears.read()):
        on_departed()


def place_for(identity: str) -> Place:
    """Where the files of a queue on a server lie on this machine: the log in the user's data folder, the signs of life
    where all sessions of the user meet, and nobody else."""
    name = f"postgresql-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    place = Place(str(Path(default_database({"HOME": str(Path.home())})).with_name(name)), shared=False)
    common = Path(COMMON) / f"aqueue-{os.geteuid()}"
    if _is_ours(common):
        place.lobby = common / f"{name}.d"
    return place


def _is_ours(folder: Path) -> bool:
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
