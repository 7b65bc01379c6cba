"""Making text safe to show: commands and error messages are other people's, and a terminal obeys what it reads."""

import re

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters: they move the cursor, change colours, answer as if typed
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # line separators and marks that reorder what stands around them
    "\ud800-\udfff"  # lone surrogates: bytes that are no UTF-8; they cannot be encoded
    "]"
)
_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def escape(text: str) -> str:
    """The text in one line that a terminal can only show: what it would obey is written as in Python, `\\x1b`."""
    return _UNSAFE.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # what `os.fsdecode` makes of a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
