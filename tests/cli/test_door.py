"""The door takes the common forms of `enqueue`: what it takes is as the long way leaves it, the rest goes there."""

import contextlib
import io
import os
import shlex
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aqueue import door
from aqueue.cli.main import run
from aqueue.model.settings import KEYS, parse_setting
from aqueue.store.schema import NEWEST, OLDEST_SQLITE

from .harness import PATIENCE, Result, Shell

BEGUN = time.time()

LONG_WAY = "from aqueue.cli.main import main; main()"


class Apart(float):
    """Seconds between two times; what a busy machine takes longer makes no difference."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Apart) and abs(float(self) - float(other)) < PATIENCE

    __hash__ = float.__hash__


def rows(database: Path) -> list[Any]:
    """All that the queue holds, with times only where they lie apart."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        jobs = [dict(row) for row in connection.execute("SELECT * FROM jobs ORDER BY seq")]
        for job in jobs:
            created_at = job.pop("created_at")
            job["run_at"] = job["run_at"] and Apart(job["run_at"] - created_at)
            assert BEGUN - 1 <= job.pop("updated_at") <= time.time() + 1
        events = connection.execute("SELECT event, job, was, state, run, attempt FROM aqueue_events ORDER BY event")
        counts = connection.execute("SELECT * FROM aqueue_counts ORDER BY queue, state")
        return [*jobs, *map(tuple, events), *map(tuple, counts)]


def take(database: Path, *words: str, **environ: str) -> str | None:
    """Go in by the door."""
    known = {name: os.environ[name] for name in ("PWD", "HOME") if name in os.environ}
    return door.enqueued([*words], {**known, "AQUEUE_DB": str(database), **environ})


def take_the_long_way(database: Path, words: Sequence[str]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run(["--db", str(database), *words]) == 0
    return out.getvalue().rstrip("\n")


TEXT = st.text(st.sampled_from("abAZ09 -_=./:,@%+'\"\\$*?~#!&|;<>(){}[]\n\t\x1b\xa0äß🦀"), max_size=12)
NUMBER = st.integers(-3, 12).map(str) | st.sampled_from(
    ["007", "+5", "1_0", "٣", "999999999", "1000000001", "1e3", " 5"]
)
NAME = st.sampled_from(["mail", "a.b:c-d_e", "A" * 128, "default"]) | TEXT
OPTION = st.one_of(
    st.tuples(st.sampled_from(["-q", "--queue", "--id", "--tag"]), NAME).map(list),
    st.tuples(st.sampled_from(["-p", "--priority", "--max-retries", "--timeout", "--delay"]), NUMBER).map(list),
    st.tuples(st.sampled_from(["--queue", "--tag", "--priority", "--delay"]), NAME | NUMBER).map(
        lambda o: ["=".join(o)]
    ),
    st.just(["--hold"]),
    st.sampled_from(["--ho", "--cwd", "-x", "--timeout=5m", "-p5", "-q=mail", "--id="]).map(lambda word: [word]),
)
WORDS = st.lists(TEXT.map(lambda text: [text]) | OPTION | st.just(["--"]), min_size=1, max_size=5).map(
    lambda groups: [word for group in groups for word in group]
)


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Path, Path]]:
    """Two queues, and this process in a folder in which shells work."""
    with tempfile.TemporaryDirectory() as folder:
        ways = Path(folder, "door.db"), Path(folder, "long.db")
        for way in ways:
            take_the_long_way(way, ["enqueue", "first"])
        yield ways


@settings(max_examples=150, deadline=None)
@example(
    ["-q", "mail", "-p", "-5", "--max-retries", "0", "--timeout", "90", "--tag", "a", "--tag", "b", "--tag", "a", "x"]
)
@example(["--delay", "60", "x"])
@example(["--hold", "--delay", "60", "x"])
@example(["--", "ls", "--", "-l", "a b", "it's"])
@example(["--id", "job1", "x"])
@given(WORDS)
def test_what_the_door_takes_is_what_the_long_way_would_have_left(pair: tuple[Path, Path], words: list[str]) -> None:
    by_door, by_long_way = pair
    before = rows(by_door)
    job_id = take(by_door, "enqueue", *words)
    if job_id is None:
        assert rows(by_door) == before
    else:
        assert job_id == take_the_long_way(by_long_way, ["enqueue", *words])
        assert rows(by_door) == rows(by_long_way)


@given(st.lists(TEXT.filter(bool), min_size=2, max_size=4))
def test_words_are_quoted_as_python_quotes_them(words: list[str]) -> None:
    assert " ".join(map(door._quoted, words)) == shlex.join(words)


COMMON = [
    ["true"],
    ["echo hi > /dev/null; it's $HOME"],
    ["grüezi 🦀"],
    ["echo", "a b", "$HOME", "it's"],
    ["--", "ls", "-l", "--all"],
    ["echo hi", "--priority", "5"],
    ["-q", "mail", "-p", "-5", "make"],
    ["--queue=mail", "--max-retries=0", "make"],
    ["--timeout", "90", "--delay", "60", "--tag", "a", "--tag", "b", "--id", "job-1", "make"],
    ["--hold", "make"],
]


@pytest.mark.parametrize("words", COMMON, ids=str)
def test_the_common_forms_are_taken(shell: Shell, words: list[str]) -> None:
    shell.ok("enqueue", "first")
    assert take(shell.database, "enqueue", *words) is not None
    assert door.enqueued(["--db", str(shell.database), "enqueue", "true"], {"AQUEUE_DB": "/nowhere"}) == "3"
    assert door.enqueued(["--db", "queue.db", "enqueue", "true"], {}) == "4"
    assert len(rows(shell.database)) > 4


FOR_THE_LONG_WAY = [
    *([], ["status"], ["--help"], ["enqueue"], ["enqueue", "-"], ["enqueue", "--", "-"], ["enqueue", "-h"]),
    *(
        ["enqueue", ""],
        ["enqueue", " \n"],
        ["enqueue", "--", ""],
        ["enqueue", "echo", ""],
        ["--version", "enqueue", "x"],
    ),
    *(["enqueue", "{ echo a; }"], ["enqueue", ' {"command": "x"}'], ["enqueue", "x" * 131_072], ["enqueue", "a\udce4"]),
    *(
        ["enqueue", "x", "--wait"],
        ["enqueue", "x", "--json"],
        ["enqueue", "--file", "x"],
        ["enqueue", "--prio", "1", "x"],
    ),
    *(
        ["enqueue", "-q"],
        ["enqueue", "x", "-q", "a b"],
        ["enqueue", "x", "--id", "7"],
        ["enqueue", "x", "--id", "taken"],
    ),
    *(["enqueue", "x", "--after", "taken"], ["enqueue", "--after-any=taken", "x"], ["enqueue", "--unique", "k", "x"]),
    *(["enqueue", "--nice", "5", "x"], ["enqueue", "x", "--memory=1GiB"]),
    *(["enqueue", "x", "-p", "1", "-p", "2"], ["enqueue", "x", "--timeout", "0"], ["enqueue", "x", "--delay", "5m"]),
    *(["enqueue", "x", "--tag", "a\n"], ["enqueue", "x", "--max-retries", "-1"], ["--db", "", "enqueue", "x"]),
    *(
        ["--db", "postgresql://host/queue", "enqueue", "x"],
        ["--db", "new.db", "enqueue", "x"],
        ["--db", "queue.db/", "enqueue", "x"],
    ),
]


@pytest.mark.parametrize("words", FOR_THE_LONG_WAY, ids=lambda words: " ".join(words)[:40])
def test_everything_else_is_left_to_the_long_way_before_anything_is_written(shell: Shell, words: list[str]) -> None:
    shell.ok("enqueue", "--id", "taken", "true")
    before = shell.content()
    assert take(shell.database, *words) is None
    assert shell.content() == before
    assert not Path("new.db").exists()


ENVIRONMENTS = [
    *(
        {"AQUEUE_MAX_RETRIES": "5"},
        {"AQUEUE_TIMEOUT": "x"},
        {"AQUEUE_SHARE": "group"},
        {"_AQUEUE_COMPLETE": "bash_source"},
    ),
    *({"AQUEUE_DB": "postgresql://host/queue"}, {"PWD": "/gone"}),
]


@pytest.mark.parametrize("environ", ENVIRONMENTS, ids=str)
def test_an_environment_that_says_more_is_left_to_the_long_way(shell: Shell, environ: dict[str, str]) -> None:
    shell.ok("enqueue", "true")
    assert take(shell.database, "enqueue", "true", **environ) is None


def test_no_variable_that_is_taken_as_harmless_is_a_setting() -> None:
    assert {name.lower() for name in door.HARMLESS} & KEYS.keys() == set()


def test_a_running_job_enqueues_by_the_door(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    own = {f"AQUEUE_{name}": "1" for name in door.HARMLESS - {"DB"}}
    assert take(shell.database, "enqueue", "true", **own) == "2"


def test_the_folder_has_the_name_that_its_shell_has_for_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.ok("enqueue", "true")
    (shell.folder / "link").symlink_to(shell.folder)
    name = str(shell.folder / "link")
    assert take(shell.database, "enqueue", "true", PWD=name) == "2"
    assert take(shell.database, "enqueue", "true", PWD="/") == "3"
    assert take(shell.database, "enqueue", "true", PWD=f"{name}/.") is None
    assert [shell.job(job_id)["cwd"] for job_id in "23"] == [name, str(shell.folder)]


@pytest.mark.parametrize("key", KEYS)
def test_what_the_door_believes_of_stored_settings_is_so(key: str) -> None:
    for value in ("none", "0", "1", "7", "000012", "999999", "", " ", "mail root", "a\0b", "ä" * 70_000):
        if door.is_right(key, value):
            parse_setting(key, value)


def test_stored_settings_count(shell: Shell) -> None:
    shell.ok("config", "max-retries", "0")
    shell.ok("config", "timeout", "5m")
    assert take(shell.database, "enqueue", "true") == "1"
    assert [shell.job("1")[key] for key in ("max_retries", "timeout")] == [0, 300]


def test_a_hook_is_no_reason_for_the_long_way(shell: Shell) -> None:
    shell.ok("config", "on_dead", "mail -s dead root")
    shell.ok("config", "on_completed", "true")
    assert take(shell.database, "enqueue", "true") == "1"


def test_stored_settings_that_may_be_wrong_are_left_to_the_long_way(shell: Shell) -> None:
    shell.ok("config", "max-retries", "5")
    with contextlib.closing(sqlite3.connect(shell.database, isolation_level=None)) as plain:
        for value in ("many", "1.5", "-1", "", "9999999"):
            plain.execute("UPDATE aqueue_settings SET value = ?", (value,))
            assert take(shell.database, "enqueue", "true") is None


def test_the_limits_that_the_door_states_itself_are_those_of_the_store() -> None:
    assert door.OLDEST_SQLITE == OLDEST_SQLITE
    assert len([name for name in os.listdir(door.MIGRATIONS) if name.endswith(".sql")]) == NEWEST


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO aqueue_schema VALUES (1000)",
        "DELETE FROM aqueue_schema",
        "DROP TABLE aqueue_schema",
        "PRAGMA journal_mode = DELETE",
    ],
)
def test_another_schema_or_journal_is_left_to_the_long_way(shell: Shell, change: str) -> None:
    shell.ok("enqueue", "true")
    with contextlib.closing(sqlite3.connect(shell.database, isolation_level=None)) as plain:
        plain.execute(change)
    before = shell.content()
    assert take(shell.database, "enqueue", "true") is None
    assert shell.content() == before


def test_a_place_that_is_not_plainly_safe_is_left_to_the_long_way(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    shell.database.chmod(0o660)
    assert take(shell.database, "enqueue", "true") is None
    shell.database.chmod(0o600)
    (shell.folder / "link.db").symlink_to(shell.database)
    assert take(shell.folder / "link.db", "enqueue", "true") is None
    (shell.folder / "queue.db.log").symlink_to("/dev/null")
    assert take(shell.database, "enqueue", "true") is None
    assert take(shell.folder, "enqueue", "true") is None
    assert len(shell.json("list")) == 1


@pytest.mark.parametrize("name", ["a b.db", "100%.db", "a?mode=memory.db", "a#b.db", "%2e.db", "ä.db"])
def test_a_file_of_any_name_is_the_one_that_is_meant(shell: Shell, name: str) -> None:
    shell.ok("--db", name, "enqueue", "true")
    assert take(shell.folder / name, "enqueue", "true") == "2"
    assert len(shell.json("--db", name, "list")) == 2
    assert {path.name for path in shell.folder.iterdir()} == {name}


def test_a_lock_that_is_held_for_long_is_left_to_the_long_way(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    with contextlib.closing(sqlite3.connect(shell.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert take(shell.database, "enqueue", "true") is None
        other.execute("ROLLBACK")
    assert len(shell.json("list")) == 1


def test_a_lock_that_is_soon_free_is_waited_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.ok("enqueue", "true")
    with contextlib.closing(sqlite3.connect(shell.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(time, "sleep", lambda _: other.in_transaction and other.execute("COMMIT"))
        assert take(shell.database, "enqueue", "true") == "2"


def test_a_commit_that_fails_leaves_nothing(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    before = shell.content()
    with contextlib.closing(sqlite3.connect(shell.database, isolation_level=None)) as other:
        other.execute("CREATE TRIGGER fails AFTER INSERT ON jobs BEGIN SELECT RAISE(ROLLBACK, 'no'); END")
        assert take(shell.database, "enqueue", "true") is None
    assert shell.content() == before


@pytest.mark.parametrize("folder", ["short", "long" * 20 + "/" + "longer" * 20], ids=["short", "long"])
def test_every_bell_is_rung_and_those_of_the_dead_are_removed(shell: Shell, folder: str) -> None:
    database = shell.folder / folder / "queue.db"
    shell.ok("--db", str(database), "enqueue", "true")
    (database.parent / "queue.db.d").mkdir()
    here = Path.cwd()
    os.chdir(database.parent / "queue.db.d")  # an address has a hundred characters at most
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as bell:
        bell.bind("a.bell")
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as dead:
            dead.bind("b.bell")
        os.chdir(here)
        assert take(database, "enqueue", "true") == "2"
        bell.setblocking(False)
        assert bell.recv(1) == b""
    assert [path.name for path in (database.parent / "queue.db.d").iterdir()] == ["a.bell"]


def test_who_waits_hears_of_it_and_the_worker_runs_it(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    with shell.running("worker") as worker:
        worker.says("completed")
        assert shell.process("enqueue", "echo by the door").out == "2\n"
        assert "2" in worker.says("completed")


def test_the_door_loads_nothing_but_sqlite(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    code = (
        "import sys, os, sqlite3; before = set(sys.modules); from aqueue import door; "
        "print(door.enqueued(['enqueue', 'echo', 'a b', '-p', '5'], os.environ), *(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=shell.environ(), capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == ["2", "aqueue", "aqueue.door", "aqueue.store", "aqueue.store.mounts"]


def by_the_long_way(shell: Shell, *words: str, **options: Any) -> Result:
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    done = subprocess.run(
        [sys.executable, "-c", LONG_WAY, *words],
        env=shell.environ(),
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
        **streams,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "words",
    [
        *(
            ["enqueue"],
            ["enqueue", ""],
            ["enqueue", "--prio", "1", "x"],
            ["enqueue", "x", "--id", "7"],
            ["enqueue", "-q"],
        ),
        *(
            ["enqueue", "x", "-q", "a b"],
            ["enqueue", "x", "--id", "taken"],
            ["enqueue", "{}"],
            ["--db", ".", "enqueue", "x"],
        ),
    ],
    ids=str,
)
def test_what_is_refused_is_refused_in_the_words_of_the_long_way(shell: Shell, words: list[str]) -> None:
    shell.ok("enqueue", "--id", "taken", "true")
    refused = shell.process(*words)
    assert refused.code in {1, 2}
    assert refused == by_the_long_way(shell, *words)


def test_an_output_that_takes_nothing_is_told_as_by_the_long_way_and_the_job_is_there_once(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    with Path("/dev/full").open("w") as full:
        told = shell.process("enqueue", "a", stdout=full)
        assert (told.code, told.err) == (1, "Error: cannot write: No space left on device\n")
        again = by_the_long_way(shell, "enqueue", "b", stdout=full)
    assert (again.code, again.err) == (told.code, told.err)
    reader, writer = os.pipe()
    os.close(reader)
    assert shell.process("enqueue", "c", stdout=writer) == Result(1, None, "")  # type: ignore[arg-type]
    os.close(writer)
    assert [job["command"] for job in shell.json("list")] == ["c", "b", "a", "true"]


def test_closed_streams_do_not_let_the_id_go_into_the_queue(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    done = subprocess.run(
        ["sh", "-c", f"{shlex.quote(sys.executable)} -m aqueue enqueue true >&- <&-"], env=shell.environ(), check=False
    )
    assert done.returncode == 0
    assert [job["id"] for job in shell.json("list")] == ["2", "1"]
