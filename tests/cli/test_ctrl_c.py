"""Ctrl-C while many jobs are enqueued: either none of them is there, or their ids are told."""

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aqueue.store import sqlite
from aqueue.store.batch import Batch

from .harness import PATIENCE, Shell

LINES = b"true\n" * 2500


@pytest.fixture
def press(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Presses Ctrl-C, from the thread of the store, and returns when that has been heard."""
    heard, give_up = threading.Event(), Batch.give_up

    def hear(batch: Batch) -> None:
        give_up(batch)
        heard.set()

    def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert heard.wait(PATIENCE)

    monkeypatch.setattr(Batch, "give_up", hear)
    return press


def test_while_they_are_written_it_undoes_all(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, press: Callable[[], None]
) -> None:
    shell.ok("enqueue", "before")
    before, check = shell.content(), Batch._check_is_wanted

    def pressed(batch: Batch) -> None:
        press()
        check(batch)

    monkeypatch.setattr(Batch, "_check_is_wanted", pressed)
    result = shell.run("enqueue", "-", stdin=LINES)
    assert (result.code, result.out, result.err.strip()) == (130, "", "")
    assert shell.content() == before


def test_where_it_comes_too_late_the_ids_are_told(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, press: Callable[[], None]
) -> None:
    transact = sqlite._transact_unchecked

    def pressed(raw: sqlite3.Connection, asks: Any) -> Any:
        done = transact(raw, asks)
        press()
        return done

    monkeypatch.setattr(sqlite, "_transact_unchecked", pressed)
    result = shell.run("enqueue", "-", stdin=LINES)
    assert (result.code, result.out.split()) == (130, [str(number) for number in range(1, 2501)])
    assert shell.json("status")["total"] == 2500


def test_while_another_has_the_lock_it_ends_the_wait(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def waits() -> Iterator[float]:
        yield 0.0
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            yield 0.01

    shell.ok("enqueue", "before")
    monkeypatch.setattr(sqlite, "_waits", waits)
    other = sqlite3.connect(shell.database, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        result = shell.run("enqueue", "-", stdin=LINES)
        assert (result.code, result.out, result.err.strip()) == (130, "", "")
    finally:
        other.close()
    assert shell.json("status")["total"] == 1
