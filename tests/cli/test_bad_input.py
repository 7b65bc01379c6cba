"""What was asked wrongly: one line that says what, the exit code of the contract, and nothing has changed."""

import os
import re
import sqlite3
from pathlib import Path

import pytest

from .harness import Shell

DEEP = "[" * 100_000

WORDS = [
    # JSON as a word
    (['{"command": "true"'], "not valid JSON at column 19: "),
    (["{\"command\": 'true'}"], "not valid JSON at column 13: "),
    (['{"command" "true"}'], "not valid JSON at column 12: "),
    (['{\\"command\\": \\"true\\"'], "not valid JSON at column "),
    (['{"command": "true"} {}'], "not valid JSON at column 21: "),
    (["{}"], "a job needs a command"),
    (['{"id": "a"}'], "a job needs a command"),
    (['{"command": null}'], "a job needs a command"),
    (['{"command": "true", "prority": 1}'], "unknown key 'prority'; known are id, command, "),
    (['{"command": ["true"]}'], "command: must be a text, not \\['true'\\]"),
    (['{"command": "true", "command": "false"}'], "the key 'command' is there twice"),
    (['{"command": "true", "priority": "high"}'], "priority: must be a whole number, not 'high'"),
    (['{"command": "true", "priority": 1.5}'], "priority: must be a whole number, not 1.5"),
    (['{"command": "true", "priority": true}'], "priority: must be a whole number, not True"),
    (['{"command": "true", "priority": 9223372036854775808}'], "priority: .* does not fit into 64 bits"),
    (['{"command": "true", "priority": NaN}'], "not valid JSON: NaN is no number there"),
    (['{"command": "true", "timeout": Infinity}'], "not valid JSON: Infinity is no number there"),
    (['{"command": "true", "timeout": 1e999}'], "timeout: must be a finite number"),
    (['{"command": "true", "priority": 1' + "0" * 5000 + "}"], "not valid JSON for a job: a number has too many "),
    (['{"command": "true", "timeout": 1' + "0" * 400 + "}"], "timeout: must be a finite number"),
    (['{"command": "true", "max_retries": -1}'], "max_retries: must be from 0 to 1000000000, not -1"),
    (['{"command": "true", "tags": "a"}'], "tags: must be a list, not 'a'"),
    (['{"command": "true", "tags": [1]}'], "tags: must be a text, not 1"),
    (['{"command": "true", "tags": ' + DEEP + "}"], "not valid JSON for a job: it is nested too deeply"),
    (['{"command": "true", "env": ["A=1"]}'], "env: must be an object of names and texts"),
    (['{"command": "true", "env": {"A=B": "1"}}'], "env: 'A=B' is no name of a variable"),
    (['{"command": "true", "env": {"A": 1}}'], "env: must be a text, not 1"),
    (['{"command": "true", "cwd": 1}'], "cwd: must be a text, not 1"),
    (['{"command": "true", "hold": "yes"}'], "hold: must be true or false, not 'yes'"),
    (['{"command": "true", "delay": 1, "run_at": "18:00"}'], "a job has either a delay or a run_at, not both"),
    (['{"command": "true", "no_retry_on": [0]}'], "no_retry_on: an exit code of a failure is from 1 to 255, not 0"),
    (['{"command": "echo \\u0000"}'], "command: must not hold a NUL character"),
    (['{"command": "echo \\ud800"}'], "command: must be valid UTF-8"),
    # commands
    ([], "give a command, a job as JSON, - for stdin, --file PATH, or --each PATH TEMPLATE"),
    ([""], "command: must not be empty"),
    ([" \t\n "], "command: must not be empty"),
    (["--", ""], "command: must not be empty"),
    (["x" * 128 * 1024], "command: must be shorter than 128 KiB"),
    (["--file", "jobs.json", "true"], "give either a command or --file, not both"),
    # ids
    (["--id", "12", "true"], "id: '12' cannot be chosen: whole numbers are given by aqueue"),
    (["--id", "a/b", "true"], "id: 'a/b' is no id: "),
    (["--id", "../a", "true"], "id: '../a' is no id: "),
    (["--id", "", "true"], "id: '' is no id: "),
    (["--id", "a b", "true"], "id: 'a b' is no id: "),
    (["--id", "é", "true"], "id: 'é' is no id: "),
    (["--id", "a" * 129, "true"], "id: '?a.* is no id: "),
    (["--queue", "a/b", "true"], "queue: 'a/b' is no name of a queue: "),
    # numbers, durations and times
    (["--max-retries", "-1", "true"], "max_retries: must be from 0 to 1000000000, not -1"),
    (["--max-retries", "many", "true"], ".*'many' is not a whole number"),
    (["--priority", "9223372036854775808", "true"], "priority: .* does not fit into 64 bits"),
    (["--priority", "-9223372036854775809", "true"], "priority: .* does not fit into 64 bits"),
    (["--priority", "1" * 5000, "true"], ".* is not a whole number"),
    (["--priority", "1.5", "true"], ".*'1.5' is not a whole number"),
    (["--priority"], ".*requires an argument"),
    (["--timeout", "soon", "true"], "timeout: 'soon' is not a duration; write it like 90, 0.5s, 5m, 1h30m or 2d"),
    (["--timeout", "0", "true"], "timeout: must be above 0"),
    (["--timeout", "-5", "true"], "timeout: '-5' is not a duration"),
    (["--delay", "1000000d", "true"], "delay: '1000000d' is too long"),
    (["--at", "yesterday", "true"], "run_at: 'yesterday' is not a time; write it like 2030-01-31T18:00, 18:00 or "),
    (["--at", "25:00", "true"], "run_at: '25:00' is not a time"),
    (["--at", "+soon", "true"], "run_at: 'soon' is not a duration"),
    (["--at", "18:00", "--delay", "5", "true"], "a job has either a delay or a run_at, not both"),
    (["--backoff-base", "0", "true"], "backoff_base: must be above 0"),
    (["--backoff-base", "nan", "true"], "backoff_base: must be a finite number|.*'nan' is not a number"),
    (["--backoff-base", "two", "true"], ".*'two' is not a number"),
    (["--backoff-max", "0", "true"], "backoff_max: must be above 0"),
    (["--no-retry-on", "1,x", "true"], ".*'x' is not a whole number"),
    (["--defer-on", "256", "true"], "defer_on: an exit code of a failure is from 1 to 255, not 256"),
    (["--nice", "20", "true"], "nice: must be from -20 to 19, not 20"),
    (["--nice", "very", "true"], ".*'very' is not a whole number"),
    (["--memory", "1KiB", "true"], "memory: must be at least 1MiB, not '1KiB'"),
    (["--memory", "much", "true"], "memory: 'much' is not a size"),
    (["--tag", "", "true"], "tags: a tag has from 1 to 128 characters, not ''"),
    (["--cwd", "", "true"], "cwd: must not be empty"),
    (["--env", "=1", "true"], "env: '' is no name of a variable"),
    (["--env", "NOT_THERE_AT_ALL", "true"], "--env NOT_THERE_AT_ALL: there is no such variable here"),
    (["--hold", "--wait", "true"], "a held job does not end before `aqueue release`: do not wait for it"),
    # options
    (["--prority", "5", "true"], "no such option: --prority; put `--` before a command that has options of its own"),
    (["ls", "-l"], "no such option: -l; put `--` before a command that has options of its own"),
]


@pytest.mark.parametrize(("words", "reason"), WORDS, ids=lambda value: str(value)[:60])
def test_wrong_words_of_enqueue_exit_2(shell: Shell, words: list[str], reason: str) -> None:
    assert re.match(reason, shell.fails(2, "enqueue", *words))


DOCUMENTS = [
    (b"", "there is no job in it"),
    (b" \n\n", "there is no job in it"),
    (b"echo hi\n", "not valid JSON at column 1: "),
    (b"5", "it is no JSON object"),
    (b'{"command": "true"', "not valid JSON at column 19: "),
    (b'{\n"command":\n}', "not valid JSON at line 3, column 1: "),
    (b'{"command": "true", "foo": 1}', "unknown key 'foo'"),
    (b'{"command": " "}', "command: must not be empty"),
    (b'{"id": "7", "command": "true"}', "id: '7' cannot be chosen"),
    (b'[{"command": "true"}, {"command": 5}]', "item 2: command: must be a text, not 5"),
    (b'[{"command": "true"}, "true"]', "item 2 is no JSON object"),
    (b'[{"command": "true"}', "not valid JSON at column 21: "),
    (b'{"command": "true"}\n\n{"command": "true", "foo": 1}\n', "line 3: unknown key 'foo'"),
    (b'{"command": "true"}\n{"command": "true"\n', "line 2: not valid JSON at column 19: "),
    (b'{"command": "true"}\n["true"]\n', "line 2: it is no JSON object"),
    (b'{"id": "a", "command": "true"}\n{"id": "b", "command": "true"}\n{"id": "a", "command": "true"}\n', ".*"),
    (b'{"command": "\xff"}', "line 1: not valid UTF-8"),
    (b'{"command": "true"}\n\xff\xfe', "line 2: not valid UTF-8"),
    (b"\x7fELF\x02\x01\x01\x00\x00\x90\xc0", "line 1: not valid UTF-8"),
    (b"\x00\x00\x00", "not valid JSON at column 1: "),
]


@pytest.mark.parametrize(("content", "reason"), DOCUMENTS, ids=lambda value: str(value)[:60])
def test_a_bad_file_exits_1_and_is_named(shell: Shell, content: bytes, reason: str) -> None:
    (shell.folder / "jobs").write_bytes(content)
    assert re.match(f"jobs: {reason}", shell.fails(1, "enqueue", "--file", "jobs"))
    assert re.match(f"stdin: {reason}", shell.fails(1, "enqueue", "--file", "-", stdin=content))


LINES = [
    (b"true\n\nbad\x00\n", "line 3: command: must not hold a NUL character"),
    (b'true\n{"command": 5}\n', "line 2: command: must be a text, not 5"),
    (b'true\n{"command": "true"\n', "line 2: not valid JSON at column 19: "),
    (b'{"id": "a", "command": "true"}\ntrue\n{"id": "a", "command": "true"}\n', "line 3: the id a is there twice"),
    (b"true\n\xff\n", "line 2: not valid UTF-8"),
    (b"true\n" + b"x" * 128 * 1024, "line 2: command: must be shorter than 128 KiB"),
    (b'true\r\n{"command": "true", "priority": 9223372036854775808}\r\n', "line 2: priority: "),
]


@pytest.mark.parametrize(("content", "reason"), LINES, ids=lambda value: str(value)[:60])
def test_a_bad_line_among_many_exits_1_and_is_named_and_none_is_enqueued(
    shell: Shell, content: bytes, reason: str
) -> None:
    shell.ok("enqueue", "true")
    assert re.match(reason, shell.fails(1, "enqueue", "-", stdin=content))


def test_flags_are_wrong_words_also_when_the_job_is_in_a_file(shell: Shell) -> None:
    (shell.folder / "job.json").write_text('{"command": "true"}')
    assert shell.fails(2, "enqueue", "--file", "job.json", "--max-retries", "-1").startswith("max_retries: ")


def test_an_id_that_is_taken_is_refused_with_the_line_that_wants_it(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "a", "true")
    assert shell.fails(1, "enqueue", "--id", "a", "true") == "a job with the id a exists already"
    lines = b'true\n{"id": "a", "command": "true"}\n'
    assert shell.fails(1, "enqueue", "-", stdin=lines) == "line 2: a job with the id a exists already"
    (shell.folder / "jobs").write_bytes(b'[{"command": "true"}, {"id": "a", "command": "true"}]')
    assert shell.fails(1, "enqueue", "--file", "jobs") == "jobs: item 2: a job with the id a exists already"


@pytest.mark.parametrize("option", [["--id", "a"], ["--follow"]], ids=str)
def test_what_is_for_one_job_is_refused_for_several(shell: Shell, option: list[str]) -> None:
    reason = f"{option[0]} is for one job, and there are 2"
    assert shell.fails(2, "enqueue", *option, "-", stdin=b"true\nfalse\n") == reason


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing", "cannot read missing: No such file or directory"),
        (".", "cannot read .: Is a directory"),
        ("/proc/self/mem", "cannot read /proc/self/mem: Input/output error"),
        ("a\0b", "cannot read .*null.*"),
    ],
)
def test_a_file_that_cannot_be_read_exits_1(shell: Shell, path: str, reason: str) -> None:
    assert re.fullmatch(reason, shell.fails(1, "enqueue", "--file", path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_exits_1(shell: Shell) -> None:
    (shell.folder / "secret").touch(mode=0)
    assert shell.fails(1, "enqueue", "--file", "secret") == "cannot read secret: Permission denied"


NO_JOBS = "give ids, or --all, or what the jobs have in common, such as --tag TAG"
IDS_AND_MORE = "give either ids or a selection, not both"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["dance"], "No such command 'dance'.*"),
        (["worker", "dance"], "No such command 'dance'.*"),
        (["dlq", "dance"], "No such command 'dance'.*"),
        (["--dance", "list"], "No such option.*--dance.*"),
        (["list", "--dance"], "No such option.*--dance.*"),
        (["list", "extra"], "Got unexpected extra argument.*"),
        (["list", "--state", "sleeping"], ".*unknown state 'sleeping'; known are scheduled, blocked, pending, .*"),
        (["list", "--queue", "a/b"], ".*'a/b' is no name of a queue.*"),
        (["list", "--limit", "-1"], ".*'-1' is not between 0 and 1000000000"),
        (["list", "--limit", "9" * 30], ".* is not between 0 and 1000000000"),
        (["list", "--limit", "all"], ".*'all' is not a whole number"),
        (["config", "get", "colour"], "unknown setting 'colour'; known are max_retries, .*"),
        (["config", "colour", "red"], "unknown setting 'colour'; known are max_retries, .*"),
        (["config", "colour"], "unknown setting 'colour'; known are max_retries, .*"),
        (["config", "unset", "colour"], "unknown setting 'colour'; known are max_retries, .*"),
        (["config", "set", "max_retries", "many"], "max_retries: 'many' is not a whole number"),
        (["config", "set", "max_retries", "-1"], "max_retries: '-1' is not between 0 and 1000000000"),
        (["config", "max_retries", "-1"], "max_retries: '-1' is not between 0 and 1000000000"),
        (["config", "set", "backoff_base", "0"], "backoff_base: '0' is not above 0 and at most a million"),
        (["config", "set", "backoff_base", "inf"], "backoff_base: 'inf' is not .*"),
        (["config", "set", "backoff_jitter", "2"], "backoff_jitter: '2' is not between 0 and 1"),
        (["config", "set", "timeout", "soon"], "timeout: 'soon' is not a duration; .*"),
        (["config", "set", "output_limit", "much"], "output_limit: 'much' is not a size; .*"),
        (["config", "set", "on_dead", " "], "on_dead: a command must not be empty; none takes it off"),
        (["config", "set", "timeout"], "Missing argument 'VALUE...'"),
        (["wait"], NO_JOBS),
        (["wait", "1", "--all"], IDS_AND_MORE),
        (["wait", "1", "--timeout", "soon"], ".*'soon' is not a duration.*"),
        (["dlq", "retry"], NO_JOBS),
        (["dlq", "remove", "1", "--all"], IDS_AND_MORE),
        (["dlq", "retry", "--state", "dead"], "No such option.*--state.*"),
        (["wait", "1", "--tag", "x"], IDS_AND_MORE),
        (["show"], "Missing argument 'ID'"),
        (["cancel"], NO_JOBS),
        (["retry", "--dry-run", "--yes"], NO_JOBS),
        (["remove", "1", "--state", "dead"], IDS_AND_MORE),
        (["hold", "--state", "sleeping"], ".*unknown state 'sleeping'; known are scheduled, blocked, .*"),
        (["release", "-q", "a/b"], ".*'a/b' is no name of a queue.*"),
        (["cancel", "--tag", ""], ".*'--tag': must not be empty"),
        (["remove", "--search", ""], ".*'--search': must not be empty"),
        (["edit", "--priority", "1"], NO_JOBS),
        (["edit", "1", "--all", "--priority", "1"], IDS_AND_MORE),
        (["edit", "--all"], "say what to change; --help lists the options"),
        (["edit", "1"], "say what to change; --help lists the options"),
        (["edit", "1", "--priority", "high"], ".*'high' is not a whole number"),
        (["edit", "1", "--timeout", "soon"], "timeout: 'soon' is not a duration.*"),
        (["edit", "1", "--command", ""], "command: must not be empty"),
        (["edit", "1", "--tag", ""], "tags: .*"),
        (["enqueue", "--file", ""], "--file needs the path of a file, or - for stdin"),
        (["logs", "1", "--run", "first"], ".*'first' is not a whole number"),
        (["logs", "1", "--tail", "-1"], ".*'-1' is not between 0 and 1000000000"),
        (["--db", "", "list"], "the path of the database must not be empty or hold a NUL"),
        (
            ["--db", "mysql://host/queue", "list"],
            "mysql://…: a queue is kept in a SQLite file, or in postgresql://.*",
        ),
    ],
    ids=" ".join,
)
def test_wrong_words_of_a_command_exit_2(shell: Shell, words: list[str], reason: str) -> None:
    shell.ok("enqueue", "true")
    assert re.fullmatch(reason, shell.fails(2, *words))


UNKNOWN = ["show", "why", "logs", "events", "wait", "cancel", "retry", "hold", "release", "remove"]


@pytest.mark.parametrize(
    "words", [*([word] for word in UNKNOWN), ["dlq", "retry"], ["dlq", "remove"], ["edit", "--priority", "1"]], ids=str
)
def test_an_unknown_job_exits_3(shell: Shell, words: list[str]) -> None:
    shell.ok("enqueue", "true")
    assert shell.fails(3, *words, "nobody") == "no such job: nobody"


@pytest.mark.parametrize("job_id", ["8", "99999999999999999999", "a/b", "é"])
def test_whatever_no_job_is_called_is_an_unknown_job(shell: Shell, job_id: str) -> None:
    assert shell.fails(3, "show", job_id) == f"no such job: {job_id}"


def test_without_any_command_the_help_is_shown_on_stderr_and_it_exits_2(shell: Shell) -> None:
    for words in ([], ["dlq"]):
        result = shell.run(*words)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("Usage: aqueue")
        assert "\nCommands:\n" in result.err


def _a_folder(path: Path) -> None:
    path.mkdir()


def _no_database(path: Path) -> None:
    path.write_text("these are my notes, and they are longer than the header of a database: " + "x" * 100)
    path.chmod(0o600)


def _below_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.touch()


def _of_a_newer_version(path: Path) -> None:
    _database(path, "CREATE TABLE aqueue_schema (version INTEGER); INSERT INTO aqueue_schema VALUES (999)")


def _with_a_foreign_table(path: Path) -> None:
    _database(path, "CREATE TABLE jobs (title TEXT)")


def _writable_by_all(path: Path) -> None:
    path.touch()
    path.chmod(0o666)


def _database(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_a_folder, "{path} is a folder; name a file in it"),
        (_no_database, "{path} is not a SQLite database"),
        (_below_a_file, "cannot make {path}: Not a directory"),
        (
            _of_a_newer_version,
            r"{path} was written by a newer aqueue \(schema 999, this one knows \d+\); update aqueue",
        ),
        (_with_a_foreign_table, "{path} has a table jobs that aqueue did not make; use another file"),
        (_writable_by_all, "others can write to {path}, and so run commands as you; `chmod go-w` it, .*"),
    ],
)
@pytest.mark.parametrize("words", [["enqueue", "true"], ["list"], ["worker", "--burst"], ["check"]], ids=str)
def test_a_place_that_cannot_hold_the_queue_exits_1_and_is_left_alone(
    tmp_path: Path, shell: Shell, make: object, reason: str, words: list[str]
) -> None:
    assert callable(make)
    path = tmp_path / "place" / "queue"
    path.parent.mkdir()
    make(path)
    before = path.read_bytes() if path.is_file() else None
    said = shell.fails(1, "--db", str(path), *words)
    assert re.fullmatch(reason.format(path=re.escape(str(path))), said)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_folder_that_takes_no_file_exits_1(shell: Shell) -> None:
    assert shell.fails(1, "--db", "/proc/queue.db", "list").startswith("cannot make /proc/queue.db: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_or_a_folder_that_may_not_be_written_exits_1(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    shell.database.chmod(0o400)
    shell.folder.chmod(0o500)
    try:
        refused = [shell.run("enqueue", "true"), shell.run("--db", "other.db", "list")]
    finally:
        shell.folder.chmod(0o700)
    assert [(result.code, result.out) for result in refused] == [(1, ""), (1, "")]
    assert re.fullmatch(f"Error: {shell.database} cannot be written: it is read-only\n", refused[0].err)
    assert re.fullmatch("Error: cannot make .*/other.db: Permission denied\n", refused[1].err)


def test_a_setting_that_makes_no_sense_in_the_environment_exits_1(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUEUE_TIMEOUT", "soon")
    assert re.fullmatch("timeout: 'soon' is not .* \\(AQUEUE_TIMEOUT in .*\\)", shell.fails(1, "enqueue", "true"))
