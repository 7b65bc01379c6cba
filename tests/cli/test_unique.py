"""`--unique`: one job with a key at a time."""

import pytest

from .harness import Shell


def test_while_one_is_unfinished_its_id_is_printed_and_none_is_added(shell: Shell) -> None:
    assert shell.ok("enqueue", "--id", "a", "--unique", "nightly", "true") == "a\n"
    result = shell.run("enqueue", "--unique", "nightly", "echo other")
    assert (result.code, result.out) == (0, "a\n")
    assert result.err == "Job a, which is not finished, has the unique key 'nightly': none is added.\n"
    assert shell.json("enqueue", "--unique", "nightly", "x")["command"] == "true"
    assert [job["unique"] for job in shell.json("list")] == ["nightly"]
    shell.work()
    result = shell.run("enqueue", "--unique", "nightly", "true")
    assert (result.out, result.err) == ("2\n", "")


def test_in_a_file_each_line_has_its_id_and_the_others_are_counted(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "a", "--unique", "k", "true")
    lines = b'{"command": "x", "unique": "k"}\ntrue\n{"command": "y", "unique": "l"}\n{"command": "z", "unique": "l"}\n'
    result = shell.run("enqueue", "-", stdin=lines)
    assert (result.code, result.out) == (0, "a\n2\n3\n3\n")
    assert result.err == "2 of 4 jobs are not added: unfinished ones have their unique keys.\n"
    assert [job["command"] for job in shell.json("list")] == ["y", "true", "true"]


def test_a_key_can_command_no_terminal(shell: Shell) -> None:
    shell.ok("enqueue", "--unique", "k\x1b[31m", "true")
    for result in (shell.run("enqueue", "--unique", "k\x1b[31m", "true"), shell.run("show", "1")):
        assert result.code == 0
        assert "\x1b" not in result.out + result.err
        assert "k\\x1b[31m" in result.out + result.err


def test_a_retry_and_an_edit_that_would_make_two_are_refused_by_the_name_of_the_holder(shell: Shell) -> None:
    shell.ok("enqueue", "--unique", "k", "true")
    shell.work()
    shell.ok("enqueue", "--unique", "k", "true")
    shell.ok("enqueue", "true")
    assert shell.fails(1, "retry", "1") == "job 2, which is not finished, has the unique key 'k' of job 1"
    assert shell.fails(1, "edit", "3", "--unique", "k") == (
        "job 2, which is not finished, has the unique key 'k' of job 3"
    )
    shell.ok("edit", "2", "--unique", "none")
    shell.ok("edit", "3", "--unique", "other")
    assert [shell.job(one)["unique"] for one in "123"] == ["k", None, "other"]
    shell.ok("retry", "1")


@pytest.mark.parametrize("words", [["--unique", ""], ['{"command": "true", "unique": 5}']], ids=str)
def test_a_key_is_a_text_that_is_not_empty(shell: Shell, words: list[str]) -> None:
    assert shell.fails(2, "enqueue", *words, *([] if words[0].startswith("{") else ["true"])).startswith(
        "unique: must "
    )
