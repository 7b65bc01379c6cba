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

LEFT = 10.0
"""Seconds from TERM to KILL for what its shell leaves in its process group when it ends by itself."""


class Beside:
    """One such command. The listener hears of its end."""

    def __init__(self, command: str, listener: Listener) -> None:
        self.command = command
        self.exit_code = 0
        """As a shell has it: 128 and the number of the signal for one that was killed."""
        self._listener = listener
        self._child: Child | None = None
        self._is_told = False
        self._is_over = False

    async def start(self, environ: Mapping[str, str], database: str) -> None:
        """Start it, unless it has been told to go; AQUEUE_DB in its environment names the database.

        Raises Refused if that cannot be.
        """
        if self._is_told:
            return
        known = {**environ, "AQUEUE_DB": database}
        variables = block([entry(os.fsencode(name), os.fsencode(value)) for name, value in known.items()])
        try:
            self._child = await start(self.command, stdin=0, stdout=1, stderr=2, cwd=None, environ=variables)
        except (OSError, ValueError) as error:
            raise Refused(f"cannot start {self.command!r}: {error}") from error

    async def ended(self) -> None:
        """Wait for its end, and for that of what its shell leaves behind.

        Where it was told to go, that may take as long as the grace lets it, and it is not told twice: the shell can be
        gone before its command, and to some programs a second TERM means to hurry.
        """
        if self._child is not None:
            code, _ = await self._child.wait()
            self.exit_code = code if code >= 0 else 128 - code
            self._listener(CommandEnded(self.command, self.exit_code))
            await (group.gone(self._child.pid) if self._is_told else group.end(self._child.pid, LEFT))
        self._is_over = True

    def leave(self) -> None:
        """Ask it to go, once."""
        if not self._is_told:
            self._is_told = True
            self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Make it go."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self._child is not None and not self._is_over:
            group.send(self._child.pid, number)
