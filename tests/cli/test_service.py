"""A worker as a service of systemd: what it sends to the socket that it is given, by path and without one."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from aqueue.cli.service import Service
from aqueue.engine.events import Began, Draining, Interrupting, Trouble, TroubleOver

from .harness import PATIENCE, Shell


class Systemd:
    """The other end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(PATIENCE)
        self._socket.bind(address.replace("@", "\0", 1))

    def heard(self) -> dict[str, str]:
        """The next message."""
        return dict(line.split("=", 1) for line in self._socket.recv(4096).decode().split("\n"))

    async def hears(self) -> dict[str, str]:
        """The next message, while the loop turns."""
        return await asyncio.to_thread(self.heard)

    def hears_nothing(self) -> bool:
        self._socket.setblocking(False)
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Systemd]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@aqueue-{os.getpid()}"
    one = Systemd(address)
    yield one
    one.close()


def test_a_real_worker_says_when_it_takes_jobs_and_when_it_stops(
    shell: Shell, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    with shell.running("worker", "--concurrency", "2") as worker:
        ready = systemd.heard()
        assert (ready["READY"], ready["MAINPID"]) == ("1", str(worker.pid))
        assert ready["STATUS"].endswith("started: 2 slots")
        assert systemd.heard() == {"WATCHDOG": "1"}
        monkeypatch.delenv("NOTIFY_SOCKET")
        shell.ok("enqueue", "--id", "look", 'test -z "$NOTIFY_SOCKET$WATCHDOG_USEC"')
        worker.says("look completed")
        worker.send(signal.SIGTERM)
        assert systemd.heard() == {"STOPPING": "1", "STATUS": "Draining"}
        assert systemd.heard() == {"STATUS": "worker stopped"}
        assert worker.ends().code == 0


def service(**environ: str) -> Service:
    return Service.of(environ)


async def test_it_beats_as_often_as_it_is_asked_to_twice_over(systemd: Systemd) -> None:
    with service(NOTIFY_SOCKET=systemd.address, WATCHDOG_USEC="20000", WATCHDOG_PID=str(os.getpid())) as one:
        one.hear(Began("w1", 1))
        assert "READY" in await systemd.hears()
        for _ in range(3):
            assert await systemd.hears() == {"WATCHDOG": "1"}


@pytest.mark.parametrize("asked", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}])
async def test_there_is_no_beat_that_was_not_asked_of_this_process(systemd: Systemd, asked: dict[str, str]) -> None:
    with service(NOTIFY_SOCKET=systemd.address, **asked) as one:
        one.hear(Began("w1", 1))
        assert "READY" in await systemd.hears()
        assert systemd.hears_nothing()


async def test_troubles_are_shown_and_the_end_is_told_once(systemd: Systemd) -> None:
    with service(NOTIFY_SOCKET=systemd.address) as one:
        one.hear(Trouble("the disk is full"))
        one.hear(TroubleOver("the disk is full"))
        one.hear(Draining(2))
        one.hear(Interrupting(1))
    said = [await systemd.hears() for _ in range(5)]
    assert said == [
        {"STATUS": "trouble: the disk is full"},
        {"STATUS": "over: the disk is full"},
        {"STOPPING": "1", "STATUS": "Draining: waiting for 2 jobs to end"},
        {"STATUS": "Ending 1 job to put it back"},
        {"STATUS": "worker stopped"},
    ]


async def test_what_the_socket_has_no_room_for_is_sent_when_it_has(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueue.cli.service.AGAIN_AFTER", 0.001)
    with service(NOTIFY_SOCKET=systemd.address) as one:
        for number in range(600):
            one.hear(Trouble(str(number)))
        one.hear(Began("w1", 1))
        said = [await systemd.hears() for _ in range(601)]
    assert [message["STATUS"] for message in said[:-1]] == [f"trouble: {number}" for number in range(600)]
    assert said[-1]["READY"] == "1"


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "/no/such/socket"])
async def test_where_nobody_listens_nothing_happens(address: str) -> None:
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000", "OTHER": "x"}
    with Service.of(environ) as one:
        one.hear(Began("w1", 1))
        one.hear(Draining(0))
    assert environ == {"OTHER": "x"}
