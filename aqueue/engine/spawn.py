"""posix_spawn(3), asked of the C library itself.

`os.posix_spawn` keeps Python's lock until the child has begun its program, which it does when a core has room for it:
on a busy machine that is most of what a worker does. Meanwhile its other thread, which has the store, could do nothing.
It knows no folder for the child to begin in, either, so that the whole worker would have to go there and back.
"""

import ctypes
import errno
import functools
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Block = Any
"""An environment as the kernel wants it: an array of pointers to `NAME=VALUE`, the last of them NULL."""

_ROOM = 128
"""Eight-byte words for a structure of the C library's own; the largest that is known has 42."""

_SETSIGDEF = 0x04
_SETSID = 0x400 if sys.platform == "darwin" else 0x80

_DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ)
"""Python ignores them; what it starts should not."""

_OF_THE_PLACE = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG}

_Opaque = ctypes.c_uint64 * _ROOM
_libc = ctypes.CDLL(None)
_at_once = ctypes.PyDLL(None)
"""The same for what only fills a structure: Python's lock is kept, to let it go and wait for it would cost more."""


def _function(library: ctypes.CDLL, name: str, *arguments: Any) -> Any:
    function = getattr(library, name)
    function.argtypes = arguments
    return function


_posix_spawn = _function(_libc, "posix_spawn", *[ctypes.c_void_p] * 6)
_begin = _function(_at_once, "posix_spawn_file_actions_init", ctypes.c_void_p)
_dup2 = _function(_at_once, "posix_spawn_file_actions_adddup2", ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
_chdir = _function(_at_once, "posix_spawn_file_actions_addchdir_np", ctypes.c_void_p, ctypes.c_char_p)
_done = _function(_at_once, "posix_spawn_file_actions_destroy", ctypes.c_void_p)


def block(entries: Sequence[bytes]) -> Block:
    """An environment of these variables."""
    return (ctypes.c_char_p * (len(entries) + 1))(*entries)


class Common:
    """What many environments have in common, laid out once, so that each of them takes but a copy.

    `more` is how many variables each of them has beside that.
    """

    def __init__(self, entries: Sequence[bytes], more: int) -> None:
        self._count = len(entries)
        self._array = ctypes.c_char_p * (len(entries) + more + 1)
        self._laid_out = self._array(*entries)

    def with_(self, entries: Sequence[bytes]) -> Block:
        """An environment with these, too. It points into this one, and must not outlive it."""
        copy = self._array.from_buffer_copy(self._laid_out)
        copy[self._count : -1] = [*entries]
        return copy


def entry(name: bytes, value: bytes) -> bytes:
    """One variable. Raises ValueError for what cannot be one."""
    if b"=" in name or b"\0" in name or b"\0" in value:
        raise ValueError(f"no variable can have this name or value: {os.fsdecode(name)}")
    return b"%b=%b" % (name, value)


def spawn(words: Sequence[bytes], env: Block, streams: Sequence[int], cwd: bytes | None) -> int:
    """Start a program, the first of the words, as a session of its own, with these descriptors as its 0, 1, 2, ….

    Returns its process id. Raises OSError, or ValueError for a NUL, and then nothing of it runs.
    """
    if b"\0" in b"".join(words) or (cwd is not None and b"\0" in cwd):
        raise ValueError("embedded null byte")
    pid = ctypes.c_int()
    arguments = (ctypes.c_char_p * (len(words) + 1))(*words)
    actions = _Opaque()
    place = ctypes.addressof(actions)
    _begin(place)
    try:
        for number, given in enumerate(streams):
            _dup2(place, given, number)
        if cwd is not None:
            _chdir(place, cwd)
        failed = _posix_spawn(ctypes.addressof(pid), words[0], place, _attributes(), arguments, env)
    finally:
        _done(place)
    if failed:
        raise _error(failed, words[0], cwd)
    return pid.value


@functools.cache
def _attributes() -> Any:
    """What is the same for all: made once."""
    signals, attributes = _Opaque(), _Opaque()
    _libc.sigemptyset(signals)
    for number in _DEFAULT_SIGNALS:
        _libc.sigaddset(signals, int(number))
    _libc.posix_spawnattr_init(attributes)
    _libc.posix_spawnattr_setsigdefault(attributes, signals)
    _libc.posix_spawnattr_setflags(attributes, ctypes.c_short(_SETSIGDEF | _SETSID))
    return attributes


def _error(number: int, program: bytes, cwd: bytes | None) -> OSError:
    """What is wrong; of a folder or a program that is not there, also which."""
    if number not in _OF_THE_PLACE:
        return OSError(number, os.strerror(number))
    folder = None if cwd is None else os.fsdecode(cwd)
    if folder is not None and not (Path(folder).is_dir() and os.access(folder, os.X_OK)):
        return OSError(number, os.strerror(number), folder)
    return OSError(number, os.strerror(number), os.fsdecode(program))
