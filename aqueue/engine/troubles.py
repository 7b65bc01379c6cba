"""Telling of what does not serve: once when it begins, once when it is over."""

from aqueue.engine.events import Listener, Trouble, TroubleOver


class Troubles:
    """What is wrong at this moment, by its source."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._now: dict[str, str] = {}

    def begin(self, source: str, text: str) -> None:
        """Something is wrong; it is told unless this source said the same last."""
        if self._now.get(source) != text:
            self._now[source] = text
            self._listener(Trouble(text))

    def has(self, source: str) -> bool:
        """Whether this source does not serve."""
        return source in self._now

    def end(self, source: str) -> None:
        """This source serves again; that is told if it did not."""
        if (text := self._now.pop(source, None)) is not None:
            self._listener(TroubleOver(text))
