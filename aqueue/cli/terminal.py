"""What the terminal that we write to is like, if it is one."""

import os
import shutil
import sys
import unicodedata


def is_on_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def wants_colours() -> bool:
    """Whether to colour: only on a terminal that can, and not against NO_COLOR (https://no-color.org)."""
    return is_on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns() -> int | None:
    """How wide the terminal is; None where stdout is none."""
    return shutil.get_terminal_size().columns if is_on_terminal() else None


def showable(text: str) -> str:
    """The text as stdout will have it: what its encoding does not know is written out."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def cut(text: str, most: int) -> str:
    """The text, cut at its end to at most so many columns; three dots, or one sign for them, say so."""
    if width(text) <= most:
        return text
    dots = "…" if showable("…") == "…" else "..."
    left, end = most - len(dots), 0
    while (left := left - _width(text[end])) >= 0:
        end += 1
    return text[:end] + dots


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Cf", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
