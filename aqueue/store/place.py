"""Where the queue is kept: the path that is meant, and making the file and its folder safely."""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from aqueue.model.errors import InvalidInput, NotAQueue, StoreUnavailable, UnsafePlace
from aqueue.store import mounts

POSTGRESQL = ("postgresql://", "postgres://")
"""How the address of a queue begins that is kept on a server, and not in a file."""


def default_database(environ: Mapping[str, str]) -> str:
    """`AQUEUE_DB`, or else `queue.db` in the user's data folder, by the XDG rules.

    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    if given := environ.get("AQUEUE_DB"):
        return given
    data = environ.get("XDG_DATA_HOME", "")
    base = Path(data) if data.startswith("/") else Path(environ.get("HOME") or Path.home()) / ".local" / "share"
    return str(base / "aqueue" / "queue.db")


def is_shared(environ: Mapping[str, str]) -> bool:
    """Whether `AQUEUE_SHARE=group` opens the files to the group."""
    share = environ.get("AQUEUE_SHARE", "")
    if share not in {"", "group"}:
        raise InvalidInput(f"AQUEUE_SHARE is {share!r}; only group is known")
    return share == "group"


def is_anywhere(environ: Mapping[str, str]) -> bool:
    """Whether `AQUEUE_FILESYSTEM=any` makes do with every file system."""
    kind = environ.get("AQUEUE_FILESYSTEM", "")
    if kind not in {"", "any"}:
        raise InvalidInput(f"AQUEUE_FILESYSTEM is {kind!r}; only any is known")
    return kind == "any"


def has_temporary_folder(environ: Mapping[str, str]) -> bool:
    """Whether there is one of the folders in which SQLite makes files when it needs some.

    https://sqlite.org/tempfiles.html#temporary_file_storage_locations
    """
    named = filter(None, (environ.get(name) for name in ("SQLITE_TMPDIR", "TMPDIR")))
    usual = ("/var/tmp", "/usr/tmp", "/tmp")  # noqa: S108 - SQLite names its files itself
    return any(os.access(folder, os.W_OK | os.X_OK) for folder in (*named, *usual))


class Place:
    """The database file and what lies beside it.

    Behind a symbolic link, that is beside the file itself, where SQLite has its -wal: whatever name they came by, all
    who use the file must meet in one lobby.
    """

    def __init__(self, path: str, *, shared: bool, anywhere: bool = False) -> None:
        if not path or "\0" in path:
            raise InvalidInput("the path of the database must not be empty or hold a NUL")
        self._named = Path(path).absolute()
        self.database = self._named
        with contextlib.suppress(OSError):  # `prepare` will tell
            if self._named.is_symlink():
                self.database = Path(os.path.realpath(self._named))
        self.wal = self._beside("-wal")
        """SQLite's write-ahead log."""
        self.lobby = self._beside(".d")
        """The folder of the bells and of the workers' signs of life."""
        self.worker_log = self._beside(".log")
        """Where a detached worker writes its lines."""
        self.shared = shared
        self.anywhere = anywhere
        self.file_mode = 0o660 if shared else 0o600
        self.folder_mode = 0o770 if shared else 0o700

    def _beside(self, suffix: str) -> Path:
        return self.database.with_name(self.database.name + suffix)

    def prepare(self) -> None:
        """Make what is missing, and refuse what is not safe.

        Raises NotAQueue for a folder, UnsafePlace, and StoreUnavailable where it may not be made. The file is made
        by us and empty, since SQLite would give it the mode of the umask, and keeps this mode for its -wal and -shm.
        It is never opened here if it exists: closing any descriptor of it would drop the locks that this process
        holds through SQLite.
        """
        try:
            if self.database.is_dir():
                raise NotAQueue(f"{self.database} is a folder; name a file in it")
            self.make_folder(self.database.parent)
            self._refuse_symlinks()
            self._refuse_mounts()
            with contextlib.suppress(FileExistsError):
                self.create()
            self._refuse_strangers()
        except OSError as error:
            raise StoreUnavailable(f"cannot make {self.database}: {error.strerror}") from error

    def warnings(self) -> list[str]:
        """What is not as safe as it could be, in sentences."""
        folder, warnings = self.database.parent, []
        if _others_can_write(folder.stat().st_mode, shared=self.shared):
            warnings.append(f"others can write to {folder}, and so replace the queue, which runs commands as you")
        if self.kind in mounts.NETWORKS:
            warnings.append(f"{self.kind} is a network file system: it may lose locks, and with them jobs")
        return warnings

    @property
    def kind(self) -> str | None:
        """The kind of its file system, if that is told."""
        return mounts.kind_of(mounts.mount_of(str(self.database.parent)))

    def _refuse_mounts(self) -> None:
        if (fault := mounts.fault_of(str(self.database), anywhere=self.anywhere)) is not None:
            raise UnsafePlace(fault)

    def _refuse_symlinks(self) -> None:
        shm = self.database.with_name(self.database.name + "-shm")
        for path in (self._named, self.wal, shm, self.lobby, self.worker_log):
            if path.is_symlink() and _others_can_write(path.parent.stat().st_mode, shared=self.shared):
                raise UnsafePlace(f"{path} is a symbolic link in a folder that others can write to")

    def _refuse_strangers(self) -> None:
        found = self.database.stat()
        if _others_can_write(found.st_mode, shared=self.shared):
            raise UnsafePlace(
                f"others can write to {self.database}, and so run commands as you; `chmod go-w` it, "
                "or set AQUEUE_SHARE=group to trust its group"
            )
        if found.st_uid not in {0, os.geteuid()} and not (self.shared and found.st_gid in _own_groups()):
            raise UnsafePlace(
                f"{self.database} belongs to another user (uid {found.st_uid}), who could run commands as you"
            )

    def make_folder(self, folder: Path) -> None:
        """Make a folder with its parents; only those that are new get our mode."""
        if folder.is_dir():
            return
        self.make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=self.folder_mode)
            folder.chmod(self.folder_mode)

    def create(self) -> None:
        """Make the file, empty and with our mode. Raises FileExistsError."""
        flags = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_RDWR
        descriptor = os.open(self.database, flags, self.file_mode)
        try:
            os.fchmod(descriptor, self.file_mode)
        finally:
            os.close(descriptor)


def _others_can_write(mode: int, *, shared: bool) -> bool:
    """Whether somebody but the owner, or but the group of a shared queue, can write a file of this mode."""
    return bool(mode & (stat.S_IWOTH if shared else stat.S_IWOTH | stat.S_IWGRP))


def _own_groups() -> set[int]:
    return {os.getegid(), *os.getgroups()}
