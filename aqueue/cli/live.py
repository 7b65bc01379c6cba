"""A picture on the terminal that changes in place, without flicker, and leaves the terminal as it was.

It is drawn on the terminal's other screen, each time in one write over the last picture. What does not fit is cut, and
said. In the end the last picture stands where the cursor was, like the output of any command. Ctrl-Z gives the terminal
back until the command goes on.
"""

import asyncio
import contextlib
import io
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator

from aqueue.cli.progress import on_resize
from aqueue.cli.terminal import is_on_terminal

_OTHER_SCREEN = "\x1b[?1049h\x1b[?25l"
_BACK = "\x1b[?25h\x1b[?1049l"
_TO_THE_CORNER = "\x1b[H"
_CLEAR_TO_END_OF_LINE = "\x1b[K"
_CLEAR_BELOW = "\x1b[J"


class Picture:
    """What is shown: what a function prints."""

    def __init__(self) -> None:
        self._show: Callable[[], None] = lambda: None
        self._again_after: float | None = None
        self._again: asyncio.TimerHandle | None = None
        self.on_stop: Callable[[], None] = lambda: None
        self.on_going_on: Callable[[], None] = lambda: None

    def draw(self, show: Callable[[], None], *, again_after: float | None = None) -> None:
        """Show what this prints in place of what is shown, and after so many seconds what it prints then."""
        self._show, self._again_after = show, again_after
        self.refresh()

    def refresh(self) -> None:
        """Draw it anew, as it is now."""
        self._forget_again()
        lines = _fitting(_printed_by(self._show).splitlines(), shutil.get_terminal_size().lines)
        over = "\n".join(line + _CLEAR_TO_END_OF_LINE for line in lines)
        _write(f"{_TO_THE_CORNER}{over}{_CLEAR_BELOW}")
        if self._again_after is not None:
            self._again = asyncio.get_running_loop().call_later(self._again_after, self.refresh)

    def leave(self, *, keep_last: bool) -> None:
        """Draw no more; the last picture may stay where the cursor was."""
        self._forget_again()
        if keep_last:
            _write(_printed_by(self._show))

    def _forget_again(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None


@contextlib.contextmanager
def live(*, keep_last: bool = True) -> Iterator[Picture | None]:
    """A picture for as long as the block lasts; None where stdout is no terminal that can be drawn over.

    `keep_last` is whether the last one stays to be read.
    """
    if not can_be_drawn_over():
        yield None
        return
    picture = Picture()
    _write(_OTHER_SCREEN)
    try:
        with on_resize(picture.refresh), _stopped_by_keys(picture):
            yield picture
    finally:
        _write(_BACK)
        picture.leave(keep_last=keep_last)


def can_be_drawn_over() -> bool:
    """Whether stdout is a terminal that knows how."""
    return is_on_terminal() and os.environ.get("TERM", "") not in {"", "dumb"}


@contextlib.contextmanager
def _stopped_by_keys(picture: Picture) -> Iterator[None]:
    def stop() -> None:
        _write(_BACK)
        picture.on_stop()
        os.kill(os.getpid(), signal.SIGSTOP)
        picture.on_going_on()
        _write(_OTHER_SCREEN)
        picture.refresh()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTSTP, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTSTP)


def _printed_by(show: Callable[[], None]) -> str:
    canvas = _Canvas(io.BytesIO(), encoding=sys.stdout.encoding, errors="backslashreplace", newline="")
    with contextlib.redirect_stdout(canvas):
        show()
    canvas.seek(0)
    return canvas.read()


class _Canvas(io.TextIOWrapper):
    """Takes what is printed, and passes for the terminal that it is meant for."""

    def isatty(self) -> bool:
        """It will be on one."""
        return True


def _fitting(lines: list[str], rows: int) -> list[str]:
    left_out = len(lines) - rows
    return lines if left_out <= 0 else [*lines[: rows - 1], f"... and {left_out + 1} more lines"]


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
