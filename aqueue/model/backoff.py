"""How long a failed job waits before its next attempt."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """The numbers of an exponential backoff: base above 0, maximum in seconds, jitter as a share of the wait."""

    base: float
    maximum: float
    jitter: float = 0.0

    def wait(self, retry: int, spread: float) -> float:
        """Seconds before retry number ``retry`` (1, 2, …).

        That is ``min(base ** retry, maximum)``, moved by ``spread`` (a random number from -1 to 1) times the
        jitter. A base below 1 makes the waits shorter and shorter, which is allowed.
        """
        return self._power(retry) * (1.0 + self.jitter * spread)

    def _power(self, retry: int) -> float:
        try:
            return min(self.base**retry, self.maximum)
        except OverflowError:
            return self.maximum
