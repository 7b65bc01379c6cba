"""A worker as a service of systemd: telling it when jobs are taken, when the end begins, and that the loop turns.

That is a datagram to the socket that systemd names, in its own plain words: `sd_notify(3)`, `sd_watchdog_enabled(3)`.
Where none is named, nothing is done. There is no beat but where the unit has a watchdog, so that a worker stays silent
when idle; the loop itself beats, so a loop that stands still is found out.
"""

import asyncio
import os
import socket
from collections.abc import MutableMapping
from typing import Self

from aqueue.cli.narration import words
from aqueue.engine.events import Began, Draining, Event, Interrupting, Trouble, TroubleOver

AGAIN_AFTER = 0.1
"""Seconds until that is sent again for which the socket had no room."""


class Service:
    """Listens to a worker and tells systemd. `address` is None where nobody wants to be told.

    `beat` is how many seconds there are between two beats; None is no beat at all.
    """

    def __init__(self, address: str | None, beat: float | None = None) -> None:
        self._address = address
        self._beat = beat
        self._socket: socket.socket | None = None
        self._unsent: list[bytes] = []
        self._again: asyncio.TimerHandle | None = None
        self._next_beat: asyncio.TimerHandle | None = None
        self._is_stopping = False

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> Self:
        """What the environment asks for. The variables are taken out of it: they are not meant for the jobs."""
        address, beat, pid = (environ.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"))
        if not address.startswith(("/", "@")):
            return cls(None)
        is_asked = beat.isdigit() and int(beat) > 0 and pid in {"", str(os.getpid())}
        return cls(address, int(beat) / 1_000_000 / 2 if is_asked else None)

    def __enter__(self) -> Self:
        if self._address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._stop("worker stopped")
            for timer in (self._again, self._next_beat):
                if timer is not None:
                    timer.cancel()
            self._socket.close()
            self._socket = None

    def hear(self, event: Event) -> None:
        """Tell what systemd should know of an event."""
        match event:
            case _ if self._socket is None:
                return
            case Began():
                self._send("READY=1", f"MAINPID={os.getpid()}", f"STATUS={words(event).text}")
                self._beat_on()
            case Draining() | Interrupting():
                self._stop(words(event).text)
            case Trouble() | TroubleOver():
                self._send(f"STATUS={words(event).text}")

    def _stop(self, status: str) -> None:
        self._send(*([] if self._is_stopping else ["STOPPING=1"]), f"STATUS={status}")
        self._is_stopping = True

    def _beat_on(self) -> None:
        if self._beat is not None:
            if self._again is None:  # else the one before has not gone yet
                self._send("WATCHDOG=1")
            self._next_beat = asyncio.get_running_loop().call_later(self._beat, self._beat_on)

    def _send(self, *assignments: str) -> None:
        self._unsent.append("\n".join(assignments).encode(errors="replace"))
        if self._again is None:
            self._send_all()

    def _send_all(self) -> None:
        """Send what is to be sent, in that order. Where systemd is not there any more, that is not our trouble."""
        assert self._socket is not None
        assert self._address is not None
        self._again = None
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        while self._unsent:
            try:
                self._socket.sendto(self._unsent[0], address)
            except BlockingIOError:
                self._again = asyncio.get_running_loop().call_later(AGAIN_AFTER, self._send_all)
                return
            except OSError:
                pass
            del self._unsent[0]
