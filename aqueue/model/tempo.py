"""How fast something goes on, and how long the rest will take: from how far it was at the moments when one looked."""

from collections import deque

WINDOW = 10.0
"""Over how many of the last seconds the rate is taken: what was before says little about what comes."""

SHORTEST = 1.0
"""Seconds before anything is said: of the first moments, most is the beginning."""


class Tempo:
    """The rate of what is counted, by a clock of the caller's in seconds."""

    def __init__(self, now: float, done: int = 0) -> None:
        self._looks: deque[tuple[float, int]] = deque([(now, done)])

    def seen(self, done: int, now: float) -> None:
        """So much is done now. Looks may be rare; one that is older than the window is kept if it is all there is."""
        if now > self._looks[-1][0]:
            self._looks.append((now, done))
        while len(self._looks) > 2 and self._looks[1][0] <= now - WINDOW:
            self._looks.popleft()

    @property
    def rate(self) -> float:
        """How much is done in a second; 0 while nothing is known."""
        (since, before), (now, done) = self._looks[0], self._looks[-1]
        return max(0.0, (done - before) / (now - since)) if now - since >= SHORTEST else 0.0

    def left(self, count: int) -> float | None:
        """How many seconds so much more will take; None while that cannot be said."""
        return count / self.rate if self.rate else None
