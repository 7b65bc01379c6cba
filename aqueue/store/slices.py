"""Slices: what would hold the write lock for long is done in many short transactions, with a pause after each.

How much fits into a slice depends on the disk, on how large the jobs are and on who else is at work, so it is not set
but learnt from the slice before.
"""

AIM = 0.020
"""Seconds for which a slice should hold the write lock. The promise is 0.050: there is room for a slow moment."""

FASTEST_GROWTH = 2.0
"""By how much the next slice may be larger: of how long it takes, the last one is only a guess."""

LEAST = 5
MOST = 20_000
"""The bounds of a slice. Where a commit alone takes too long, smaller slices would only mean more of them.

Where a single thing can be large, `least` may have to be smaller.
"""


class Pace:
    """How large the next slice is, and how long to leave the lock to others before it.

    The unit of `size` is the caller's: jobs, rows. `rest` is in seconds. Others try for the lock in steps of up to
    50 ms, and whoever took it again at once would starve them: it is left alone for as long as it was held.
    """

    def __init__(self, size: int = 100, *, least: int = LEAST) -> None:
        self.size = size
        self._least = least
        self.rest = 0.0

    def took(self, seconds: float) -> None:
        """The last slice, of this size, held the lock for so long."""
        growth = min(FASTEST_GROWTH, AIM / seconds) if seconds > 0 else FASTEST_GROWTH
        self.size = max(self._least, min(MOST, round(self.size * growth)))
        self.rest = seconds
