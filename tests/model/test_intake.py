"""Jobs as they come in: words, lines and documents."""

import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.model.errors import InvalidInput, InvalidSource
from aqueue.model.intake import Wanted, from_document, from_lines, from_word

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
    assert list(from_lines('echo a\r\n\n  \n{"command": "b"}\n')) == [
        Wanted({"command": "echo a"}, "line 1"),
        Wanted({"command": "b"}, "line 4"),
    ]


def test_a_bad_line_is_named() -> None:
    with pytest.raises(InvalidSource, match=r"^line 2: not valid JSON at column 13"):
        list(from_lines('echo a\n{"command": }\n'))


DOCUMENTS: list[tuple[str, list[Wanted]]] = [
    ('{"command": "a"}', [Wanted({"command": "a"})]),
    ('{\n  "command": "a"\n}\n', [Wanted({"command": "a"})]),
    ('[{"command": "a"}, {"command": "b"}]', [Wanted({"command": "a"}, "item 1"), Wanted({"command": "b"}, "item 2")]),
    ("[]", []),
    (
        '{"command": "a"}\n\n{"command": "b"}\n',
        [Wanted({"command": "a"}, "line 1"), Wanted({"command": "b"}, "line 3")],
    ),
]


@pytest.mark.parametrize(("text", "wanted"), DOCUMENTS)
def test_a_document_is_an_object_an_array_or_an_object_a_line(text: str, wanted: list[Wanted]) -> None:
    assert list(from_document(text)) == wanted


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
    ('{\n"command":\n}', "line 3, column 1"),
]


@pytest.mark.parametrize(("text", "complaint"), NO_DOCUMENTS)
def test_a_document_that_is_none_is_refused_with_the_place(text: str, complaint: str) -> None:
    with pytest.raises(InvalidSource, match=complaint):
        from_document(text)


@given(st.text(st.characters()))
def test_any_text_is_jobs_or_is_refused(text: str) -> None:
    for read in (from_word, lambda text: list(from_lines(text)), from_document):
        with contextlib.suppress(InvalidInput, InvalidSource):
            read(text)
