"""`aqueue enqueue --each`: a job a line, by a template."""

import os
import re
from pathlib import Path

import pytest

from .harness import Shell

NAMES = [
    "a.txt",
    "b c.txt",
    "it's.txt",
    "$(touch pwned).txt",
    "-rf.txt",
    "`touch pwned`.txt",
    'say "hi".txt',
    "x;touch pwned.txt",
]


def commands(shell: Shell) -> list[str]:
    return [job["command"] for job in reversed(shell.json("list"))]


def test_each_line_of_a_file_or_of_stdin_is_a_job(shell: Shell) -> None:
    (shell.folder / "list").write_bytes(b"a.wav\r\n\n  \nb b.wav")
    template = "flac {} -o {.}.flac"
    assert shell.ok("enqueue", "--each", "list", template) == "1\n2\n"
    assert shell.ok("enqueue", "--each", "-", template, stdin=b"a.wav\nb b.wav\n") == "3\n4\n"
    assert commands(shell) == ["flac a.wav -o a.flac", "flac 'b b.wav' -o 'b b'.flac"] * 2


def test_several_words_are_one_template_and_options_may_follow(shell: Shell) -> None:
    assert shell.ok("enqueue", "--each", "-", "--", "convert", "{}", "-o", "{.} small.png", stdin=b"a.png") == "1\n"
    assert shell.ok("enqueue", "--each", "-", "echo {#}", "-p", "5", "--tag", "x", "--hold", stdin=b"a\nb") == "2\n3\n"
    assert commands(shell) == ["convert a.png -o 'a small.png'", "echo 1", "echo 2"]
    assert [(job["priority"], job["tags"], job["held"]) for job in shell.json("list")][:2] == [(5, ["x"], True)] * 2


@pytest.mark.parametrize("place", ["{}", "'{}'", '"{}"', '"$(printf %s {})"', "./{}"])
def test_names_of_files_reach_the_command_as_they_are(shell: Shell, place: str) -> None:
    names = [name.encode() for name in NAMES] + [b"\xe4\xff.txt", b"\xe4 '.txt"]
    for number, name in enumerate(names):
        Path(os.fsdecode(os.fsencode(shell.folder) + b"/" + name)).write_text(f"{number}\n")
    shell.ok("enqueue", "--each", "-", f"cat -- {place} >> seen", stdin=b"\n".join(names))
    shell.work(1)
    assert {job["state"] for job in shell.json("list")} == {"completed"}
    assert (shell.folder / "seen").read_text() == "".join(f"{number}\n" for number in range(len(names)))
    assert not (shell.folder / "pwned").exists()


def test_its_jobs_are_shown_as_an_array(shell: Shell) -> None:
    assert [job["command"] for job in shell.json("enqueue", "--each", "/dev/null", "echo {}")] == []
    (shell.folder / "list").write_text("a\n")
    assert [job["command"] for job in shell.json("enqueue", "--each", "list", "echo {}")] == ["echo a"]


def test_one_line_may_have_an_id(shell: Shell) -> None:
    assert shell.ok("enqueue", "--each", "-", "--id", "x", "echo {}", stdin=b"\na\n") == "x\n"
    said = shell.fails(2, "enqueue", "--each", "-", "--id", "y", "echo {}", stdin=b"a\nb\n")
    assert said == "--id is for one job, and there are 2"
    assert (
        shell.fails(1, "enqueue", "--each", "-", "--id", "x", "echo {}", stdin=b"\na")
        == "stdin: line 2: a job with the id x exists already"
    )


@pytest.mark.parametrize(
    ("code", "words", "reason"),
    [
        (2, ["--each", "-"], "--each needs a template: a command with {} where the line shall go"),
        (2, ["--each", "", "echo {}"], "--each needs the path of a file, or - for stdin"),
        (2, ["--each", "-", "--file", "-", "echo {}"], "give either --each or --file, not both"),
        (2, ["--each", "-", "echo"], "template: it needs a placeholder: one of {}, {.}, {/}, {//}, {/.}, {#}"),
        (2, ["--each", "-", "--", "echo", "x"], "template: it needs a placeholder: one of .*"),
        (2, ["--each", "-", "echo '{}"], "template: its quotes are not closed"),
        (2, ["--each", "-", "echo `{}`"], "template: it cannot be told how to quote {} in or behind .*"),
        (2, ["--each", "-", '{"command": "echo {}"}'], "template: it is a command, not JSON; .*"),
        (1, ["--each", "missing", "echo {}"], "cannot read missing: No such file or directory"),
        (1, ["--each", "-", "echo {}"], "stdin: line 2: command: must not hold a NUL character"),
        (1, ["--each", "-", "echo {.}{}"], "stdin: line 2: command: must not hold a NUL character"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(shell: Shell, code: int, words: list[str], reason: str) -> None:
    assert re.fullmatch(reason.replace("{", r"\{"), shell.fails(code, "enqueue", *words, stdin=b"a\nb\0\n"))


def test_a_command_that_becomes_too_long_is_named_by_its_line(shell: Shell) -> None:
    lines = b"a\n" + b"x" * 70_000
    said = shell.fails(1, "enqueue", "--each", "-", "echo {} {}", stdin=lines)
    assert said.startswith("stdin: line 2: command: must be shorter than 128 KiB")
