"""The alarm: one timer, armed for the earliest moment at which a waiting job is due."""

from collections.abc import Callable

from aqueue.engine.clock import Clock, Timer


class Alarm:
    """Calls back when the moment has come that was set last."""

    def __init__(self, clock: Clock, on_due: Callable[[], None]) -> None:
        self._clock = clock
        self._on_due = on_due
        self._timer: Timer | None = None

    def set(self, moment: float | None) -> None:
        """Arm for this moment, in seconds since the epoch, instead of the one before; None disarms."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if moment is not None:
            self._timer = self._clock.call_exactly(max(0.0, moment - self._clock.now()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._on_due()
