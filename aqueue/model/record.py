"""Records: dataclasses of which several are made for each job, whose fields nobody changes.

The type checker sees to that. `frozen=True` would have Python see to it as well, and makes every field several times as
dear to set: a job, with its forty, takes 5.7 µs that way and 1.3 this way, and there are ten more for each of its runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def record(cls: type[T], /) -> type[T]: ...


@overload
def record(*, kw_only: bool) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T] | None = None, /, *, kw_only: bool = False) -> Any:
    """Make a class a dataclass that has slots, a hash, and fields that are only read."""
    decorate = dataclass(slots=True, unsafe_hash=True, kw_only=kw_only)
    return decorate if cls is None else decorate(cls)
