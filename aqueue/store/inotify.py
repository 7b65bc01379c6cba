"""The kernel's word on what changes in the file system: the four calls of inotify(7) that are needed."""

import ctypes
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MODIFY = 0x0002
ATTRIB = 0x0004
CLOSE_WRITE = 0x0008
MOVED_FROM = 0x0040
MOVED_TO = 0x0080
CREATE = 0x0100
DELETE = 0x0200
DELETE_SELF = 0x0400
MOVE_SELF = 0x0800
OVERFLOW = 0x4000

_HEADER = struct.Struct("iIII")


@dataclass(frozen=True, slots=True)
class Change:
    """One event: the number of its watch, what happened, and the name inside a watched folder."""

    watch: int
    mask: int
    name: str


class Inotify:
    """One inotify instance. Raises OSError where the system has none, or none left."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._libc, "inotify_init1"):
            raise OSError("this system has no inotify")
        self.fd: int = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def watch(self, path: os.PathLike[str], mask: int) -> int:
        """Watch a path; returns the number that its changes will carry."""
        return self._checked(self._libc.inotify_add_watch(self.fd, os.fsencode(path), mask))

    def read(self) -> Iterator[Change]:
        """What has changed since the last call; empty if nothing has."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return
        position = 0
        while position < len(data):
            watch, mask, _, length = _HEADER.unpack_from(data, position)
            start = position + _HEADER.size
            position = start + length
            yield Change(watch, mask, os.fsdecode(data[start:position].rstrip(b"\0")))

    def close(self) -> None:
        """Forget all watches."""
        os.close(self.fd)

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
