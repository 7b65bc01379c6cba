"""Every form in which jobs can be given, and what becomes of them."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from .harness import Shell


def test_the_id_goes_to_stdout_alone(shell: Shell) -> None:
    result = shell.run("enqueue", "echo hi")
    assert (result.code, result.out, result.err) == (0, "1\n", "")


FORMS = [
    (["echo hi"], "echo hi"),
    (["echo 'a b' | wc -c > /dev/null && true"], "echo 'a b' | wc -c > /dev/null && true"),
    (["echo", "hi"], "echo hi"),
    (["echo", "a b", "$HOME", "it's"], """echo 'a b' '$HOME' 'it'"'"'s'"""),
    (["--", "ls", "-l", "--all"], "ls -l --all"),
    (["--", "ls -l"], "ls -l"),
    (["--", "sh", "-c", "echo $0"], "sh -c 'echo $0'"),
    (["--", "ls", "--", "-l"], "ls -- -l"),
    (["ls", "--", "-l"], "ls -l"),
    (["{ echo a; echo b; }"], "{ echo a; echo b; }"),
    (["{echo,a}"], "{echo,a}"),
    (["[ -f a ]"], "[ -f a ]"),
    (["grüezi 🦀"], "grüezi 🦀"),
    (['{"command":"echo hi"}'], "echo hi"),
    ([' {\n "command": "echo hi"\n} '], "echo hi"),
    (['{"command":"echo {\\"a\\": 1}"}'], 'echo {"a": 1}'),
    # as PowerShell users write it
    (['{\\"command\\":\\"echo hi\\"}'], "echo hi"),
    (['{\\"command\\":\\"echo \\\\\\"a b\\\\\\"\\"}'], 'echo "a b"'),
    (['{ \\"command\\" : \\"echo hi\\" }'], "echo hi"),
]


@pytest.mark.parametrize(("words", "command"), FORMS, ids=str)
def test_words_are_a_command_line_a_json_object_or_one_command_of_several_words(
    shell: Shell, words: list[str], command: str
) -> None:
    job_id = shell.ok("enqueue", *words).strip()
    assert shell.job(job_id)["command"] == command


def test_json_gives_every_key(shell: Shell) -> None:
    keys = {
        "id": "job1",
        "command": "echo hi",
        "queue": "mail",
        "priority": -5,
        "max_retries": 5,
        "timeout": "1m30s",
        "run_at": "2100-01-31T18:00:00+01:00",
        "tags": ["a", "b"],
        "env": {"GREETING": "hi"},
        "cwd": "/usr",
        "backoff_base": 0.5,
        "backoff_max": 60,
        "no_retry_on": [3, 2],
        "defer_on": [75],
        "nice": 10,
        "memory": "512MiB",
    }
    assert shell.ok("enqueue", json.dumps(keys)) == "job1\n"
    job = shell.job("job1")
    shown: dict[str, Any] = {
        **keys,
        "timeout": 90,
        "run_at": "2100-01-31T17:00:00.000Z",
        "env": ["GREETING"],
        "no_retry_on": [2, 3],
        "memory": 512 * 1024**2,
        "state": "scheduled",
    }
    assert {key: job[key] for key in shown} == shown


def test_a_null_is_not_given_and_a_timeout_of_null_is_none_at_all(shell: Shell) -> None:
    shell.ok("config", "timeout", "5m")
    shell.ok("enqueue", '{"id": "a", "command": "true", "priority": null, "max_retries": null}')
    shell.ok("enqueue", '{"id": "b", "command": "true", "timeout": null}')
    assert [shell.job("a")[key] for key in ("priority", "max_retries", "timeout")] == [0, 3, 300]
    assert shell.job("b")["timeout"] is None


def test_flags_beat_json(shell: Shell) -> None:
    document = '{"id": "a", "command": "true", "priority": 1, "timeout": 1, "delay": 9, "tags": ["x"], "hold": false}'
    flags = ["--id", "b", "-p", "5", "--timeout", "none", "--at", "2100-01-01T00:00Z", "--tag", "y", "-q", "mail"]
    assert shell.ok("enqueue", *flags, document) == "b\n"
    job = shell.job("b")
    assert [job[key] for key in ("priority", "timeout", "run_at", "tags", "queue")] == [
        5,
        None,
        "2100-01-01T00:00:00.000Z",
        ["y"],
        "mail",
    ]
    shell.ok("enqueue", "--id", "c", "--hold", document)
    assert shell.job("c")["held"] is True


def test_options_may_follow_the_command_but_not_after_two_dashes(shell: Shell) -> None:
    shell.ok("enqueue", "echo hi", "--priority", "5", "--id", "a")
    shell.ok("enqueue", "--id", "b", "--", "echo", "--priority", "5")
    assert [(shell.job(name)["command"], shell.job(name)["priority"]) for name in "ab"] == [
        ("echo hi", 5),
        ("echo --priority 5", 0),
    ]


def test_flags_of_numbers_reach_to_the_ends_of_64_bits(shell: Shell) -> None:
    for number in (-(2**63), 2**63 - 1):
        job_id = shell.ok("enqueue", "--priority", str(number), "true").strip()
        assert shell.job(job_id)["priority"] == number


FILES = [
    ('{"command": "echo 1"}', 1),
    ('{\n  "command": "echo 1"\n}\n', 1),
    ('[{"command": "echo 1"}, {"command": "echo 2"}]', 2),
    ('[\n  {"command": "echo 1"},\n  {"command": "echo 2"}\n]\n', 2),
    ("[]", 0),
    ('{"command": "echo 1"}\n{"command": "echo 2"}\n', 2),
    ('{"command": "echo 1"}\r\n\r\n{"command": "echo 2"}\r\n', 2),
    ('\n\n{"command": "echo 1"}\n\n  \n{"command": "echo 2"}', 2),
    ('\ufeff{"command": "echo 1"}', 1),
]


@pytest.mark.parametrize(("content", "count"), FILES, ids=lambda value: repr(value)[:50])
def test_a_file_is_an_object_an_array_or_json_lines(shell: Shell, content: str, count: int) -> None:
    (shell.folder / "jobs").write_text(content)
    ids = "".join(f"{number}\n" for number in range(1, count + 1))
    assert shell.ok("enqueue", "--file", "jobs") == ids
    assert [job["command"] for job in reversed(shell.json("list"))] == [f"echo {n}" for n in range(1, count + 1)]
    assert len(shell.ok("enqueue", "--file", "-", stdin=content.encode()).split()) == count


def test_a_job_of_a_file_takes_flags(shell: Shell) -> None:
    (shell.folder / "job.json").write_text('{"id": "job1", "command": "true"}')
    assert shell.ok("enqueue", "--file", "job.json", "--priority", "5", "--timeout", "3") == "job1\n"
    assert (shell.job("job1")["priority"], shell.job("job1")["timeout"]) == (5, 3)


def test_each_line_of_stdin_is_a_command_or_an_object_and_ids_come_in_that_order(shell: Shell) -> None:
    lines = '\ufeffecho one\r\n\r\n   \n{"id": "two", "command": "echo two"}\r\n  echo three  \necho {"four"}'
    assert shell.ok("enqueue", "-", "--tag", "all", stdin=lines.encode()) == "1\ntwo\n3\n4\n"
    jobs = list(reversed(shell.json("list", "--tag", "all")))
    assert [job["command"].strip() for job in jobs] == ["echo one", "echo two", "echo three", 'echo {"four"}']


def test_no_line_is_no_job_and_no_error(shell: Shell) -> None:
    assert shell.ok("enqueue", "-", stdin=b"\n \n") == ""


def test_json_output_is_the_job_or_the_array_of_a_file(shell: Shell) -> None:
    assert shell.json("enqueue", "--id", "a", "true")["id"] == "a"
    (shell.folder / "jobs").write_text('[{"command": "true"}]')
    assert [job["id"] for job in shell.json("enqueue", "--file", "jobs")] == ["2"]


def test_the_longest_command_is_128_kib_less_one_byte(shell: Shell) -> None:
    command = "true " + "é" * ((128 * 1024 - 6) // 2)
    assert len(command.encode()) == 128 * 1024 - 1
    job_id = shell.ok("enqueue", "-", stdin=command.encode()).strip()
    assert shell.job(job_id)["command"] == command
    shell.work()
    assert shell.job(job_id)["state"] == "completed"


def test_the_folder_is_that_of_the_call_or_one_relative_to_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    here = shell.folder
    (here / "sub").mkdir()
    assert shell.ok("enqueue", "true") == "1\n"
    assert shell.ok("enqueue", "--cwd", "sub", "true") == "2\n"
    assert shell.ok("enqueue", '{"command": "true", "cwd": "sub"}') == "3\n"
    assert shell.ok("enqueue", "--cwd", "/usr", '{"command": "true", "cwd": "sub"}') == "4\n"
    assert shell.ok("enqueue", "-", stdin=b"true") == "5\n"
    assert shell.ok("enqueue", '{"command": "true", "cwd": null}') == "6\n"
    folders = [shell.job(str(number))["cwd"] for number in range(1, 7)]
    assert folders == [str(here), str(here / "sub"), str(here / "sub"), "/usr", str(here), str(here)]


def test_the_folder_has_the_name_that_the_shell_has_for_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    (shell.folder / "real").mkdir()
    link = shell.folder / "link"
    link.symlink_to("real")
    monkeypatch.chdir(link)
    monkeypatch.setenv("PWD", str(link))
    shell.ok("enqueue", "true")
    assert shell.job("1")["cwd"] == str(link)
    monkeypatch.setenv("PWD", "/usr")
    shell.ok("enqueue", "true")
    assert shell.job("2")["cwd"] == str(shell.folder / "real")


def test_from_a_folder_that_is_gone_a_folder_must_be_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = shell.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert shell.fails(2, "enqueue", "true").endswith("give --cwd")
    assert shell.ok("enqueue", "--cwd", "/", "true") == "1\n"


def test_variables_are_given_by_name_and_value_or_by_name_as_they_are_here(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", "of here")
    words = ["--env", "A=1", "--env", "B=x=y z", "--env", "EMPTY=", "--env", "HERE"]
    shell.ok("enqueue", *words, 'printf "%s|%s|%s|%s" "$A" "$B" "$EMPTY" "$HERE" > seen')
    monkeypatch.delenv("HERE")
    assert shell.job("1")["env"] == ["A", "B", "EMPTY", "HERE"]
    shell.work()
    assert (shell.folder / "seen").read_text() == "1|x=y z||of here"


def test_the_values_of_variables_are_shown_nowhere_but_by_shell(shell: Shell) -> None:
    shell.ok("enqueue", "--env", "PASSWORD=sesame", "true")
    for words in (["list", "--verbose"], ["list", "--json"], ["show", "1"], ["show", "1", "--json"], ["events"]):
        assert "sesame" not in shell.ok(*words)
    assert "PASSWORD=sesame" in shell.ok("show", "1", "--shell")


@pytest.mark.parametrize("when", [["--delay", "60"], ["--at", "+1h"]], ids=str)
def test_a_held_job_is_said_to_have_no_time(shell: Shell, when: list[str]) -> None:
    shell.ok("enqueue", "true")
    result = shell.process("enqueue", "--hold", *when, "true")
    assert (result.code, result.out) == (0, "2\n")
    assert result.err == "a held job has no time: it runs when it is released\n"
    assert [shell.job("2")[key] for key in ("held", "run_at")] == [True, None]


def test_a_time_in_the_past_is_said_to_be_now(shell: Shell) -> None:
    result = shell.run("enqueue", "--at", "2001-01-01", "true")
    assert (result.code, result.out) == (0, "1\n")
    assert result.err == "--at 2001-01-01 is in the past: it runs now\n"
    assert shell.job("1")["state"] == "pending"


@pytest.mark.parametrize("options", [["--delay", "0"], ["--at", "+0"], ["--hold", "--at", "+1d"]], ids=str)
def test_a_time_that_is_now_or_later_is_not_said_to_be_past(shell: Shell, options: list[str]) -> None:
    assert "past" not in shell.run("enqueue", *options, "true").err
    assert shell.json("status")["total"] == 1


@pytest.mark.parametrize("options", [["--delay", "1h"], ["--at", "+1h"]], ids=str)
def test_a_delayed_job_is_scheduled_for_later(shell: Shell, options: list[str]) -> None:
    shell.ok("enqueue", *options, "true")
    job = shell.job("1")
    created, run_at = (datetime.datetime.fromisoformat(job[key]) for key in ("created_at", "run_at"))
    assert job["state"] == "scheduled"
    assert abs((run_at - created).total_seconds() - 3600) < 5


def test_a_held_job_waits_for_its_release(shell: Shell) -> None:
    shell.ok("enqueue", "--hold", "true")
    job = shell.job("1")
    assert (job["state"], job["held"], job["run_at"]) == ("scheduled", True, None)
    assert "it is held; `aqueue release 1` lets it run" in shell.ok("why", "1")


def test_numbers_are_never_given_twice(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    shell.ok("enqueue", "--id", "named", "true")
    shell.ok("enqueue", "true")
    shell.ok("remove", "3")
    assert shell.ok("enqueue", "true") == "4\n"


@pytest.mark.parametrize("option", ["--wait", "--follow"])
def test_waiting_for_its_end_gives_its_code_and_following_gives_its_output(shell: Shell, option: str) -> None:
    with shell.running("worker", "--concurrency", "1"):
        assert shell.run("enqueue", option, "true").code == 0
        result = shell.run("enqueue", option, "--max-retries", "0", "echo out; echo oops >&2; exit 7")
        assert result.code == 7
        assert result.out == ("2\n" if option == "--wait" else "out\n")
        assert "oops" in result.err


def test_the_data_folder_of_the_user_is_where_the_queue_is_kept(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AQUEUE_DB")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    shell.ok("enqueue", "true")
    database = tmp_path / "home" / ".local" / "share" / "aqueue" / "queue.db"
    assert (database.stat().st_mode & 0o777, database.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shell.ok("enqueue", "true")
    assert (tmp_path / "data" / "aqueue" / "queue.db").exists()
    shell.ok("--db", "other.db", "enqueue", "true")
    assert (tmp_path / "other.db").exists()
