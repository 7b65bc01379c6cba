"""Ringing the bells of a queue. It imports next to nothing, since the console entry rings too."""

import _socket  # the class below Python's own, whose module takes 6 ms to import
import errno
import os

LONGEST_ADDRESS = 100
"""What surely fits into a `sockaddr_un` everywhere; a longer path is reached through a descriptor of its folder."""

SUFFIX = ".bell"
SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def sender() -> _socket.socket:
    """A socket to ring with. Raises OSError."""
    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def ring_all(lobby: str, names: list[str]) -> None:
    """Ring these bells. Raises OSError."""
    by = sender()
    try:
        for name in names:
            ring(by, lobby, name)
    finally:
        by.close()


def ring(by: _socket.socket, lobby: str, name: str, what: bytes = b"") -> None:
    """Send a datagram, an empty one to a bell, to the socket of this name. Raises OSError of SHORTAGES only."""
    try:
        _send(by, lobby, name, what)
    except ConnectionRefusedError:
        # Its owner was killed. Nobody binds that name again: it is random.
        _remove(f"{lobby}/{name}")
    except OSError as error:
        # Full: then it has been told already. Gone, or another user's: then it cannot be told.
        if error.errno in SHORTAGES:
            raise


def _send(by: _socket.socket, lobby: str, name: str, what: bytes) -> None:
    if len(os.fsencode(f"{lobby}/{name}")) <= LONGEST_ADDRESS:
        by.sendto(what, f"{lobby}/{name}")
        return
    folder = os.open(lobby, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        by.sendto(what, address_within(folder, name))
    finally:
        os.close(folder)


def address_within(folder: int, name: str) -> str:
    """A short address for a name in a folder that is open as this descriptor."""
    return f"/proc/self/fd/{folder}/{name}"


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # another user's, or gone
