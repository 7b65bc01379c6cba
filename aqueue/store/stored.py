"""The verbs about the settings that are stored with the queue."""

from collections.abc import Mapping

from aqueue.store.statement import Statement, Verb


def settings() -> Verb[Mapping[str, str]]:
    """The stored settings, as texts."""
    rows = yield Statement("settings")
    return {row["key"]: row["value"] for row in rows}


def set_setting(key: str, value: str) -> Verb[None]:
    """Store a setting."""
    yield Statement("set", {"key": key, "value": value})


def unset_setting(key: str) -> Verb[bool]:
    """Forget a stored setting; says whether there was one."""
    rows = yield Statement("unset", {"key": key})
    return bool(rows)
