"""`aqueue check` and `aqueue backup`."""

import json
import sqlite3

from .harness import Shell


def test_a_sound_queue_is_said_to_be_so_line_by_line(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    lines = [line.split(maxsplit=2) for line in shell.ok("check").splitlines()]
    assert {verdict for verdict, _, _ in lines} <= {"ok", "warning"}
    findings = shell.json("check")
    assert [[one["verdict"], one["what"]] for one in findings] == [line[:2] for line in lines]
    assert {"place", "integrity", "counts", "settings"} <= {one["what"] for one in findings}


def test_what_is_bad_is_told_and_exits_1(shell: Shell) -> None:
    shell.ok("enqueue", "true")
    connection = sqlite3.connect(shell.database)
    connection.execute("UPDATE aqueue_counts SET n = 7")
    connection.execute("INSERT INTO aqueue_settings (key, value) VALUES ('timeout', 'soon')")
    connection.commit()
    connection.close()
    result = shell.run("check", "--json")
    assert result.code == 1
    bad = {one["what"]: one["seen"] for one in json.loads(result.out) if one["verdict"] == "bad"}
    assert bad.keys() == {"counts", "settings"}
    assert "7 counted, 1 found" in bad["counts"]
    assert "timeout: 'soon' is not a duration" in bad["settings"]


def test_a_backup_is_a_queue_and_is_never_written_over_something(shell: Shell) -> None:
    shell.ok("enqueue", "--id", "a", "true")
    result = shell.run("backup", "copy.db")
    assert (result.code, result.out, result.err) == (0, "", "Copied the queue to copy.db\n")
    assert json.loads(shell.ok("--db", "copy.db", "list", "--json"))[0]["id"] == "a"
    assert shell.fails(1, "backup", "copy.db").endswith("copy.db exists already")
    assert "cannot write" in shell.fails(1, "backup", "no/such/folder/copy.db")
