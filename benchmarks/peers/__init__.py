"""The others: what each is called, what it cannot do, and how it works off a line of commands.

Those that are on the machine or come from a registry; `scripts/bench --install-peers` gets them. One that is not here
is left out with a word.
"""

from benchmarks.peers.lists import Parallel
from benchmarks.peers.peer import Peer
from benchmarks.peers.python import Huey, HyperQueue
from benchmarks.peers.spoolers import Nq, TaskSpooler

ALL: tuple[Peer, ...] = (Parallel(), TaskSpooler(), Nq(), Huey(), HyperQueue())

__all__ = ["ALL", "Peer"]
