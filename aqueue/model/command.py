"""What a text must be like that goes into a job, and a command that goes to the shell."""

from aqueue.model.errors import InvalidInput

MAX_COMMAND_BYTES = 128 * 1024 - 1
"""The kernel takes no argument of 128 KiB or more, and the shell gets the command as one."""


def check_text(text: str) -> str:
    """A text that the kernel and every store take; raises InvalidInput."""
    if "\0" in text:
        raise InvalidInput("must not hold a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("must be valid UTF-8") from None
    return text


def check_command(text: str) -> str:
    """A command line for the shell; raises InvalidInput."""
    command = check_text(text)
    if not command.strip():
        raise InvalidInput("must not be empty")
    if len(command.encode()) > MAX_COMMAND_BYTES:
        raise InvalidInput("must be shorter than 128 KiB; put it into a script and run that")
    return command
