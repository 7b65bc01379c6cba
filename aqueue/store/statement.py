"""What a verb of the store is made of.

A verb is a generator: it yields statements and is sent their rows. It neither knows nor cares whether a thread drives
it (SQLite) or an event loop (PostgreSQL), and a whole batch of verbs can share one transaction.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Rows: TypeAlias = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Statement:
    """A named statement with its parameters.

    `where` names the conditions that fill its ``{where}``, and `rows` the query that fills its ``{rows}``.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    rows: str = ""


Verb: TypeAlias = Generator[Statement, Rows, T]
Ask: TypeAlias = Callable[[], Verb[T]]
"""A verb that has not begun, so that it can be begun again when its transaction could not be had."""
