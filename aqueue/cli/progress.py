"""A line at the bottom of the terminal that says how far something has come: how much is done, how fast, how long yet.

    Waiting [=========>                    ] 31 of 100, 2 failed, 4.5/s, 15s left

It is drawn on stderr, only where that is a terminal and we are in its foreground, and is gone when all is said. Nothing
ticks: it is drawn when there is something new, at most ten times a second, in one write and over itself. It is plain
ASCII and as wide as the terminal is at that moment, so that it needs no library: rich would cost each command that may
wait 30 ms and a thread, and know nothing of the lines of a worker that go through between.
"""

import asyncio
import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from aqueue.model.tempo import Tempo
from aqueue.model.text import format_duration

FIRST_AFTER = 0.3
"""Seconds before it appears: what is done sooner needs no line."""

AGAIN_AFTER = 0.1
"""Seconds between two drawings."""

WIDEST = 100
"""Columns: a wider line is harder to read, and the more of it would wrap when the terminal becomes narrower."""

LONGEST_BAR = 30
SHORTEST_BAR = 8
"""Characters between the brackets; where not even the shortest has room, there is none."""

_CLEAR_TO_END_OF_LINE = "\x1b[K"
_CLEAR_BELOW = "\x1b[J"


@dataclass(frozen=True, slots=True)
class Reached:
    """How far something has come: `done` of `total`, if that is known, of which `failed` not well."""

    done: int
    failed: int = 0
    total: int | None = None


class Screen(Protocol):
    """The terminal."""

    @property
    def columns(self) -> int:
        """How wide it is now."""

    def put(self, data: bytes) -> None:
        """Write this, or nothing of it where it would not be taken at once. Never fails."""


class Terminal:
    """The terminal behind a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def columns(self) -> int:
        """How wide it is now."""
        with contextlib.suppress(OSError):
            return os.get_terminal_size(self._descriptor).columns or 80
        return 80

    def put(self, data: bytes) -> None:
        """Write this, if the terminal takes it (Ctrl-S stops one) and belongs to us at this moment."""
        with contextlib.suppress(OSError):
            if self._is_ours() and select.select([], [self._descriptor], [], 0)[1]:
                os.write(self._descriptor, data)

    def _is_ours(self) -> bool:
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:  # not the one that controls us: then no shell shares it with us
            return True


def terminal() -> Terminal | None:
    """The terminal of stderr, if it is one on which a line can be drawn over."""
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM", "") in {"", "dumb"}:
        return None
    return Terminal(sys.stderr.fileno())


class Bar:
    """The line. Without a screen it does nothing. `what` says what goes on, `bad` what the failed ones are."""

    def __init__(
        self,
        screen: Screen | None,
        what: str,
        *,
        total: int | None = None,
        bad: str = "failed",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._screen = screen
        self._what = what
        self._bad = bad
        self._clock = clock
        self._reached = Reached(0, total=total)
        self._tempo = Tempo(clock())
        self._next = clock() + FIRST_AFTER
        self._later: asyncio.TimerHandle | None = None
        self._line = ""

    def show(self, done: int, *, failed: int = 0, total: int | None = None) -> None:
        """So much is done. It is drawn now, or soon. Without a total the one before stays."""
        if self._screen is None:
            return
        self._reached = Reached(done, failed, self._reached.total if total is None else total)
        self._tempo.seen(done, self._clock())
        self.refresh()

    def refresh(self) -> None:
        """Draw it anew, now or soon: something has been written over it, or the terminal has another width."""
        wait = self._next - self._clock()
        if wait <= 0:
            self._draw()
        elif self._later is None:
            with contextlib.suppress(RuntimeError):  # without a loop, the next `show` draws
                self._later = asyncio.get_running_loop().call_later(wait, self._draw)

    def close(self) -> None:
        """Take it away."""
        self._forget_later()
        if self._screen is not None and self._line:
            self._screen.put(self._over_the_last().encode() + _CLEAR_BELOW.encode())
        self._screen, self._line = None, ""

    def around(self, lines: bytes) -> bytes:
        """What to write so that these whole lines scroll by above it."""
        if not self._line:
            return lines
        return (self._over_the_last() + _CLEAR_BELOW).encode() + lines + self._line.encode()

    def _draw(self) -> None:
        self._forget_later()
        if self._screen is None:
            return
        self._next = self._clock() + AGAIN_AFTER
        before = self._over_the_last()
        room = min(self._screen.columns - 1, WIDEST)  # in the last column, terminals differ
        self._line = line(self._what, self._reached, self._tempo, room, bad=self._bad)
        self._screen.put(f"{before}{self._line}{_CLEAR_TO_END_OF_LINE}".encode())

    def _over_the_last(self) -> str:
        """Moves to where the last line began: a terminal that has become narrower shows it in several rows."""
        assert self._screen is not None
        rows_above = max(0, len(self._line) - 1) // self._screen.columns
        return f"\x1b[{rows_above}A\r{_CLEAR_BELOW}" if rows_above else "\r"

    def _forget_later(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None


@contextlib.contextmanager
def shown(
    what: str, *, total: int | None = None, bad: str = "failed", on: Callable[[], Screen | None] = terminal
) -> Iterator[Bar]:
    """A bar on stderr for as long as the block lasts; one that does nothing where there is no terminal.

    Within an event loop, it follows the width of the terminal at once.
    """
    bar = Bar(on(), what, total=total, bad=bad)
    try:
        with on_resize(bar.refresh):
            yield bar
    finally:
        bar.close()


@contextlib.contextmanager
def on_resize(call: Callable[[], None]) -> Iterator[None]:
    """Call this whenever the terminal has got another size, where there is an event loop to hear of it."""
    try:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, call)
    except (RuntimeError, ValueError):  # no loop, or not the main thread
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)


def line(what: str, reached: Reached, tempo: Tempo, room: int, *, bad: str = "failed") -> str:
    """The line in at most so many columns: what matters least goes first."""
    facts = _facts(reached, tempo, bad)
    while len(facts) > 1 and len(f"{what} {', '.join(facts)}") > room:
        facts.pop()
    text = ", ".join(facts)
    bar = _bar(reached, min(LONGEST_BAR, room - len(f"{what} [] {text}")))
    return (f"{what} {bar} {text}" if bar else f"{what} {text}")[: max(0, room)]


def _facts(reached: Reached, tempo: Tempo, bad: str) -> list[str]:
    """The words, those that matter least last."""
    facts = [str(reached.done) if reached.total is None else f"{reached.done} of {reached.total}"]
    if reached.failed:
        facts.append(f"{reached.failed} {bad}")
    left = None if reached.total is None else tempo.left(reached.total - reached.done)
    if left:
        facts.append(f"{_left(left)} left")
    if tempo.rate:
        facts.append(_rate(tempo.rate))
    return facts


def _rate(rate: float) -> str:
    if rate < 1:
        return f"{rate * 60:.2g}/min"
    return f"{rate:.1f}/s" if rate < 10 else f"{rate:.0f}/s"


def _left(seconds: float) -> str:
    """In words as exact as such a guess can be."""
    if seconds < 60:
        return f"{max(1, round(seconds))}s"
    step = 1 if seconds < 600 else 60 if seconds < 86_400 else 3600
    return format_duration(round(seconds / step) * step)


def _bar(reached: Reached, length: int) -> str:
    if not reached.total or length < SHORTEST_BAR:
        return ""
    full = min(length, length * reached.done // reached.total)
    return "[" + ("=" * full if full == length else "=" * full + ">").ljust(length) + "]"
