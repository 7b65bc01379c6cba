"""`aqueue config`: every form of reading and changing the settings, and who has the last word."""

import re
import sqlite3

import pytest

from aqueue.model.settings import KEYS

from .harness import PATIENCE, Shell


@pytest.mark.parametrize(
    "words",
    [["max_retries", "5"], ["set", "max-retries", "5"], ["set", "max_retries", "5"], ["MAX-RETRIES", "5"]],
    ids=" ".join,
)
def test_a_key_is_set_in_every_form(shell: Shell, words: list[str]) -> None:
    result = shell.run("config", *words)
    assert (result.code, result.out, result.err) == (0, "", "max_retries is 5 now\n")
    for form in (["get", "max_retries"], ["get", "max-retries"], ["max_retries"]):
        assert shell.ok("config", *form) == "5\n"


@pytest.mark.parametrize("words", [["list"], ["show"], []], ids=str)
def test_the_list_has_every_key_with_its_value_and_origin(shell: Shell, words: list[str]) -> None:
    shell.ok("config", "timeout", "90")
    rows = [line.split(maxsplit=3) for line in shell.ok("config", *words).splitlines()]
    assert rows[0] == ["KEY", "VALUE", "FROM", "MEANING"]
    assert [row[0] for row in rows[1:]] == list(KEYS)
    values = {row[0]: row[1:3] for row in rows}
    assert values["timeout"] == ["1m30s", "stored"]
    assert values["backoff_max"] == ["1h", "default"]


def test_the_document_has_numbers(shell: Shell) -> None:
    shell.ok("config", "backoff_base", "0.5")
    document = shell.json("config", "list")
    assert list(document) == list(KEYS)
    assert [document[key] for key in ("backoff_base", "backoff_max", "timeout", "output_limit")] == [
        0.5,
        3600,
        None,
        1024**2,
    ]


def test_every_value_that_is_shown_can_be_set(shell: Shell) -> None:
    for key in KEYS:
        shell.ok("config", "set", key, shell.ok("config", "get", key).rstrip("\n"))


def test_unset_brings_the_default_back(shell: Shell) -> None:
    shell.ok("config", "max_retries", "5")
    assert shell.run("config", "unset", "max-retries").err == "max_retries is not stored any more; the default is 3\n"
    assert shell.ok("config", "get", "max_retries") == "3\n"
    assert shell.run("config", "unset", "max_retries").err == "max_retries was not stored; the default is 3\n"


def test_the_environment_is_stronger_than_what_is_stored_and_a_flag_than_both(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.ok("config", "max_retries", "5")
    monkeypatch.setenv("AQUEUE_MAX_RETRIES", "7")
    assert shell.ok("config", "get", "max_retries") == "7\n"
    assert "max_retries     7        environment" in shell.ok("config", "list")
    assert "AQUEUE_MAX_RETRIES in the environment is stronger" in shell.run("config", "max_retries", "6").err
    shell.ok("enqueue", "true")
    shell.ok("enqueue", "--max-retries", "9", "true")
    monkeypatch.delenv("AQUEUE_MAX_RETRIES")
    shell.ok("enqueue", "true")
    assert [shell.job(job_id)["max_retries"] for job_id in "123"] == [7, 9, 6]


def test_a_value_may_be_several_words_and_begin_with_a_dash(shell: Shell) -> None:
    shell.ok("config", "set", "on_dead", "mail", "-s", "dead", "me")
    assert shell.ok("config", "get", "on_dead") == "mail -s dead me\n"
    shell.ok("config", "on_dead", "-x y")
    assert shell.ok("config", "on_dead") == "-x y\n"
    shell.ok("config", "on_dead", "none")
    assert shell.ok("config", "on_dead") == "none\n"


def test_a_change_reaches_a_running_worker_at_once(shell: Shell) -> None:
    shell.ok("config", "backoff_base", "10000")
    with shell.running("worker", "--concurrency", "1") as worker:
        shell.ok("enqueue", "--id", "slow", "--max-retries", "1", "false")
        worker.says("slow failed")
        shell.ok("config", "backoff_base", "0.01")
        shell.ok("enqueue", "--id", "quick", "--max-retries", "1", "exit 3")
        assert shell.run("wait", "quick", "--timeout", str(PATIENCE)).code == 3
        assert shell.job("slow")["state"] == "failed"


def test_a_stored_value_that_makes_no_sense_is_named_and_can_be_repaired(shell: Shell) -> None:
    shell.ok("config", "timeout", "5m")
    connection = sqlite3.connect(shell.database)
    connection.execute("UPDATE aqueue_settings SET value = 'soon'")
    connection.commit()
    connection.close()
    for words in (["config", "list"], ["config", "timeout"], ["enqueue", "true"]):
        assert re.fullmatch(r"timeout: 'soon' is not a duration; .* \(stored\)", shell.fails(1, *words))
    shell.ok("config", "unset", "timeout")
    assert shell.ok("config", "timeout") == "none\n"


def test_one_setting_in_json_is_as_in_the_list(shell: Shell) -> None:
    shell.ok("config", "set", "backoff-max", "5m")
    for key in ("backoff_max", "timeout", "keep-dead"):
        name = key.replace("-", "_")
        assert shell.json("config", "get", key) == {name: shell.json("config", "list")[name]}
