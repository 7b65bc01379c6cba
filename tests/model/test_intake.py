"""Jobs as they come in: words, lines and documents."""

import contextlib
import json
import re
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.model import intake
from aqueue.model.errors import InvalidInput, InvalidSource
from aqueue.model.intake import Commands, CommandsOfKinds, Several, Wanted, from_document, from_lines, from_word

WORDS: list[tuple[str, dict[str, Any]]] = [
    ("echo hi", {"command": "echo hi"}),
    ('{"command": "echo hi"}', {"command": "echo hi"}),
    (' { "id": "job1", "command": "x" } ', {"id": "job1", "command": "x"}),
    (r"{\"id\":\"job1\",\"command\":\"echo hi\"}", {"id": "job1", "command": "echo hi"}),
    (r"{\"command\":\"echo \\\"hi\\\"\"}", {"command": 'echo "hi"'}),
    ("{}", {}),
    ("{ echo a; echo b; }", {"command": "{ echo a; echo b; }"}),
    ("{a,b}", {"command": "{a,b}"}),
    ("[ -f x ] && echo", {"command": "[ -f x ] && echo"}),
    ('["a"]', {"command": '["a"]'}),
    ("null", {"command": "null"}),
]


@pytest.mark.parametrize(("word", "keys"), WORDS)
def test_one_word_is_a_command_or_a_json_object(word: str, keys: dict[str, Any]) -> None:
    assert from_word(word) == Wanted(keys)


BROKEN = [
    ('{"command": "x"', "column"),
    ('{"command": }', "column 13"),
    ('{"a": 1, "a": 2}', "'a' is there twice"),
    ('{"priority": NaN}', "NaN"),
    ('{"priority": 1' + "0" * 5000 + "}", "not valid JSON"),
    (r"{\"command\": }", "column"),
    ('{"a":' * 100_000, "nested too deeply"),
    ('{"a"', "column"),
]


@pytest.mark.parametrize(("word", "complaint"), BROKEN)
def test_what_begins_like_an_object_and_is_none_is_refused_with_the_place(word: str, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        from_word(word)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_json_is_read_back_also_with_its_quotes_escaped(keys: dict[str, Any]) -> None:
    word = json.dumps(keys)
    escaped = re.sub(r'(\\*)"', lambda match: match[1] * 2 + '\\"', word)
    assert from_word(word) == from_word(escaped) == Wanted(keys)


def test_lines_are_commands_or_objects_and_blank_ones_are_passed_over_but_counted() -> None:
    assert list(from_lines(['echo a\r\n\n  \n{"command": "b"}\n'])) == [
        Wanted({"command": "echo a"}, 1),
        Wanted({"command": "b"}, 4),
    ]


def test_plain_commands_come_many_at_once() -> None:
    assert list(from_lines(["a\nb\nc\n"])) == [Commands(["a", "b", "c"], range(1, 4))]
    assert list(from_lines(["a\r\n\n \nb\n"])) == [Commands(["a", "b"], [1, 4])]
    assert list(from_lines(["a\n", "b", "b\nc"])) == [
        Commands(["a"], range(1, 2)),
        Commands(["bb"], range(2, 3)),
        Commands(["c"], range(3, 4)),
    ]


def one_by_one(found: Iterable[Wanted | Several]) -> list[Wanted]:
    return [one for some in found for one in ([some] if isinstance(some, Wanted) else some.one_by_one())]


LINES = st.lists(st.sampled_from(["a", "{ b; }", " ", "", "\r", "\x1c", '{"command": "c"}', "é\u2028"]))


@given(LINES, st.integers(1, 9), st.sampled_from(["\n", "\r\n"]))
def test_lines_are_the_same_however_they_come_in_pieces(lines: list[str], size: int, end: str) -> None:
    text = end.join(lines)
    found = one_by_one(from_lines([*cut(text[:200], size), text[200:]]))
    assert found == [
        Wanted(from_word(line.removesuffix("\r")).keys, number)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]


def test_a_bad_line_is_named() -> None:
    with pytest.raises(InvalidSource, match=r"^line 2: not valid JSON at column 13"):
        list(from_lines(['echo a\n{"command": }\n']))


def test_where_a_job_was_read_is_told_in_words() -> None:
    assert [Wanted({}).where, Wanted({}, 3).where, Wanted({}, 2, "item").where] == ["", "line 3", "item 2"]


DOCUMENTS: list[tuple[str, list[Wanted]]] = [
    ('{"command": "a"}', [Wanted({"command": "a"})]),
    ('\n\n{"command": "a"}\n\n', [Wanted({"command": "a"})]),
    ('{\n  "command": "a"\n}\n', [Wanted({"command": "a"})]),
    ('{"env": {"A": "1"},\n "command": "a"\n}', [Wanted({"env": {"A": "1"}, "command": "a"})]),
    (
        '[{"command": "a"}, {"command": "b"}]',
        [Wanted({"command": "a"}, 1, "item"), Wanted({"command": "b"}, 2, "item")],
    ),
    ("[]", []),
    ("\n [ ]\n", []),
    (
        '{"command": "a"}\n\n{"command": "b"}\n',
        [Wanted({"command": "a"}, 1), Wanted({"command": "b"}, 3)],
    ),
]
PIECES = [1, 5, 1000]


def cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("size", PIECES)
@pytest.mark.parametrize(("text", "wanted"), DOCUMENTS)
def test_a_document_is_an_object_an_array_or_an_object_a_line(text: str, wanted: list[Wanted], size: int) -> None:
    assert list(from_document(cut(text, size))) == wanted


NO_DOCUMENTS = [
    ("", "there is no job in it"),
    (" \n", "there is no job in it"),
    ("echo hi", "not valid JSON at column 1"),
    ("5", "it is no JSON object"),
    ("[1]", "item 1 is no JSON object"),
    ('[{"command": "a"}, []]', "item 2 is no JSON object"),
    ("[{]", "not valid JSON"),
    ('{"command": "a"}\n{"command": }\n', "^line 2: not valid JSON"),
    ('{"command": "a"}\n5\n', "^line 2: it is no JSON object"),
    ('{"command": }\n{"command": "b"}\n', "^line 1: not valid JSON at column 13"),
    ('{\n"command":\n}', "line 3, column 1"),
]


@pytest.mark.parametrize("size", PIECES)
@pytest.mark.parametrize(("text", "complaint"), NO_DOCUMENTS)
def test_a_document_that_is_none_is_refused_with_the_place(text: str, complaint: str, size: int) -> None:
    with pytest.raises(InvalidSource, match=complaint):
        list(from_document(cut(text, size)))


@given(st.text(st.characters()), st.integers(1, 5))
def test_any_text_is_jobs_or_is_refused(text: str, size: int) -> None:
    with contextlib.suppress(InvalidInput):
        from_word(text)
    for read in (from_lines, from_document):
        with contextlib.suppress(InvalidSource):
            list(read(cut(text, size)))


@pytest.mark.parametrize("line", ["echo hi", '{"command": "echo hi", "priority": 5}'])
def test_a_file_of_any_length_takes_no_memory(line: str) -> None:
    def pieces() -> Iterator[str]:
        for _ in range(300):
            yield f"{line}\n" * 100

    read = from_document if line.startswith("{") else from_lines
    tracemalloc.start()
    try:
        assert sum(1 for some in read(pieces()) for _ in one_by_one([some])) == 30_000
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_a_line_that_may_be_too_long_is_looked_at_by_itself() -> None:
    lines = ["a", "x" * 40_000]
    assert list(from_lines(["\n".join([*lines, ""])])) == [
        Wanted({"command": line}, number) for number, line in enumerate(lines, start=1)
    ]


COMMANDS: st.SearchStrategy[Any] = st.sampled_from(
    ["true", 'echo "hi"', "a\\b", "ü", "\N{GRINNING FACE}", "\ud800", " ", "", "\0", "x\ty", None, 7]
)
OTHER_KEYS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {"queue": "mail", "priority": 3, "tags": ["a"]},
        {"priority": True},
        {"priority": 1},
        {"priority": 1.0},
        {"env": {"command": "true"}},
        {"tags": ['"command": "true"']},
        {"id": "job"},
        {"no": 1},
        {"hold": True},
    ]
)
ODD_LINES = st.sampled_from(
    [
        '{"command": "a"},{"command": "b"}',
        '{"command": "a"',
        '"id": "b"}',
        '{"command": "a", "command": "b"}',
        '{"env": {"command": "a"}}',
        '{"env": {"command": "a"}, "comm\\u0061nd": "a"}',
        '{"x": "\\"command": "a"}',
        '{"command": "\\x"}',
        '{"command": "a\x01b"}',
        '{"command": "a", "priority": NaN}',
        r"{\"command\": \"a\"}",
        '{ "priority": 1, "command" : "a" }\r',
        ' {"command": "a"} ',
        '{"command": "a"}}',
        "true",
        "",
    ]
)


@st.composite
def json_lines(draw: st.DrawFn) -> str:
    """Many lines, most of which differ from the one before in nothing but the command."""
    lines: list[str] = []
    for keys in draw(st.lists(OTHER_KEYS, min_size=1, max_size=3)):
        is_ascii, first = draw(st.booleans()), draw(st.booleans())
        for command in draw(st.lists(COMMANDS, min_size=1, max_size=3)) + ["true"] * draw(st.integers(0, 20)):
            own = {"command": command}
            lines.append(json.dumps(own | keys if first else keys | own, ensure_ascii=is_ascii))
    if draw(st.booleans()):
        lines = draw(st.permutations(lines))
    for odd in draw(st.lists(ODD_LINES, max_size=1)):
        lines.insert(draw(st.integers(0, len(lines))), odd)
    return "\n".join(lines)


def asked_for(read: Callable[[Iterable[str]], Iterator[Wanted | Several]], text: str) -> tuple[list[str], str]:
    """What is asked for job by job until an error ends it, and that error."""
    found: list[str] = []
    try:
        for one in read([text]):
            found.extend(map(repr, sorted_keys([one] if isinstance(one, Wanted) else one.one_by_one())))
    except InvalidSource as error:
        return found, str(error)
    return found, ""


def sorted_keys(some: Iterable[Wanted]) -> Iterator[Wanted]:
    return (Wanted(dict(sorted(one.keys.items())), one.number, one.unit) for one in some)


@pytest.mark.parametrize("read", [from_lines, from_document])
@given(text=json_lines(), least=st.sampled_from([2, 3, 16]))
def test_json_lines_that_are_taken_together_ask_for_the_same_as_each_by_itself(
    read: Callable[[Iterable[str]], Iterator[Wanted | Several]], text: str, least: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(intake, "LEAST_ALIKE", least)
        together = asked_for(read, text)
        patched.setattr(intake, "LEAST_ALIKE", 10_000)
        assert together == asked_for(read, text)


def test_json_lines_that_differ_in_their_commands_are_taken_together() -> None:
    lines = [f'{{"command": "echo \\"{number}\\"", "priority": 3}}' for number in range(40)]
    (taken,) = from_lines(["\n".join(lines) + "\n"])
    assert taken == Commands([f'echo "{number}"' for number in range(40)], range(1, 41), {"priority": 3})


def test_json_lines_of_a_few_kinds_in_turn_are_taken_together() -> None:
    lines = [f'{{"command": "echo {number}", "priority": {number % 2}}}' for number in range(40)]
    (taken,) = from_lines(["\n".join(lines) + "\n"])
    commands = [f"echo {number}" for number in range(40)]
    assert taken == CommandsOfKinds(commands, range(1, 41), [{"priority": 0}, {"priority": 1}], [0, 1] * 20)
    assert [wanted.number for wanted in taken.firsts()] == [1, 2]
