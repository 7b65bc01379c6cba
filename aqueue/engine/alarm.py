"""The alarm: one timer, armed for the earliest moment at which a waiting job is due."""

from collections.abc import Callable

from aqueue.engine.clock import Clock, Timer


class Alarm:
    """Calls back when the moment has come that was set last.

    An exact one rings a millisecond earlier, and holds a descriptor while it is armed.
    """

    def __init__(self, clock: Clock, on_due: Callable[[], None], *, is_exact: bool = True) -> None:
        self._clock = clock
        self._call = clock.call_exactly if is_exact else clock.call_later
        self._on_due = on_due
        self._timer: Timer | None = None

    def set(self, moment: float | None) -> None:
        """Arm for this moment, in seconds since the epoch, instead of the one before; None disarms."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if moment is not None:
            self._timer = self._call(max(0.0, moment - self._clock.now()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._on_due()
