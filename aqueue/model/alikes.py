"""Jobs of which many, one after the other, say the same of themselves: it is checked once, and told the store once."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from aqueue.model.command import are_commands
from aqueue.model.newjob import Alike, NewJob

MOST = 1000
MOST_CHARACTERS = 256 * 1024
"""How many are kept until they are given out, and of commands, so that they take no memory."""

ENOUGH = 50
"""From how many on they are better told as one: it ends what the store is told at once of the jobs before."""

_OF_THEIR_OWN = {"id", "delay", "run_at"}
"""What two jobs that say the same mean differently: no id is there twice, and times count from when they were read."""


class Alikes:
    """The last jobs, as far as they are alike."""

    def __init__(self) -> None:
        self._said: str | None = None
        self._job: NewJob | None = None
        self._commands: list[str] = []
        self._characters = 0

    def begin(self, keys: Mapping[str, Any], job: NewJob) -> Iterator[NewJob | Alike]:
        """Take a job that was made of these keys, and give out those before it."""
        yield from self.given()
        self._said, self._job = _said(keys), job
        self._keep(job.command)

    def take(self, keys: Mapping[str, Any]) -> bool:
        """Whether a job of these keys is surely like those before it, and makes sense: then it is taken."""
        command = keys.get("command")
        if self._said is None or self._is_full or not isinstance(command, str):
            return False
        if self._said != _said(keys) or not are_commands((command,)):
            return False
        self._keep(command)
        return True

    def given(self) -> Iterator[NewJob | Alike]:
        """Those that were taken, which are forgotten."""
        job, commands = self._job, self._commands
        self._job, self._commands, self._characters = None, [], 0
        self._said = None
        if job is None:
            return
        if len(commands) >= ENOUGH:
            yield Alike(job, commands)
        else:
            yield job
            yield from (replace(job, command=command) for command in commands[1:])

    @property
    def _is_full(self) -> bool:
        return len(self._commands) == MOST or self._characters >= MOST_CHARACTERS

    def _keep(self, command: str) -> None:
        self._commands.append(command)
        self._characters += len(command)


def _said(keys: Mapping[str, Any]) -> str | None:
    """What a job says of itself beside its command, to be compared; None where that does not tell what it means.

    It is written out, because `True` is 1 and 1.0, and a job in which it is one or the other is not the same.
    """
    if not _OF_THEIR_OWN.isdisjoint(keys):
        return None
    try:
        return repr([(key, value) for key, value in keys.items() if key != "command"])
    except (RecursionError, ValueError):  # a list in a list in a list …, or an integer of thousands of digits
        return None
