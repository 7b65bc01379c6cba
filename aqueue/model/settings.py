"""What can be configured: the keys, their defaults and their texts.

The order of precedence is flag, environment (``AQUEUE_<KEY>``), stored value, default. In a key, ``-`` and ``_`` are
the same.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aqueue.model.command import check_command
from aqueue.model.errors import InvalidInput, InvalidSetting, InvalidSource
from aqueue.model.text import SECONDS, format_duration, format_size, parse_duration, parse_size, plain_number

MAX_RETRIES_LIMIT = 1_000_000_000

_WHOLE = re.compile(r"[+-]?[0-9]{1,100}")
_REAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings in force. Durations are seconds, sizes bytes; None means none, or forever."""

    max_retries: int = 3
    backoff_base: float = 2.0
    backoff_max: float = SECONDS["h"]
    backoff_jitter: float = 0.0
    timeout: float | None = None
    kill_after: float = 10.0
    output_limit: int = 1024**2
    output_total: int = 1024**3
    keep_completed: float | None = 7 * SECONDS["d"]
    keep_cancelled: float | None = 7 * SECONDS["d"]
    keep_dead: float | None = None
    on_dead: str | None = None
    on_completed: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """How one setting is read from text and written back, and what it means."""

    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    meaning: str


def parse_count(text: str) -> int:
    """A whole number from 0 to a milliard."""
    if not _WHOLE.fullmatch(text.strip()):
        raise InvalidInput(f"{text!r} is not a whole number")
    count = int(text.strip())
    if not 0 <= count <= MAX_RETRIES_LIMIT:
        raise InvalidInput(f"{text!r} is not between 0 and {MAX_RETRIES_LIMIT}")
    return count


def parse_base(text: str) -> float:
    """A finite number above 0."""
    number = _number(text)
    if not 0 < number <= 1e6:
        raise InvalidInput(f"{text!r} is not above 0 and at most a million")
    return number


def _share(text: str) -> float:
    number = _number(text)
    if not 0 <= number <= 1:
        raise InvalidInput(f"{text!r} is not between 0 and 1")
    return number


def _number(text: str) -> float:
    if not _REAL.fullmatch(text.strip()):
        raise InvalidInput(f"{text!r} is not a number")
    return float(text.strip())


def positive_duration(text: str) -> float:
    """A duration above 0, in seconds."""
    seconds = parse_duration(text)
    if seconds <= 0:
        raise InvalidInput(f"{text!r} is not above 0")
    return seconds


def _or_none(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: None if text.strip().lower() in {"none", "forever"} else parse(text)


def _shown_or(word: str, show: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: word if value is None else show(value)


def _command(text: str) -> str:
    try:
        return check_command(text)
    except InvalidInput as error:
        raise InvalidInput(f"a command {error}; none takes it off") from None


_FOREVER = (_or_none(parse_duration), _shown_or("forever", format_duration))
_HOOK = (_or_none(_command), _shown_or("none", str))

KEYS: Mapping[str, Key] = {
    "max_retries": Key(parse_count, str, "attempts after the first"),
    "backoff_base": Key(parse_base, plain_number, "the wait before retry k is this to the power of k, in seconds"),
    "backoff_max": Key(positive_duration, format_duration, "the longest wait before a retry"),
    "backoff_jitter": Key(_share, plain_number, "how far a wait is spread, as a share of itself"),
    "timeout": Key(_or_none(positive_duration), _shown_or("none", format_duration), "how long a run may take"),
    "kill_after": Key(parse_duration, format_duration, "from TERM to KILL when a job is ended"),
    "output_limit": Key(parse_size, format_size, "output kept of a run"),
    "output_total": Key(parse_size, format_size, "output kept in all"),
    "keep_completed": Key(*_FOREVER, "how long completed jobs are kept"),
    "keep_cancelled": Key(*_FOREVER, "how long cancelled jobs are kept"),
    "keep_dead": Key(*_FOREVER, "how long dead jobs are kept"),
    "on_dead": Key(*_HOOK, "a command to run when a job is dead"),
    "on_completed": Key(*_HOOK, "a command to run when a job has completed"),
}


def key_named(name: str) -> str:
    """The key that is meant; raises InvalidSetting, naming the known ones, if there is none."""
    key = name.strip().lower().replace("-", "_")
    if key not in KEYS:
        raise InvalidSetting(f"unknown setting {name!r}; known are {', '.join(KEYS)}")
    return key


def parse_setting(key: str, text: str) -> Any:
    """The value in a text; raises InvalidSetting that names the key."""
    try:
        return KEYS[key].parse(text)
    except InvalidInput as error:
        raise InvalidSetting(f"{key}: {error}") from None


def shown_setting(key: str, settings: Settings) -> str:
    """The value as a text that :func:`parse_setting` reads back."""
    return KEYS[key].show(getattr(settings, key))


def stored_text(value: Any) -> str:
    """The text under which a value is stored: numbers without units, so that plain SQL can use them too."""
    if value is None:
        return "none"
    return plain_number(value) if isinstance(value, float) else str(value)


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The texts of the settings that the environment gives; an empty one counts as not given."""
    return {key: text for key in KEYS if (text := environ.get(f"AQUEUE_{key.upper()}"))}


def resolve(stored: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """The settings in force. A stored key of a later version is passed over. Raises InvalidSource."""
    texts = {key: text for key, text in stored.items() if key in KEYS} | from_environment(environ)
    return Settings(**{key: _found(key, text, environ) for key, text in texts.items()})


def _found(key: str, text: str, environ: Mapping[str, str]) -> Any:
    try:
        return parse_setting(key, text)
    except InvalidSetting as error:
        place = f"AQUEUE_{key.upper()} in the environment" if key in from_environment(environ) else "stored"
        raise InvalidSource(f"{error} ({place})") from None
