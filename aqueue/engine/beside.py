"""A command beside the slots: the service of a container, which comes and goes with its worker.

It is no job: it has the worker's environment, its streams and its score, it is not retried, and its output is not kept.
Told to go, it gets TERM at once, while the slots drain, and KILL when the grace is over. When it ends by itself, the
worker drains; either way its exit code is the worker's.
"""

import os
import signal
from collections.abc import Mapping

from aqueue.engine import group
from aqueue.engine.children import Child, start
from aqueue.engine.events import CommandEnded, Listener
from aqueue.engine.spawn import block, entry
from aqueue.model.errors import Refused

LEFT = 1.0
"""Seconds from TERM to KILL for what its shell leaves in its process group."""


class Beside:
    """One such command. The listener hears of its end."""

    def __init__(self, command: str, listener: Listener) -> None:
        self.command = command
        self.exit_code = 0
        """As a shell has it: 128 and the number of the signal for one that was killed."""
        self._listener = listener
        self._child: Child | None = None

    async def start(self, environ: Mapping[str, str], database: str) -> None:
        """Start it, with this environment, in which AQUEUE_DB names the database. Raises Refused if that cannot be."""
        known = {**environ, "AQUEUE_DB": database}
        variables = block([entry(os.fsencode(name), os.fsencode(value)) for name, value in known.items()])
        try:
            self._child = await start(self.command, stdin=0, stdout=1, stderr=2, cwd=None, environ=variables)
        except (OSError, ValueError) as error:
            raise Refused(f"cannot start {self.command!r}: {error}") from error

    async def ended(self) -> None:
        """Wait for its end, and end what it leaves behind."""
        assert self._child is not None
        code, _ = await self._child.wait()
        self.exit_code = code if code >= 0 else 128 - code
        self._listener(CommandEnded(self.command, self.exit_code))
        await group.end(self._child.pid, LEFT)

    def leave(self) -> None:
        """Ask it to go."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Make it go."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self._child is not None and not self._child.has_ended:
            group.send(self._child.pid, number)
