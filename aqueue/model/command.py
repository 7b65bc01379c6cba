"""What a text must be like that goes into a job, and a command that goes to the shell."""

from collections.abc import Sequence

from aqueue.model.errors import InvalidInput

MAX_COMMAND_BYTES = 128 * 1024 - 1
"""The kernel takes no argument of 128 KiB or more, and the shell gets the command as one."""

SURELY_SHORT = MAX_COMMAND_BYTES // 4
"""Characters: no more bytes than a command may have, whatever they are."""


def check_text(text: str) -> str:
    """A text that the kernel and every store take; raises InvalidInput."""
    if "\0" in text:
        raise InvalidInput("must not hold a NUL character")
    if not is_utf_8(text):
        raise InvalidInput("must be valid UTF-8")
    return text


def check_command(text: str) -> str:
    """A command line for the shell; raises InvalidInput."""
    command = check_text(text)
    if not command.strip():
        raise InvalidInput("must not be empty")
    if len(command) > SURELY_SHORT and len(command.encode()) > MAX_COMMAND_BYTES:
        raise InvalidInput("must be shorter than 128 KiB; put it into a script and run that")
    return command


def are_commands(texts: Sequence[str]) -> bool:
    """Whether each of these is surely a command that makes sense; a few that do are not recognized.

    For many at once: it costs next to nothing for each.
    """
    whole = "".join(texts)
    has_words = all(texts) and not any(map(str.isspace, texts))
    return has_words and max(map(len, texts), default=0) <= SURELY_SHORT and "\0" not in whole and is_utf_8(whole)


def is_utf_8(text: str) -> bool:
    """Whether every character of it can be written as UTF-8."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False
