"""The keys of a terminal, told as they are pressed, without waiting for Enter."""

import asyncio
import codecs
import contextlib
import os
import re
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Mapping

UP, DOWN, PAGE_UP, PAGE_DOWN, HOME, END = "up", "down", "page up", "page down", "home", "end"
ENTER, ESCAPE, BACKSPACE, TAB, BACK_TAB = "enter", "escape", "backspace", "tab", "back tab"
GONE = "gone"
"""Not a key: nobody types any more."""

_NAMES: Mapping[str, str] = {
    "A": UP,
    "B": DOWN,
    "H": HOME,
    "F": END,
    "Z": BACK_TAB,
    "1~": HOME,
    "7~": HOME,
    "4~": END,
    "8~": END,
    "5~": PAGE_UP,
    "6~": PAGE_DOWN,
    "\r": ENTER,
    "\n": ENTER,
    "\t": TAB,
    "\x7f": BACKSPACE,
    "\x08": BACKSPACE,
    "\x1b": ESCAPE,
    "\x10": UP,
    "\x0e": DOWN,
    "\x02": PAGE_UP,
    "\x06": PAGE_DOWN,
}
"""What terminals send after `ESC [` or `ESC O`, or as one character; of what has a modifier, the key counts."""

_PRESSED = re.compile(r"\x1b(?:\[|O)(?:1;\d+)?(\d*[A-Za-z~])|(\x1b\[[0-9;]*)$|(.)", re.DOTALL)


def keys_in(text: str) -> Iterator[str]:
    """The keys that were pressed: a name for those that have one, else the character. Unknown ones are passed over."""
    for sequence, _, character in _PRESSED.findall(text):
        if name := _NAMES.get(sequence or character):
            yield name
        elif character.isprintable() and character:
            yield character


class Keyboard:
    """The terminal that is typed on: ours, or as it was before, while someone else has it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before = termios.tcgetattr(descriptor)

    def take(self) -> None:
        """Have the keys at once; what is typed is not shown. Ctrl-C and Ctrl-Z stay signals."""
        tty.setcbreak(self._descriptor, termios.TCSADRAIN)

    def give_back(self) -> None:
        """Leave it as it was."""
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)


@contextlib.contextmanager
def pressed(on_key: Callable[[str], None]) -> Iterator[Keyboard]:
    """Tell each key that is pressed on stdin while the block lasts."""
    descriptor, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read() -> None:
        data = os.read(descriptor, 4096)
        if not data:
            loop.remove_reader(descriptor)
            on_key(GONE)
        for key in keys_in(decoder.decode(data)):
            on_key(key)

    keyboard = Keyboard(descriptor)
    keyboard.take()
    loop.add_reader(descriptor, read)
    try:
        yield keyboard
    finally:
        loop.remove_reader(descriptor)
        keyboard.give_back()
