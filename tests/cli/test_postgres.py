"""The same commands on PostgreSQL: `AQUEUE_DB` is all that changes."""

import json
import signal
import urllib.request
from pathlib import Path

import pytest
from server import server

from aqueue.cli import candidates
from aqueue.engine import loop
from aqueue.engine.node import Node, Options
from aqueue.store import open_store

from .harness import PATIENCE, Shell
from .pty import on_terminal


@pytest.fixture
def url() -> str:
    return server().url(schema=server().schema(), lease="4")


@pytest.fixture
def there(shell: Shell, url: str, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("AQUEUE_DB", url)
    monkeypatch.setenv("HOME", str(shell.folder))
    return shell


def work(url: str) -> None:
    """Work the queue off."""

    async def work() -> None:
        store = await open_store(url, worker=True)
        try:
            await Node(store, Options(concurrency=4, burst=True), lambda _: None).run()
        finally:
            await store.close()

    loop.run(work())


def test_jobs_are_enqueued_run_shown_retried_and_removed(there: Shell, url: str) -> None:
    assert there.ok("enqueue", "echo out; echo err >&2", "--tag", "t").strip() == "1"
    assert there.ok("enqueue", '{"id": "bad", "command": "exit 3", "max_retries": 0}').strip() == "bad"
    assert there.ok("enqueue", "true", "--after", "bad").strip() == "3"
    assert there.ok("enqueue", "-", stdin=b"true\ntrue\n").split() == ["4", "5"]
    assert "waits for" in there.ok("why", "3")
    work(url)
    assert [job["state"] for job in there.json("list")] == ["completed", "completed", "cancelled", "dead", "completed"]
    assert there.run("logs", "1").out == "out\n"
    assert there.run("logs", "1").err == "err\n"
    assert there.json("show", "bad")["runs"][0]["exit_code"] == 3
    assert there.run("wait", "bad").code == 3
    there.ok("dlq", "retry", "--all")
    assert there.json("status")["counts"]["blocked"] == 1
    there.ok("edit", "bad", "--command", "true")
    work(url)
    assert {job["state"] for job in there.json("list")} == {"completed"}
    assert there.ok("events", "bad").count("\n") >= 6
    there.ok("remove", "--all", "--tag", "t", "--yes")
    there.ok("prune", "--older-than", "0s")
    assert there.json("list") == []
    assert {one["verdict"] for one in json.loads(there.ok("check", "--json"))} == {"ok"}
    assert there.run("show", "1").code == 3
    assert not there.database.exists()


def test_queues_schedules_and_settings_are_those_of_the_server(there: Shell) -> None:
    there.ok("queue", "limit", "mail", "2")
    there.ok("queue", "rate", "mail", "3/s")
    there.ok("queue", "pause", "slow")
    assert {one["name"]: one["limit"] for one in there.json("queue", "list")} == {"mail": 2, "slow": None}
    there.ok("config", "set", "max-retries", "7")
    assert there.ok("config", "get", "max_retries").strip() == "7"
    there.ok("cron", "add", "nightly", "@daily", "true")
    assert [one["name"] for one in there.json("cron", "list")] == ["nightly"]
    job_id = there.ok("cron", "trigger", "nightly").split()[0]
    assert there.json("show", job_id)["max_retries"] == 7
    assert there.run("backup", "copy.db").code == 0
    assert Path("copy.db").exists()


def test_a_worker_elsewhere_is_followed_told_to_cancel_and_stopped(there: Shell) -> None:
    with there.running("worker", "--concurrency", "2") as worker:
        worker.says("started: 2 slots")
        assert there.process("enqueue", "echo hi; sleep 0.1; echo there", "--follow").out == "hi\nthere\n"
        job_id = there.ok("enqueue", "sleep 100").strip()
        worker.says(f"job {job_id} started")
        there.ok("cancel", job_id)
        assert there.run("wait", job_id).code == 125
        (one,) = there.json("worker", "list")
        assert there.run("worker", "stop").code == 0
        assert worker.ends().code == 0
        assert one["id"] not in there.ok("worker", "list", "--json")


def test_a_worker_in_the_background_tells_its_id_and_its_words_hold_no_address(there: Shell, url: str) -> None:
    started = there.process("--db", url, "worker", "start", "--detach")
    assert started.code == 0, started.err
    (one,) = there.json("worker", "list")
    assert b"postgresql" not in Path(f"/proc/{one['pid']}/cmdline").read_bytes()
    assert there.process("enqueue", "true", "--wait").code == 0
    assert there.process("worker", "stop", started.out.strip()).code == 0


@pytest.mark.long
def test_a_worker_that_was_taken_for_dead_begins_anew(there: Shell) -> None:
    with there.running("worker") as worker:
        first = worker.says("started").split()[2]
        worker.send(signal.SIGSTOP)
        while there.json("worker", "list"):
            pass
        worker.send(signal.SIGCONT)
        worker.says("could not show")
        second = worker.says("started").split()[2]
        assert first != second
        assert there.process("enqueue", "true", "--wait").code == 0


def test_a_server_that_is_not_there_is_told_without_the_password(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AQUEUE_DB", "postgresql://me:secret@127.0.0.1:1/db")
    reason = shell.fails(1, "status")
    assert reason.startswith("cannot reach postgresql://me@127.0.0.1:1/db: ")


def test_a_password_is_shown_nowhere(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(shell.folder))
    shell.ok("enqueue", "true")
    url = server().url_over_tcp(schema=server().schema()).replace("aqueue@", "aqueue:secret@")
    with_password = {"AQUEUE_DB": url}
    told = []
    with on_terminal(shell, "dashboard", "--port", "0", environ=with_password) as dashboard:
        dashboard.shows("AQUEUE_TOKEN is not set")
        address = next(line.strip() for line in dashboard.raw.decode().splitlines() if line.startswith("http://"))
        for path in ("/api/overview", "/metrics", "/api/status"):
            with urllib.request.urlopen(address + path, timeout=PATIENCE) as answer:
                told.append(answer.read().decode())
        with on_terminal(shell, "top", environ=with_password, columns=200) as top:
            top.shows("No worker is running.")
            told.append(top.raw.decode())
        told.append(dashboard.raw.decode())
    monkeypatch.setenv("AQUEUE_DB", url)
    shell.ok("enqueue", "true")
    told += [shell.fails(1, "health"), shell.fails(1, "migrate", "--from", str(shell.database), "--to", url)]
    told.append(shell.ok("check", "--json"))
    assert all("127.0.0.1" in one for one in (told[0], told[3], *told[5:]))
    assert not any("secret" in one for one in told)


def test_words_are_completed_from_the_server(there: Shell, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    there.ok("enqueue", "true", "--id", "nightly", "-q", "mail")
    assert [item.value for item in candidates.jobs_for("cancel")(None, "ni")] == ["nightly"]
    assert [item.value for item in candidates.queue_names(None, "")] == ["mail"]
    monkeypatch.setenv("AQUEUE_DB", "postgresql://127.0.0.1:1/db")
    assert list(candidates.jobs_for("cancel")(None, "ni")) == []
