"""A command on a terminal of its own, which the test reads and types on."""

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping

from .harness import NOTHING, PATIENCE, Shell
from .screen import FakeScreen


class OnTerminal:
    """The command, and what its terminal shows."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int, columns: int) -> None:
        self._process = process
        self._master = master
        self.raw = b""
        self.screen = FakeScreen(columns)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed, as it does for a shell."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def shows(self, part: str) -> None:
        """Wait until this stands somewhere on the screen, or has."""
        while part not in self.raw.decode(errors="replace"):
            assert self._read(), f"never showed {part!r}, but:\n{self.raw!r}"

    def types(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, columns: int) -> None:
        _set_width(self._master, columns)
        self.screen.resize(columns)
        self._process.send_signal(signal.SIGWINCH)

    def ends(self) -> int:
        """Read to the end; returns the exit code."""
        while self._read():
            pass
        return self._process.wait()

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: nobody has the terminal any more
            return False
        self.raw += data
        self.screen.put(data)
        return bool(data)


@contextlib.contextmanager
def on_terminal(
    shell: Shell, *words: str, columns: int = 80, environ: Mapping[str, str] = NOTHING, stdout: int | None = None
) -> Iterator[OnTerminal]:
    """The command, on a terminal of this width that controls it; stdout may be something else."""
    master, slave = os.openpty()
    _set_width(slave, columns)
    process = subprocess.Popen(
        [sys.executable, "-m", "aqueue", *words],
        env=shell.environ({"TERM": "xterm", "NO_COLOR": "1", **environ}),
        stdin=slave,
        stdout=slave if stdout is None else stdout,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(2, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    alarm = threading.Timer(PATIENCE, process.kill)
    alarm.start()
    try:
        with process:
            yield OnTerminal(process, master, columns)
            process.terminate()
    finally:
        alarm.cancel()
        os.close(master)


def _set_width(descriptor: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
