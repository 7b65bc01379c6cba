"""What may be asked of a new job."""

import contextlib
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aqueue.model.command import MAX_COMMAND_BYTES, are_commands
from aqueue.model.errors import InvalidInput
from aqueue.model.newjob import CHECKS, NewJob, check
from aqueue.model.settings import MAX_RETRIES_LIMIT
from aqueue.model.text import LONGEST, format_time

from .builders import NOW


def parsed(**keys: Any) -> NewJob:
    return NewJob.parse({"command": "true", **keys}, NOW)


GOOD: list[tuple[str, Any, Any]] = [
    ("id", "job1", "job1"),
    ("id", "0a", "0a"),
    ("id", "a.b_c:d-e", "a.b_c:d-e"),
    ("id", "x" * 128, "x" * 128),
    ("command", "x" * MAX_COMMAND_BYTES, "x" * MAX_COMMAND_BYTES),
    ("command", "x" + "ä" * (MAX_COMMAND_BYTES // 2), "x" + "ä" * (MAX_COMMAND_BYTES // 2)),
    ("command", " echo 'ü'\n", " echo 'ü'\n"),
    ("queue", "7", "7"),
    ("queue", "mail.out", "mail.out"),
    ("priority", 2**63 - 1, 2**63 - 1),
    ("priority", -(2**63), -(2**63)),
    ("max_retries", 0, 0),
    ("max_retries", MAX_RETRIES_LIMIT, MAX_RETRIES_LIMIT),
    ("timeout", 3, 3.0),
    ("timeout", "1h30m", 5400.0),
    ("timeout", "none", 0.0),
    ("timeout", None, 0.0),
    ("run_at", NOW - 5, NOW - 5),
    ("run_at", "2030-01-31T18:00Z", 1896112800.0),
    ("run_at", "+90", NOW + 90),
    ("hold", True, True),
    ("tags", ["a", "b", "a"], ("a", "b")),
    ("tags", ["x" * 128, "a tag, with ümläuts"], ("x" * 128, "a tag, with ümläuts")),
    ("env", {"A": "1", "B": ""}, {"A": "1", "B": ""}),
    ("cwd", "/tmp", "/tmp"),
    ("backoff_base", 0.5, 0.5),
    ("backoff_base", 10**6, 1e6),
    ("backoff_max", "1m", 60.0),
    ("no_retry_on", [64, 1, 64, 255], (1, 64, 255)),
    ("defer_on", (75,), (75,)),
    ("after", ["7", "a", "7"], ("7", "a")),
    ("after", [], ()),
    ("after_any", ("job1",), ("job1",)),
    ("unique", " a key: with ümläuts\n", " a key: with ümläuts\n"),
    ("unique", None, None),
    ("nice", -20, -20),
    ("nice", "none", None),
    ("memory", "1.5G", 3 * 2**29),
    ("memory", 2**20, 2**20),
    ("memory", "none", None),
]


@pytest.mark.parametrize(("key", "value", "kept"), GOOD, ids=[f"{key}-{n}" for n, (key, _, _) in enumerate(GOOD)])
def test_a_value_is_kept_as_it_is_meant(key: str, value: Any, kept: Any) -> None:
    assert getattr(parsed(**{key: value}), key) == kept


BAD: list[tuple[str, list[Any]]] = [
    (
        "id",
        [
            *("", "7", "007", "٣", "a/b", "-a", ".a", "_a", "a b", "a\n", "ä", "x" * 129, "a\0", "\ud800"),
            *(7, True, ["a"], {}, "x" * 10**6),
        ],
    ),
    (
        "command",
        [
            *("", " ", "\n\t ", "a\0b", "\ud800", "echo \udcff", 5, True, ["echo", "hi"], {"a": 1}, 1.5),
            *("x" * (MAX_COMMAND_BYTES + 1), "ä" * (MAX_COMMAND_BYTES // 2 + 1)),
        ],
    ),
    ("queue", ["", "a b", "a/b", "-a", "x" * 129, 5, True, ["a"], "a\0", "\ud800"]),
    ("priority", [2**63, -(2**63) - 1, 10**5000, 1.0, "5", True, [5], math.nan]),
    ("max_retries", [-1, MAX_RETRIES_LIMIT + 1, 10**5000, 1.0, "5", True, []]),
    ("timeout", [0, -1, "0", "-1s", "soon", "", True, math.nan, math.inf, 10**400, 10**5000, LONGEST * 2, [3]]),
    ("delay", [-1, "-1s", "soon", "", False, math.nan, -math.inf, 10**400, LONGEST * 2, {}]),
    ("run_at", [1e308, -1e308, math.nan, math.inf, 10**5000, True, "soon", "", "9999-12-31", [1], 253_370_764_800]),
    ("hold", [1, 0, "true", "yes", []]),
    ("tags", ["a", [""], ["x" * 129], [1], [["a"]], {"a": 1}, ["a\0"], ["\ud800"], 5]),
    (
        "env",
        [
            [],
            "A=1",
            {"": "1"},
            {"A=B": "1"},
            {"A": 1},
            {"A": None},
            {"A": "\0"},
            {"A\0": "1"},
            {"\ud800": ""},
            {1: "a"},
        ],
    ),
    ("cwd", ["", 5, "a\0", "\udcff", ["/tmp"]]),
    ("backoff_base", [0, -1, "2", True, math.nan, math.inf, 10**7, 10**400]),
    ("backoff_max", [0, -1, "0", True, math.nan, LONGEST * 2]),
    ("no_retry_on", [1, "1", ["1"], [0], [256], [-1], [1.0], [True], [10**5000], {"1": 1}]),
    ("defer_on", [75, [0], [None]]),
    ("after", ["7", 7, [7], [None], [""], ["a b"], ["a,b"], ["x" * 129], ["a\0"], {"a": 1}, True]),
    ("after_any", ["7", [["a"]], ["-a"], 5]),
    ("unique", ["", 5, True, ["a"], "a\0", "\udcff"]),
    ("nice", [-21, 20, 10**5000, 1.0, "5", True]),
    ("memory", [0, -1, 2**20 - 1, 2**63, "1KiB", "much", "", True, 1.5e9]),
]


@pytest.mark.parametrize(
    ("key", "value"),
    [pytest.param(key, value, id=f"{key}-{n}") for key, values in BAD for n, value in enumerate(values)],
)
def test_a_value_of_the_wrong_type_or_size_is_refused_in_one_short_line_that_names_the_key(
    key: str, value: Any
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parsed(**{key: value})
    text = str(caught.value)
    assert text.startswith(f"{key}: ")
    assert text.isprintable()
    assert len(text) < 400


def test_every_key_was_tried_with_good_and_with_bad_values() -> None:
    assert {key for key, _ in BAD} == set(CHECKS)
    assert {key for key, _, _ in GOOD} == set(CHECKS) - {"delay"}


def test_a_delay_is_a_moment_from_now() -> None:
    assert (parsed(delay=5).run_at, parsed(delay="1m").run_at, parsed(delay=0).run_at) == (NOW + 5, NOW + 60, NOW)


def test_a_job_has_either_a_delay_or_a_run_at() -> None:
    with pytest.raises(InvalidInput, match=r"either a delay or a run_at"):
        parsed(delay=5, run_at=NOW)


@pytest.mark.parametrize("key", sorted(set(CHECKS) - {"command", "timeout"}))
def test_none_counts_as_not_given(key: str) -> None:
    assert parsed(**{key: None}) == parsed()


@pytest.mark.parametrize("key", ["after", "after_any"])
def test_a_job_cannot_wait_for_itself(key: str) -> None:
    assert parsed(id="a", **{key: ["b"]}).waits
    with pytest.raises(InvalidInput, match=f"^{key}: job a cannot wait for itself$"):
        parsed(id="a", **{key: ["b", "a"]})


@pytest.mark.parametrize("keys", [{}, {"command": None}, {"id": "a"}])
def test_a_job_needs_a_command(keys: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"^a job needs a command$"):
        NewJob.parse(keys, NOW)


@pytest.mark.parametrize("key", ["comand", "", "Command", "seq", "state", "x" * 10**6, "\ud800", "a\nb"], ids=range(8))
def test_an_unknown_key_is_refused_with_the_known_ones(key: str) -> None:
    with pytest.raises(InvalidInput, match=r"^unknown key '.*; known are id, command, ") as caught:
        parsed(**{key: 1})
    assert len(str(caught.value)) < 400


def test_what_was_not_asked_for_is_left_to_the_settings() -> None:
    job = parsed()
    assert (job.max_retries, job.timeout, job.backoff_base, job.run_at) == (None, None, None, None)
    assert (job.queue, job.priority, job.hold, job.tags, job.env) == ("default", 0, False, (), {})


def test_a_list_in_a_list_in_a_list_is_refused_like_any_other() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidInput, match=r"^command: must be a text, not that list$"):
        parsed(command=deep)


@given(st.lists(st.text(st.characters()) | st.sampled_from(["true", "x" * (MAX_COMMAND_BYTES // 4), "ä" * 70_000])))
@example(["x" * (MAX_COMMAND_BYTES + 1)])
@example(["a", "b\0"])
@example(["a", "\udcff"])
@example(["a", "\u2003"])
@example(["a", ""])
def test_commands_that_are_known_to_make_sense_do_so_each(texts: list[str]) -> None:
    if are_commands(texts):
        assert [parsed(command=text).command for text in texts] == texts


def test_ordinary_commands_are_known_to_make_sense() -> None:
    assert are_commands(["true", "echo 'grüezi'", " ls\t", "x" * (MAX_COMMAND_BYTES // 4)])
    assert are_commands([])


def test_an_edit_is_checked_like_a_new_job_but_needs_no_command() -> None:
    assert check({"delay": 5, "priority": 3}, NOW) == {"priority": 3, "run_at": NOW + 5}


NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 1e308, 2**63, -1])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=8,
)
TEXTS = st.sampled_from(
    ["true", "5m", "1h30m", "none", "18:00", "+1d", "2030-01-31", "0001-01-01", "9999-12-31", "job1"]
)
LIKELY = TEXTS | NUMBERS | st.lists(TEXTS | st.integers(0, 256), max_size=3) | st.dictionaries(TEXTS, TEXTS, max_size=2)


@given(st.dictionaries(st.sampled_from(sorted(CHECKS)), LIKELY | JSON) | st.dictionaries(st.text(), JSON))
@example({"command": "true", "run_at": 1e308})
@example({"command": "true", "run_at": -1e308})
@example({"command": "true", "run_at": 253_402_300_799.9999})
@example({"command": "true", "run_at": "0001-01-01T00:00+14:00"})
def test_anything_at_all_is_a_job_that_can_be_shown_or_is_refused(wanted: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidInput):
        job = NewJob.parse(wanted, NOW)
        assert job.run_at is None or format_time(job.run_at)
