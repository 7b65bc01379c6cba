"""How much of a long work goes into one transaction, so that nobody waits long for the write lock."""

AIM = 0.015
"""Seconds for which a slice is to hold the write lock: so far below 50 ms that a slow one is below it too."""

FASTEST_GROWTH = 2.0
"""By how much a slice may be larger than the one before: what is cheap at first may be dear later."""


class Pace:
    """The size of the next slice, learned from how long those before it took. Sizes have any unit, and begin at 1."""

    def __init__(self, start: int) -> None:
        self.size = start

    def took(self, seconds: float) -> None:
        """A slice of this size has held the write lock for so long. Not to be told of one that was not full."""
        growth = min(FASTEST_GROWTH, AIM / seconds) if seconds > 0 else FASTEST_GROWTH
        self.size = max(1, int(self.size * growth))
