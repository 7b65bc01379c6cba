"""The ids of a batch of jobs: a million of them in a few megabytes, where a list would take a hundred."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import overload

SEPARATOR = "\n"
"""What no id has in it."""


class Ids(Sequence[str]):
    """Ids in their order. They are kept as texts of many, and made one by one when they are looked at."""

    def __init__(self, ids: Sequence[str] = ()) -> None:
        self._texts: list[str] = []
        self._starts: list[int] = []
        self._count = 0
        self.add(ids)

    def add(self, ids: Sequence[str]) -> None:
        """Add these at the end."""
        if ids:
            self._texts.append(SEPARATOR.join(ids))
            self._starts.append(self._count)
            self._count += len(ids)

    def slices(self) -> Iterator[Sequence[str]]:
        """All of them, some at a time, as they were added."""
        return (text.split(SEPARATOR) for text in self._texts)

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self.slices())

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return list(self)[index]
        place = range(self._count)[index]
        which = bisect_right(self._starts, place) - 1
        return self._texts[which].split(SEPARATOR)[place - self._starts[which]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self._count} ids>"
