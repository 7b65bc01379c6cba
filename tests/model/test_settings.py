"""What can be configured, and which of several values counts."""

from dataclasses import asdict, fields
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aqueue.model.errors import InvalidSetting, InvalidSource
from aqueue.model.settings import (
    KEYS,
    MAX_RETRIES_LIMIT,
    Settings,
    from_environment,
    key_named,
    parse_setting,
    resolve,
    shown_setting,
    stored_text,
)
from aqueue.model.text import LONGEST


def test_the_keys_and_their_defaults_are_those_of_the_contract() -> None:
    shown = {key: shown_setting(key, Settings()) for key in KEYS}
    assert shown == {
        "max_retries": "3",
        "backoff_base": "2",
        "backoff_max": "1h",
        "backoff_jitter": "0",
        "timeout": "none",
        "kill_after": "10s",
        "output_limit": "1MiB",
        "output_total": "1GiB",
        "keep_completed": "7d",
        "keep_cancelled": "7d",
        "keep_dead": "forever",
        "on_dead": "none",
        "on_completed": "none",
    }
    assert list(KEYS) == [field.name for field in fields(Settings)]


def test_the_environment_beats_what_is_stored_and_that_beats_the_default() -> None:
    settings = resolve({"max_retries": "5", "timeout": "60"}, {"AQUEUE_TIMEOUT": "2m", "TIMEOUT": "9"})
    assert (settings.max_retries, settings.timeout, settings.backoff_base) == (5, 120.0, 2.0)


def test_an_empty_value_in_the_environment_is_none_at_all() -> None:
    assert from_environment({"AQUEUE_TIMEOUT": "", "AQUEUE_MAX_RETRIES": "1"}) == {"max_retries": "1"}


def test_what_a_later_version_stored_is_passed_over() -> None:
    assert resolve({"colour": "blue"}, {}) == Settings()


def test_what_is_wrong_is_named_with_the_place_where_it_was_found() -> None:
    with pytest.raises(
        InvalidSource, match=r"^timeout: 'soon' is not a duration.*\(AQUEUE_TIMEOUT in the environment\)"
    ):
        resolve({"timeout": "1"}, {"AQUEUE_TIMEOUT": "soon"})
    with pytest.raises(InvalidSource, match=r"^max_retries: 'lots' is not a whole number \(stored\)"):
        resolve({"max_retries": "lots"}, {"AQUEUE_TIMEOUT": "1"})


@pytest.mark.parametrize("name", ["max_retries", "max-retries", "MAX_RETRIES", " Max-Retries "])
def test_hyphen_and_underscore_are_the_same_in_a_key(name: str) -> None:
    assert key_named(name) == "max_retries"


@pytest.mark.parametrize("name", ["", "retries", "max retries", "max__retries", "\ud800"])
def test_an_unknown_key_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        key_named(name)
    assert repr(name) in str(caught.value)
    assert all(key in str(caught.value) for key in KEYS)


GOOD: list[tuple[str, str, Any]] = [
    ("max_retries", "0", 0),
    ("max_retries", " 5 ", 5),
    ("max_retries", str(MAX_RETRIES_LIMIT), MAX_RETRIES_LIMIT),
    ("backoff_base", "0.5", 0.5),
    ("backoff_base", "1e-3", 0.001),
    ("backoff_base", "1000000", 1e6),
    ("backoff_max", "1m", 60.0),
    ("backoff_jitter", "1", 1.0),
    ("timeout", "none", None),
    ("timeout", "None", None),
    ("timeout", "1h", 3600.0),
    ("kill_after", "0", 0.0),
    ("output_limit", "64KiB", 65536),
    ("output_total", "0", 0),
    ("keep_dead", "forever", None),
    ("keep_dead", "none", None),
    ("keep_completed", "0", 0.0),
    ("on_dead", "none", None),
    ("on_dead", "mail -s 'a job is dead' root", "mail -s 'a job is dead' root"),
]


@pytest.mark.parametrize(("key", "text", "value"), GOOD)
def test_a_setting_is_read_as_it_is_meant(key: str, text: str, value: Any) -> None:
    assert parse_setting(key, text) == value


BAD = [
    ("max_retries", ["", "-1", "1.5", "1e3", "0x5", "1_000", "٣", "none", str(MAX_RETRIES_LIMIT + 1), "9" * 5000]),
    ("backoff_base", ["", "0", "-1", "inf", "nan", "1e999", "1000001", "1_0", "٣", "2s", "none"]),
    ("backoff_max", ["", "0", "-1s", "none", "forever", "inf"]),
    ("backoff_jitter", ["", "-0.1", "1.1", "nan", "10%"]),
    ("timeout", ["", "0", "-1", "forever and a day"]),
    ("kill_after", ["", "-1", "none"]),
    ("output_limit", ["", "-1", "1.5.5", "none"]),
    ("output_total", ["lots"]),
    ("keep_completed", ["", "-1d"]),
    ("keep_cancelled", ["x"]),
    ("keep_dead", ["never"]),
    ("on_dead", ["", " ", "a\0b", "\udcff"]),
    ("on_completed", [""]),
]


@pytest.mark.parametrize(("key", "text"), [(key, text) for key, texts in BAD for text in texts])
def test_an_impossible_value_is_refused_and_its_key_named(key: str, text: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{key}: "):
        parse_setting(key, text)


def test_every_key_was_tried_with_bad_values() -> None:
    assert {key for key, _ in BAD} == set(KEYS)


COMMANDS = st.none() | st.text(min_size=1).filter(
    lambda text: text.strip().lower() not in {"", "none", "forever"} and "\0" not in text
)
DURATIONS = st.floats(0, LONGEST)
ABOVE_0 = st.floats(0, LONGEST, exclude_min=True)
SIZES = st.integers(0, 2**63 - 1)
ANY_SETTINGS = st.builds(
    Settings,
    max_retries=st.integers(0, MAX_RETRIES_LIMIT),
    backoff_base=st.floats(0, 1e6, exclude_min=True),
    backoff_max=ABOVE_0,
    backoff_jitter=st.floats(0, 1),
    timeout=st.none() | ABOVE_0,
    kill_after=DURATIONS,
    output_limit=SIZES,
    output_total=SIZES,
    keep_completed=st.none() | DURATIONS,
    keep_cancelled=st.none() | DURATIONS,
    keep_dead=st.none() | DURATIONS,
    on_dead=COMMANDS,
    on_completed=COMMANDS,
)


@given(ANY_SETTINGS)
@example(Settings(kill_after=0.00001, backoff_max=5e-324, backoff_base=1e-7))
def test_what_is_stored_is_read_back_exactly(settings: Settings) -> None:
    stored = {key: stored_text(value) for key, value in asdict(settings).items()}
    assert resolve(stored, {}) == settings


@given(ANY_SETTINGS)
def test_what_is_shown_is_read_back_to_the_millisecond(settings: Settings) -> None:
    for key in KEYS:
        value, read = getattr(settings, key), parse_setting(key, shown_setting(key, settings))
        assert read == (pytest.approx(value, abs=0.0006) if isinstance(value, float) else value)


@given(st.sampled_from(list(KEYS)), st.text())
@example("max_retries", "0\x1f")
@example("backoff_base", "1\x1c")
def test_any_text_is_a_value_or_is_refused(key: str, text: str) -> None:
    try:
        value = parse_setting(key, text)
    except InvalidSetting:
        return
    assert parse_setting(key, stored_text(value)) == value
