"""What a store is, whichever database remembers: the client and the engine know no more of it than this.

A store runs verbs (see `statement`), lets those who wait hear of changes, and knows which workers live. A notification
is a hint and the store is the truth: to be woken once too often costs little.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from aqueue.store.finding import Finding
from aqueue.store.place import Place
from aqueue.store.statement import Ask

T = TypeVar("T")

PATIENCE = 30.0
"""How long a caller that is not a worker waits for its transaction, in seconds."""

CHECKPOINT_BYTES = 4 * 1024**2
"""The size of SQLite's -wal at which the worker brings it home, as its own default of 1000 pages."""


@dataclass(frozen=True, slots=True)
class Turned:
    """What came of a transaction: the result of each verb or the AqueueError that it raised.

    `foreign` says whether another connection has committed since this store's last transaction, `held` for how many
    seconds the transaction was open.
    """

    outcomes: Sequence[Any]
    foreign: bool
    held: float

    @property
    def only(self) -> Any:
        """The result of the one verb that there was. Raises what it raised."""
        (outcome,) = self.outcomes
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


class Bells(Protocol):
    """How a process that waits hears that another has changed the queue."""

    def ring(self) -> None:
        """Tell everyone who waits that the queue has changed. Never fails."""

    def hung_up(
        self, on_ring: Callable[[], None], *, deaf_to_own: bool = False
    ) -> contextlib.AbstractContextManager[None]:
        """Call `on_ring` in the running loop whenever somebody has changed the queue, until the end of the block.

        With `deaf_to_own`, what this same store writes is not heard: a worker knows what it writes. Raises StoreError.
        """


class Presence(Protocol):
    """How workers show that they live, as far as that can be seen on this machine."""

    def present(self, worker: str) -> contextlib.AbstractContextManager[None]:
        """Be seen as alive until the end of the block, or of the process."""

    def is_alive(self, worker: str) -> bool:
        """Whether the process of this worker is seen to live on this machine."""

    def seen(self) -> frozenset[str]:
        """The workers that have shown themselves here and have not left in good order; not all of them live."""

    def forget(self, worker: str) -> None:
        """Remove what a dead worker left here."""

    def sweeping(self) -> contextlib.AbstractContextManager[bool]:
        """Be known to sweep the queue until the end of the block; says whether nobody else does."""


class Watcher(Protocol):
    """Who wants to know what becomes of the queue and of its workers."""

    def changed(self) -> None:
        """Any process, this one included, may have written to the queue."""

    def departed(self) -> None:
        """A worker may have gone."""

    def replaced(self) -> None:
        """The queue is no longer the one that was opened."""

    def blind(self, reason: str) -> None:
        """The system cannot tell; there is a look every second instead."""

    def unreachable(self, reason: str | None) -> None:
        """The server does not answer, or does so again: None."""

    def outlived(self, *, at_once: bool) -> None:
        """Others will soon take this worker for dead, or do so already: then what runs must end at once."""


class Store(Protocol):
    """A queue that is open."""

    @property
    def url(self) -> str:
        """Where it is: what `AQUEUE_DB` has to be."""

    @property
    def title(self) -> str:
        """The same for people: without a password."""

    @property
    def place(self) -> Place:
        """Where its files on this machine are."""

    @property
    def folder(self) -> Path | None:
        """Where many new jobs may lie before they are written; None is where the system keeps temporary files."""

    @property
    def doorbell(self) -> Bells:
        """Its bells."""

    @property
    def lobby(self) -> Presence:
        """The signs of life of the workers on this machine."""

    def now(self) -> float:
        """The moment by the clock that decides, in seconds since the epoch."""

    async def write(self, ask: Ask[T], *, patience: float = PATIENCE, checked: bool = False) -> T:
        """Run one verb in a transaction of its own, on the disk when this returns. Raises what the verb raises.

        `checked` says that whatever the verb writes has been checked by the model.
        """

    async def turn(self, asks: Sequence[Ask[Any]], *, patience: float = PATIENCE) -> Turned:
        """Run verbs in one transaction, commit it, and ring.

        A verb that raises an AqueueError changes nothing and does not disturb the others. Raises StoreError when
        the transaction as a whole could not be had: then nothing has changed. `patience` is how many seconds to
        wait for it; it may be infinite.
        """

    async def read(self, ask: Ask[T]) -> T:
        """Run a verb that only reads, in a transaction of its own: it sees one moment of the store."""

    async def living(self) -> frozenset[str]:
        """The workers that live."""

    def watched(self, watcher: Watcher) -> contextlib.AbstractContextManager[None]:
        """Tell the watcher, in the running loop, until the end of the block."""

    async def backup(self, path: Path) -> None:
        """Copy the queue as it is at this moment to a new file. Raises StoreError."""

    async def checkpoint_when_large(self, most: int = CHECKPOINT_BYTES) -> None:
        """Put in order what writing leaves behind, if there is more than so many bytes of it."""

    def examined(self) -> Sequence[Finding]:
        """What is to be said of the place and of the versions."""

    async def close(self) -> None:
        """Finish what was begun and close the connections."""
