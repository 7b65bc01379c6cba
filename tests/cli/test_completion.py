"""Words are completed from the live queue, in real shells, and a completion leaves no trace."""

import contextlib
import os
import select
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from aqueue.cli import candidates
from aqueue.cli.completing import typed_in_bash
from aqueue.cli.completion import SHELLS
from aqueue.cli.main import COMMANDS
from aqueue.model.job import State
from aqueue.model.settings import KEYS

from .harness import PATIENCE, Shell

BREAKS = " \t\n\"'><=;|&(:"


@pytest.fixture
def filled(shell: Shell) -> Shell:
    """A queue with a job in most states, queues and tags."""
    shell.ok("enqueue", "--id", "dead:1", "--max-retries", "0", "-q", "mail", "false")
    shell.ok("enqueue", "--id", "done", "--tag", "my tag", "echo 'a\nb'")
    shell.work()
    shell.ok("enqueue", "--id", "held", "--hold", "--tag", "urgent", "-q", "video", "true")
    shell.ok("enqueue", "true")
    shell.ok("cron", "add", "nightly", "0 3 * * *", "true")
    return shell


def answer(shell: Shell, line: str) -> list[str]:
    """What bash is told that the last word can become; of files, the kind."""
    kind, *values = shell.ok("completion", "bash", "--answer", "--", f"aqueue {line}", BREAKS).splitlines()
    return values if kind == "plain" else [kind]


LINES: list[tuple[str, list[str]]] = [
    ("", list(COMMANDS)),
    ("li", ["list"]),
    ("--d", ["--db"]),
    ("list --sta", ["--state"]),
    ("list --state ", list(State)),
    ("list --state=pe", ["--state=pending"]),
    ("list --state pro", ["processing"]),
    ("list -q ", ["default", "mail", "video"]),
    ("enqueue --queue v", ["video"]),
    ("list --tag ", ["urgent", r"my\ tag"]),
    ("list --tag my", [r"my\ tag"]),
    (r"list --tag my\ t", [r"my\ tag"]),
    ("list --tag 'my t", ["my tag"]),
    ("show ", ["4", "held", "done", r"dead:1"]),
    ("show d", ["done", "dead:1"]),
    ("show dead:", ["1"]),
    ("show 'dead:", ["dead:1"]),
    ("logs --tail 3 d", ["done", "dead:1"]),
    ("cancel ", ["4", "held"]),
    ("cancel 4 ", ["held"]),
    ("release ", ["held"]),
    ("hold ", ["4"]),
    ("retry ", ["done", "dead:1"]),
    ("wait ", ["4", "held"]),
    ("enqueue --after d", ["done", "dead:1"]),
    ("enqueue --after held,4,d", ["held,4,done", "held,4,dead:1"]),
    ("enqueue --after-any=done,", ["done,4", "done,held", "done,dead:1"]),
    ("cancel --state=bl", ["--state=blocked"]),
    ("retry --all -q m", ["mail"]),
    ("remove --tag u", ["urgent"]),
    ("dlq ", ["list", "remove", "retry"]),
    ("dlq retry ", ["dead:1"]),
    ("config ", ["get", "list", "set", "show", "unset", *KEYS]),
    ("config set time", ["timeout"]),
    ("config unset keep_d", ["keep_dead"]),
    ("config keep_d", ["keep_dead"]),
    ("queue pause ", ["default", "mail", "video"]),
    ("queue limit m", ["mail"]),
    ("cron trigger ", ["nightly"]),
    ("cron add nightly --timezone Europe/Ber", ["Europe/Berlin"]),
    ("cron add x @daily true --missed ", ["skip", "once", "all"]),
    ("worker st", ["start", "stop"]),
    ("worker stop ", []),
    ("worker -q m", ["mail"]),
    ("completion ", list(SHELLS)),
    ("enqueue --file ", ["file"]),
    ("enqueue --each=", ["file"]),
    ("enqueue --cwd ", ["dir"]),
    ("enqueue -- ls ", ["file"]),
    ("--db ", ["file"]),
    ("backup ", ["file"]),
    ("enqueue --priority ", []),
    ("list --limit ", []),
    ("show --nonsense ", ["4", "held", "done", "dead:1"]),
    ("list --state nonsense --tag u", ["urgent"]),
    ("show 'no end ", []),
]


@pytest.mark.parametrize(("line", "words"), LINES, ids=[line for line, _ in LINES])
def test_a_word_is_completed_to_what_it_can_be(filled: Shell, line: str, words: list[str]) -> None:
    expected = [word.removeprefix("--state=") for word in words]  # bash takes what is behind a = for a word
    assert answer(filled, line) == expected


def test_a_worker_that_lives_can_be_stopped_by_its_id(filled: Shell) -> None:
    with filled.running("worker", "--concurrency", "1") as worker:
        started = worker.says("started").split()[2]
        assert answer(filled, "worker stop ") == [started]
        assert answer(filled, f"worker stop --now {started[:3]}") == [started]


def test_the_queue_is_the_one_that_the_command_line_names(filled: Shell) -> None:
    filled.ok("--db", "other.db", "enqueue", "--id", "elsewhere", "true")
    assert answer(filled, "--db other.db show ") == ["elsewhere"]
    assert answer(filled, f"--db {filled.folder}/other.db list -q ") == ["default"]


@pytest.mark.parametrize("line", ["show ", "list -q ", "list --tag ", "worker stop ", "dlq retry ", "config set "])
def test_a_completion_makes_no_file_and_tells_no_error(shell: Shell, line: str) -> None:
    for where in ("queue.db", "new/queue.db", ".", "notes"):
        (shell.folder / "notes").write_text("x" * 5000)
        result = shell.run("completion", "bash", "--answer", "--", f"aqueue --db {where} {line}", BREAKS)
        assert (result.code, result.err) == (0, "")
        assert [path.name for path in shell.folder.iterdir()] == ["notes"]


def test_a_completion_leaves_a_queue_as_it_is_and_waits_for_nobody(filled: Shell) -> None:
    before, folder = filled.database.read_bytes(), set(filled.folder.iterdir())
    with contextlib.closing(sqlite3.connect(filled.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert answer(filled, "show d") == ["done", "dead:1"]
        other.execute("ROLLBACK")
    assert filled.database.read_bytes() == before
    assert set(filled.folder.iterdir()) == folder


def test_a_completion_leaves_the_commands_as_they_are(filled: Shell) -> None:
    assert answer(filled, "list --state p") == ["pending", "processing"]
    assert "unknown state 'p'" in filled.fails(2, "list", "--state", "p")


def test_of_many_jobs_the_newest_are_offered_and_the_rare_ones_among_them(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "old", "--max-retries", "0", "false")
    shell.work()
    shell.ok("enqueue", "-", stdin=b"true\n" * 2000)
    assert len(answer(shell, "show ")) == candidates.MOST
    assert answer(shell, "show ")[0] == "2001"
    assert answer(shell, "dlq retry ") == ["old"]
    assert answer(shell, "show ol") == ["old"]


def test_what_others_wrote_is_safe_to_show_beside_a_name(filled: Shell) -> None:
    lines = filled.ok("completion", "zsh", "--answer", "--", "show", "d").splitlines()
    assert lines == ["plain", "done\tcompleted: echo 'a\\nb'", "dead:1\tdead: false"]
    assert filled.ok("completion", "fish", "--answer", "--", "list", "--state=dea").splitlines() == [
        "plain",
        "--state=dead\t",
    ]


def test_the_answer_is_no_part_of_the_help(shell: Shell) -> None:
    assert "answer" not in shell.ok("completion", "--help")
    assert shell.fails(2, "completion", "bash", "more") == "Got unexpected extra argument (more)"
    assert "'csh'" in shell.fails(2, "completion", "csh")
    assert shell.run("completion", "bash", "--answer").err == ""
    assert shell.run("completion", "fish", "--answer").err == ""


@pytest.mark.parametrize(
    ("line", "words", "last", "written"),
    [
        ("aqueue show ", ["show"], "", "a:b c"),
        ("aqueue show a:", ["show"], "a:", r"b\ c"),
        ("aqueue show a", ["show"], "a", r"a:b\ c"),
        ("aqueue show 'a:b", ["show"], "a:b", "a:b c"),
        ("aqueue show \"a:b'", ["show"], "a:b'", "a:b c"),
        (r"aqueue show a\ ", ["show"], "a ", r"a:b\ c"),
        ("aqueue list --tag=a", ["list"], "--tag=a", r"a:b\ c"),
        ("aqueue list --tag a # ", ["list", "--tag", "a", "#"], "", r"a:b\ c"),
    ],
)
def test_a_line_of_bash_is_understood_as_bash_does(line: str, words: list[str], last: str, written: str) -> None:
    typed = typed_in_bash(line, BREAKS)
    assert (typed.words, typed.last) == (words, last)
    assert typed.written("a:b c", whole=True).replace("\\", "") == written.replace("\\", "")


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which `aqueue` is found."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "aqueue").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m aqueue "$@"\n')
    (folder / "aqueue").chmod(0o700)
    return f"{folder}:{os.environ['PATH']}"


class Typist:
    """Somebody who types into a shell, and reads what it shows."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._read = ""

    def types(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def sees(self, text: str) -> None:
        """Wait until this is shown, and forget what was shown up to there."""
        end = time.monotonic() + PATIENCE
        while text not in self._read:
            assert select.select([self._terminal], [], [], max(0, end - time.monotonic()))[0], self._read
            self._read += os.read(self._terminal, 65536).decode(errors="replace")
        self._read = self._read.partition(text)[2]


@contextlib.contextmanager
def typing(words: list[str], environ: Mapping[str, str]) -> Iterator[Typist]:
    screen, terminal = os.openpty()
    with subprocess.Popen(
        words, env=dict(environ), stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    ) as process:
        os.close(terminal)
        try:
            yield Typist(screen)
        finally:
            process.kill()
            os.close(screen)


@pytest.fixture
def environ(filled: Shell, path: str) -> dict[str, str]:
    """The environment of a shell in a folder with a folder and a file."""
    (filled.folder / "folder").mkdir()
    (filled.folder / "file one").touch()
    home = str(filled.folder.parent)
    return filled.environ({"PATH": path, "HOME": home, "TERM": "dumb", "PS1": "ready> ", "INPUTRC": "/dev/null"})


TYPED = [
    ("aqueue lis", "aqueue list "),
    ("aqueue show dea", "aqueue show dead:1 "),
    ("aqueue show dead:", "aqueue show dead:1 "),
    ("aqueue list --state=pend", "aqueue list --state=pending "),
    ("aqueue list --tag my", "aqueue list --tag my\\ tag "),
    ("aqueue enqueue --cwd fold", "aqueue enqueue --cwd folder/"),
    ("aqueue enqueue --file=fi", "aqueue enqueue --file=file\\ one "),
]


@pytest.mark.parametrize(("typed", "completed"), TYPED, ids=[typed for typed, _ in TYPED])
def test_tab_completes_in_bash(environ: dict[str, str], typed: str, completed: str) -> None:
    with typing(["bash", "--norc", "--noprofile", "-i"], environ) as typist:
        typist.sees("ready> ")
        typist.types("source <(aqueue completion bash); echo loa''ded\n")
        typist.sees("loaded")
        typist.sees("ready> ")
        typist.types(f"{typed}\t")
        typist.sees(completed)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh here")
@pytest.mark.parametrize(("typed", "completed"), TYPED, ids=[typed for typed, _ in TYPED])
def test_tab_completes_in_zsh(environ: dict[str, str], typed: str, completed: str) -> None:
    with typing(["zsh", "-f", "-i"], environ) as typist:
        typist.types("autoload -Uz compinit; compinit -D; source <(aqueue completion zsh); echo loa''ded\n")
        typist.sees("loaded\r\n")
        typist.types(f"{typed}\t")
        typist.sees(completed)


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish here")
@pytest.mark.parametrize(("typed", "completed"), TYPED, ids=[typed for typed, _ in TYPED])
def test_fish_offers_the_same(environ: dict[str, str], typed: str, completed: str) -> None:
    program = f"aqueue completion fish | source; complete --do-complete '{typed}'"
    words = ["fish", "--no-config", "-c", program]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True, timeout=PATIENCE)
    offered = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    word = shlex.split(completed)[-1]
    assert word in offered or shlex.quote(word) in offered or word.replace(" ", "\\ ") in offered, done.stdout


@pytest.mark.parametrize("name", SHELLS)
def test_the_script_of_each_shell_is_printed_whole(shell: Shell, name: str) -> None:
    text = shell.ok("completion", name)
    assert text == Path(candidates.__file__).with_name(f"completion.{name}").read_text()
    assert f"aqueue completion {name}" in text
    assert list(shell.folder.iterdir()) == []
