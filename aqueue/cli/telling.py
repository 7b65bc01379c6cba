"""How a worker tells what happens: in words or as JSON, and whether it tells what its jobs print, too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aqueue.cli.lines import Lines
from aqueue.cli.narration import Narrator
from aqueue.cli.passing import Passing, Source
from aqueue.cli.terminal import wants_colours
from aqueue.engine.events import Event
from aqueue.engine.output import OutputListener

BY_COMMAND = "`aqueue worker stop --now`"


@dataclass(frozen=True, slots=True)
class Telling:
    """What is wanted."""

    as_json: bool = False
    output: bool = False

    def words(self) -> list[str]:
        """The same as the options of a worker."""
        return [*(["--log-format", "json"] if self.as_json else []), *(["--pass-output"] if self.output else [])]

    def teller(self, lines: Lines, *, database: str, grace: float | None, address: str | None) -> "Teller":
        """Who does it, and writes to these lines."""
        if not self.as_json:
            return Narrator(
                lines,
                database=database,
                colours=wants_colours(),
                end_at_once=BY_COMMAND,
                grace=grace,
                address=address,
            )
        from aqueue.cli.records import Recorder

        recorder = Recorder(lines, database=database, address=address)
        lines.in_words = recorder.left_out
        return recorder

    def on_output(self, lines: Lines, teller: "Teller") -> OutputListener | None:
        """Who is to be told what the runs print; None where nobody wants to know."""
        return Passing(lines, teller).hear if self.output else None


class Teller(Protocol):
    """Who tells it."""

    end_at_once: str

    def hear(self, event: Event) -> None:
        """Tell an event."""

    def output(self, source: Source, lines: Sequence[str]) -> str:
        """What a job has printed."""

    def warn(self, text: str) -> None:
        """Tell something that is none of the engine's events."""

    def say_goodbye(self, worker: str) -> None:
        """Tell that the worker stops."""
