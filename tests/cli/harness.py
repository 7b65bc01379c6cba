"""What the tests of the commands have in common: calling them, and looking whether anything has changed."""

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import aqueue
from aqueue.cli.main import run
from aqueue.engine import loop
from aqueue.engine.node import Node, Options
from aqueue.store import open_store

PATIENCE = 30.0
"""Seconds until a test gives up on what it waits for."""

EMPTY = re.compile(r'INSERT INTO "aqueue_(schema|output_size)"')
"""What an empty queue holds."""

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Result:
    """What a command came to."""

    code: int
    out: str
    err: str


class Shell:
    """A folder with a queue, and the command line as a person has it there, called without a new process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.database = folder / "queue.db"
        self._patch = monkeypatch
        self._capture = capfd
        for name in [name for name in os.environ if name.startswith("AQUEUE_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AQUEUE_DB", str(self.database))
        monkeypatch.chdir(folder)

    def run(self, *words: str, stdin: bytes = b"") -> Result:
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self._capture.readouterr()
        code = run(words)
        return Result(code, *self._capture.readouterr())

    def ok(self, *words: str, stdin: bytes = b"") -> str:
        """Call what must succeed; returns its stdout."""
        result = self.run(*words, stdin=stdin)
        assert result.code == 0, result.err
        return result.out

    def json(self, *words: str) -> Any:
        return json.loads(self.ok(*words, "--json"))

    def job(self, job_id: str) -> dict[str, Any]:
        document: dict[str, Any] = self.json("show", job_id)
        return document

    def fails(self, code: int, *words: str, stdin: bytes = b"") -> str:
        """Call what must be refused: one line, nothing on stdout, and nothing changed. Returns the reason."""
        before = self.content()
        result = self.run(*words, stdin=stdin)
        assert (result.code, result.out) == (code, ""), result
        assert result.err.startswith("Error: ")
        assert result.err.count("\n") == 1
        assert result.err.endswith("\n")
        assert self.content() == before
        return result.err.removeprefix("Error: ").rstrip("\n")

    def content(self) -> list[str]:
        """All that the queue's tables hold."""
        if not self.database.is_file():
            return []
        connection = sqlite3.connect(self.database)
        try:
            return [line for line in connection.iterdump() if line.startswith("INSERT") and not EMPTY.match(line)]
        finally:
            connection.close()

    def work(self, slots: int = 4) -> None:
        """Work the queue off."""
        loop.run(self._work(slots))

    async def _work(self, slots: int) -> None:
        store = await open_store(str(self.database), worker=True)
        try:
            async with asyncio.timeout(PATIENCE):
                await Node(store, Options(concurrency=slots, burst=True), lambda _: None).run()
        finally:
            await store.close()

    def environ(self, environ: Mapping[str, str] = NOTHING) -> dict[str, str]:
        """The environment of a process that a test starts."""
        return {**os.environ, "PYTHONPATH": str(Path(aqueue.__file__).parents[1]), **environ}

    def process(self, *words: str, environ: Mapping[str, str] = NOTHING, **options: Any) -> Result:
        """Call the command in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "aqueue", *words],
            env=self.environ(environ),
            timeout=PATIENCE,
            check=False,
            encoding="utf-8",
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )
        return Result(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def running(self, *words: str) -> Iterator["Running"]:
        """The command in a process of its own. What still runs at the end of the block is told to stop."""
        process = subprocess.Popen(
            [sys.executable, "-m", "aqueue", *words],
            env=self.environ(),
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        alarm = threading.Timer(PATIENCE, process.kill)
        alarm.start()
        try:
            with process:
                yield Running(process)
                process.terminate()
        finally:
            alarm.cancel()


class Running:
    """A command that runs in a process of its own, until PATIENCE is over."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def says(self, part: str) -> str:
        """Wait for a line on stdout that has this in it; returns the line."""
        assert self._process.stdout is not None
        said = ""
        for line in self._process.stdout:
            said += line
            if part in line:
                return line.rstrip("\n")
        raise AssertionError(f"never said {part!r}, but:\n{said}")

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ends(self) -> Result:
        """Wait for its end."""
        out, err = self._process.communicate()
        return Result(self._process.returncode, out, err)
