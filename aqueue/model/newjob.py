"""What may be asked of a new job: one table of keys, checked the same way for flags, JSON and Python."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aqueue.model.command import check_command, check_text
from aqueue.model.errors import InvalidInput
from aqueue.model.settings import MAX_RETRIES_LIMIT
from aqueue.model.text import LONGEST, check_moment, format_size, parse_duration, parse_size, parse_time

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_INT64 = range(-(2**63), 2**63)
_NICE = range(-20, 20)

LEAST_MEMORY = 1024**2
"""Bytes: in less no shell starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job that was asked for and found to make sense. None means: as configured.

    `run_at` is None for at once; a `timeout` of 0 is none at all. Make it with :meth:`parse`.
    """

    command: str
    id: str | None = None
    queue: str = "default"
    priority: int = 0
    max_retries: int | None = None
    timeout: float | None = None
    run_at: float | None = None
    hold: bool = False
    tags: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    backoff_base: float | None = None
    backoff_max: float | None = None
    no_retry_on: tuple[int, ...] = ()
    defer_on: tuple[int, ...] = ()
    after: tuple[str, ...] = ()
    after_any: tuple[str, ...] = ()
    unique: str | None = None
    nice: int | None = None
    memory: int | None = None
    cron: str | None = None
    """The name of the schedule that makes it: no key, for nobody can ask for that."""
    hook_of: str | None = None
    """The id of the job that it tells of. Nobody can ask for that."""

    @property
    def waits(self) -> bool:
        """Whether it comes after other jobs."""
        return bool(self.after or self.after_any)

    @classmethod
    def parse(cls, wanted: Mapping[str, Any], now: float) -> "NewJob":
        """Check every key and its value; raises InvalidInput that names the first one that is wrong.

        A value of None counts as not given, but for `timeout` and `unique`, where it means none at all.
        """
        values = check(wanted, now)
        if "command" not in values:
            raise InvalidInput("a job needs a command")
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Alike:
    """Jobs that differ in nothing but their commands: each is as `job` is. The commands are known to make sense."""

    job: NewJob
    commands: Sequence[str]


@dataclass(frozen=True, slots=True)
class OfKinds:
    """Jobs of a few kinds: each is as that of `kinds` to which `which` points, but for its command.

    The commands are known to make sense.
    """

    kinds: Sequence[NewJob]
    which: Sequence[int]
    commands: Sequence[str]


def check(wanted: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The values of these keys as they will be kept, a delay turned into a `run_at`. Raises InvalidInput."""
    for key in wanted:
        if key not in CHECKS:
            raise InvalidInput(f"unknown key {_shown(key)}; known are {', '.join(CHECKS)}")
    given = {key: value for key, value in wanted.items() if value is not None or key in CAN_BE_NONE}
    values = {key: _checked(key, CHECKS[key], value) for key, value in given.items()}
    _check_not_after_itself(values.get("id"), values)
    delay, run_at = values.pop("delay", None), values.pop("run_at", None)
    if delay is not None and run_at is not None:
        raise InvalidInput("a job has either a delay or a run_at, not both")
    if delay is not None:
        values["run_at"] = now + delay
    elif isinstance(run_at, str):
        values["run_at"] = _checked("run_at", lambda text: parse_time(text, now), run_at)
    elif run_at is not None:
        values["run_at"] = run_at
    return values


class NewTime(NamedTuple):
    """What an edit says of the time of a job; None is nothing."""

    hold: bool | None = None
    run_at: float | None = None


def check_edit(wanted: Mapping[str, Any], now: float, job_id: str | None = None) -> tuple[dict[str, Any], NewTime]:
    """The values of these keys as `check` has them, but for those of its time, told apart. Raises InvalidInput."""
    values = check(wanted, now)
    if "id" in values:
        raise InvalidInput("id cannot be edited")
    _check_not_after_itself(job_id, values)
    return values, NewTime(values.pop("hold", None), values.pop("run_at", None))


def _check_not_after_itself(job_id: str | None, values: Mapping[str, Any]) -> None:
    for key in ("after", "after_any"):
        if job_id is not None and job_id in values.get(key, ()):
            raise InvalidInput(f"{key}: job {job_id} cannot wait for itself")


def _checked(key: str, parse: Callable[[Any], Any], value: Any) -> Any:
    try:
        return parse(value)
    except InvalidInput as error:
        raise InvalidInput(f"{key}: {error}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"must be a text, not {_shown(value)}")
    return check_text(value)


def _command(value: Any) -> str:
    return check_command(_text(value))


def check_id(value: Any) -> str:
    """An id that a person may choose; raises InvalidInput."""
    job_id = _id(value)
    if job_id.isdigit():
        raise InvalidInput(f"{job_id!r} cannot be chosen: whole numbers are given by aqueue")
    return job_id


def _id(value: Any) -> str:
    job_id = _text(value)
    if not _ID.fullmatch(job_id):
        raise InvalidInput(
            f"{_shown(job_id)} is no id: it begins with a letter or digit, has at most 128 characters, and only "
            "letters, digits, '.', '_', ':' and '-'"
        )
    return job_id


def _ids(value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_id, _list(value))))


def _key(value: Any) -> str | None:
    if value is None:
        return None
    if not (key := _text(value)):
        raise InvalidInput("must not be empty")
    return key


def check_queue(value: Any) -> str:
    """The name of a queue; raises InvalidInput."""
    return check_name(value, "a queue")


def check_name(value: Any, of: str) -> str:
    """A name that a person may give to something; raises InvalidInput."""
    name = _text(value)
    if not _ID.fullmatch(name):
        raise InvalidInput(
            f"{_shown(name)} is no name of {of}: it begins with a letter or digit, has at most 128 characters, and "
            "only letters, digits, '.', '_', ':' and '-'"
        )
    return name


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(f"must be a whole number, not {_shown(value)}")
    return value


def _priority(value: Any) -> int:
    if (priority := _whole(value)) not in _INT64:
        raise InvalidInput(f"{_shown(priority)} does not fit into 64 bits")
    return priority


def _retries(value: Any) -> int:
    if not 0 <= (retries := _whole(value)) <= MAX_RETRIES_LIMIT:
        raise InvalidInput(f"must be from 0 to {MAX_RETRIES_LIMIT}, not {_shown(retries)}")
    return retries


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"must be a number, not {_shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidInput(f"must be a finite number, not {_shown(value)}")
    return number


def _duration(value: Any) -> float:
    seconds = parse_duration(value) if isinstance(value, str) else _number(value)
    if not 0 <= seconds <= LONGEST:
        raise InvalidInput(f"must be from 0 to a hundred years, not {_shown(value)}")
    return seconds


def _positive_duration(value: Any) -> float:
    if (seconds := _duration(value)) <= 0:
        raise InvalidInput(f"must be above 0, not {_shown(value)}")
    return seconds


def _timeout(value: Any) -> float:
    return 0.0 if value is None or value == "none" else _positive_duration(value)


def _moment(value: Any) -> str | float:
    return value if isinstance(value, str) else check_moment(_number(value))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"must be true or false, not {_shown(value)}")
    return value


def _base(value: Any) -> float:
    if not 0 < (base := _number(value)) <= 1e6:
        raise InvalidInput(f"must be above 0 and at most a million, not {_shown(value)}")
    return base


def _nice(value: Any) -> int:
    if (nice := _whole(value)) not in _NICE:
        raise InvalidInput(f"must be from {_NICE[0]} to {_NICE[-1]}, not {_shown(nice)}")
    return nice


def _memory(value: Any) -> int:
    size = parse_size(value) if isinstance(value, str) else _whole(value)
    if not LEAST_MEMORY <= size < 2**63:
        raise InvalidInput(f"must be at least {format_size(LEAST_MEMORY)}, not {_shown(value)}")
    return size


def _or_as_configured(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Also `none`, which takes off what a job has of its own."""
    return lambda value: None if value == "none" else parse(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"must be a list, not {_shown(value)}")
    return list(value)


def _tags(value: Any) -> tuple[str, ...]:
    tags = tuple(_text(tag) for tag in _list(value))
    for tag in tags:
        if not 0 < len(tag) <= 128:
            raise InvalidInput(f"a tag has from 1 to 128 characters, not {_shown(tag)}")
    return tuple(dict.fromkeys(tags))


def _codes(value: Any) -> tuple[int, ...]:
    codes = tuple(_whole(code) for code in _list(value))
    for code in codes:
        if not 1 <= code <= 255:
            raise InvalidInput(f"an exit code of a failure is from 1 to 255, not {_shown(code)}")
    return tuple(sorted(set(codes)))


def _env(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"must be an object of names and texts, not {_shown(value)}")
    for name in value:
        if not isinstance(name, str) or not _text(name) or "=" in name:
            raise InvalidInput(f"{_shown(name)} is no name of a variable")
    return {name: _text(text) for name, text in value.items()}


def _cwd(value: Any) -> str:
    if not (folder := _text(value)):
        raise InvalidInput("must not be empty")
    return folder


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, or a list in a list in a list …
        return f"that {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "id": check_id,
    "command": _command,
    "queue": check_queue,
    "priority": _priority,
    "max_retries": _retries,
    "timeout": _timeout,
    "delay": _duration,
    "run_at": _moment,
    "hold": _flag,
    "tags": _tags,
    "env": _env,
    "cwd": _cwd,
    "backoff_base": _or_as_configured(_base),
    "backoff_max": _or_as_configured(_positive_duration),
    "no_retry_on": _codes,
    "defer_on": _codes,
    "after": _ids,
    "after_any": _ids,
    "unique": _key,
    "nice": _or_as_configured(_nice),
    "memory": _or_as_configured(_memory),
}
"""The keys of a job's JSON on input, each with its check."""

CAN_BE_NONE = {"timeout", "unique"}
"""The keys for which null does not mean that nothing was said, but that there shall be none."""
