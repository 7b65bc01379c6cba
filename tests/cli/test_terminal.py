"""What is shown is safe to show, fits, and goes where it shall, or it is said that it could not."""

import contextlib
import fcntl
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from aqueue.cli.terminal import cut, width

from .harness import NOTHING, PATIENCE, Shell

EVIL = "\x1b]0;owned\x07\x9b31m\u202ereversed\u2028\r\n\x7f"
ESCAPED = r"\x1b]0;owned\x07\x9b31m\u202ereversed\u2028\r\n\x7f"
UNSAFE = set(EVIL) - set("]0;owned31mreversed\n")


@pytest.fixture
def evil(shell: Shell) -> Shell:
    shell.ok(
        "enqueue", "--id", "a", "--tag", f"tag{EVIL}", "--env", f"X{EVIL}=1", "--max-retries", "0", f"false {EVIL}"
    )
    shell.ok("enqueue", "--id", "b", "--max-retries", "0", "printf '\\033[31mred \\342\\200\\256' >&2; exit 3")
    shell.ok("enqueue", "--id", "d", "--after", "a", "--unique", f"key{EVIL}", f"true {EVIL}")
    shell.ok("enqueue", "--id", "c", "--cwd", f"/nowhere{EVIL}", "--max-retries", "0", "true")
    shell.work()
    return shell


@pytest.mark.parametrize(
    "words",
    [
        *(
            ["list"],
            ["list", "--verbose"],
            ["dlq", "list"],
            ["show", "a"],
            ["show", "b"],
            ["show", "c"],
            ["show", "d"],
            ["status"],
        ),
        *(["events"], ["why", "b"], ["list", "--json"], ["show", "a", "--json"], ["events", "--json"]),
    ],
    ids=" ".join,
)
def test_what_others_wrote_cannot_command_the_terminal(evil: Shell, words: list[str]) -> None:
    result = evil.run(*words)
    assert result.code == 0
    assert not set(result.out + result.err) & UNSAFE


def test_it_is_written_out_instead(evil: Shell) -> None:
    assert f"false {ESCAPED}" in evil.ok("list")
    assert f"tag{ESCAPED}" in evil.ok("list")
    assert r"exit code 3: \x1b[31mred \u202e" in evil.ok("dlq", "list")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, ["show", EVIL]),
        (2, ["enqueue", "--id", EVIL, "true"]),
        (2, ["enqueue", "--queue", EVIL, "true"]),
        (2, ["enqueue", f'{{"command": "true", "{EVIL.strip()}": 1}}']),
        (2, ["enqueue", f"--{EVIL}", "true"]),
        (2, ["list", "--state", EVIL]),
        (2, ["config", EVIL, "1"]),
        (2, [EVIL]),
        (1, ["enqueue", "--file", EVIL]),
        (1, ["--db", f"/proc/{EVIL}", "list"]),
    ],
)
def test_an_error_is_one_safe_line_whatever_was_asked(shell: Shell, code: int, words: list[str]) -> None:
    assert not set(shell.fails(code, *words)) & (UNSAFE | {"\n"})


@pytest.mark.parametrize(
    "environ", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}], ids=str
)
def test_where_the_encoding_has_no_such_character_it_is_written_out(shell: Shell, environ: Mapping[str, str]) -> None:
    shell.ok("enqueue", "--tag", "größe", "echo grüezi 日本")
    ascii_only = environ != {"LC_ALL": "C"}
    for words in (["list"], ["show", "1"], ["status"], ["events"]):
        result = shell.process(*words, environ=environ)
        assert (result.code, result.err) == (0, "")
        assert result.out.isascii() or not ascii_only
    assert (r"gr\xfcezi" if ascii_only else "grüezi") in shell.process("list", environ=environ).out
    result = shell.process("show", "größe", environ=environ)
    assert result.code == 3
    assert result.err.startswith("Error: no such job: gr")


def test_a_closed_stream_is_no_error_and_the_work_is_done(shell: Shell) -> None:
    for redirection in (">&-", "2>&-", "<&-", "<&- >&- 2>&-"):
        command = f'"$@" {redirection}'
        done = subprocess.run(
            ["/bin/sh", "-c", command, "sh", sys.executable, "-m", "aqueue", "enqueue", "true"],
            env=shell.environ(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
    assert shell.json("status")["total"] == 4
    assert shell.run("check").code == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["status"], ["config"], ["--help"]], ids=" ".join)
def test_what_cannot_be_written_is_an_error(shell: Shell, words: list[str]) -> None:
    shell.ok("enqueue", "-", stdin=b"true\n" * 100)
    with Path("/dev/full").open("w") as full:
        result = shell.process(*words, stdout=full)
    assert (result.code, result.err) == (1, "Error: cannot write: No space left on device\n")


def test_a_reader_that_has_seen_enough_is_no_matter(shell: Shell) -> None:
    shell.ok("enqueue", "-", stdin=b"true\n" * 2000)
    for words in ("list --limit 2000", "list --json", "list --jsonl", "events"):
        command = f'"$0" -m aqueue {words} | head -n 1'
        done = subprocess.run(
            ["/bin/sh", "-c", command, sys.executable],
            env=shell.environ(),
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
        assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")


def _on_terminal(shell: Shell, *words: str, columns: int = 80, environ: Mapping[str, str] = NOTHING) -> list[str]:
    """The lines that a terminal of this width gets."""
    screen, terminal = os.openpty()
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        result = shell.process(*words, stdout=terminal, environ={"TERM": "xterm", "COLUMNS": "", **environ})
        assert result.code == 0, result.err
        os.set_blocking(screen, False)
        text = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(screen, 65536):
                text += piece
        return text.decode().replace("\r\n", "\n").splitlines()
    finally:
        os.close(terminal)
        os.close(screen)


ID = "3f8a7c1e-9d4b-4e7a-b1c2-5d6e7f8a9b0c"
PLAIN = {"NO_COLOR": "1"}


@pytest.fixture
def wide(shell: Shell) -> Shell:
    shell.ok("enqueue", "--id", ID, "--max-retries", "0", "-q", "mail", "-p", "5", f"echo {'long ' * 50} >&2; exit 3")
    shell.ok("enqueue", "echo 日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語")
    shell.work()
    return shell


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize("words", [["list"], ["dlq", "list"], ["config"], ["status"]], ids=" ".join)
def test_a_table_fits_the_terminal_and_ids_are_never_cut(wide: Shell, words: list[str], columns: int) -> None:
    lines = _on_terminal(wide, *words, columns=columns, environ=PLAIN)
    assert max(map(width, lines)) <= columns
    assert "list" not in words or any(line.startswith(ID) for line in lines)


def test_long_commands_and_errors_are_cut(wide: Shell) -> None:
    line = next(line for line in _on_terminal(wide, "dlq", "list", environ=PLAIN) if line.startswith(ID))
    assert line.count("…") == 2


def test_columns_that_do_not_fit_even_so_become_a_record_each(wide: Shell) -> None:
    lines = _on_terminal(wide, "list", "--verbose", environ=PLAIN)
    assert f"ID        {ID}" in lines
    assert "STATE     dead" in lines


def test_states_have_colours_unless_they_are_not_wanted(wide: Shell) -> None:
    assert "\x1b[32mcompleted" in "".join(_on_terminal(wide, "status"))
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in "".join(_on_terminal(wide, "status", environ=environ))
    assert "\x1b" not in wide.ok("status")


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 6, "日本語"), ("日本語", 5, "日本…"), ("日本語", 4, "日…")],
)
def test_a_text_is_cut_by_the_columns_that_it_takes(text: str, most: int, shown: str) -> None:
    assert cut(text, most) == shown
    assert width(shown) <= most
