"""What SQLite's errors mean, in words for a person."""

import os
import sqlite3
from pathlib import Path

from aqueue.model.errors import NotAQueue, StoreError, StoreUnavailable


class Locked(Exception):
    """Another connection holds the write lock at this moment."""


def explanation(error: sqlite3.Error, path: Path) -> Exception:
    """The error as our callers know it."""
    code = getattr(error, "sqlite_errorcode", None)
    match None if code is None else code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Locked()
        case sqlite3.SQLITE_NOTADB:
            return NotAQueue(f"{path} is not a SQLite database")
        case sqlite3.SQLITE_CORRUPT:
            return StoreUnavailable(f"{path} is damaged ({error}); `aqueue check` tells more")
        case sqlite3.SQLITE_FULL:
            return StoreUnavailable(f"no space left for {path}")
        case sqlite3.SQLITE_READONLY:
            return StoreUnavailable(f"{path} cannot be written: it is read-only")
        case sqlite3.SQLITE_CANTOPEN:
            return StoreUnavailable(f"cannot open {path}: {_what_is_wrong_beside(path) or error}")
        case sqlite3.SQLITE_IOERR:
            return StoreUnavailable(f"cannot read or write {path}: {_what_is_wrong_beside(path) or error}")
    return StoreError(f"{path}: {error}")


def _what_is_wrong_beside(path: Path) -> str | None:
    """What the system says of the folder: SQLite does not tell. The file itself must not be opened, see Place."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            disk = os.fstatvfs(folder)
        finally:
            os.close(folder)
    except OSError as error:
        return error.strerror
    if disk.f_flag & os.ST_RDONLY:
        return "its file system is read-only"
    return None if disk.f_bavail else "no space is left"
