"""A worker in the background: started as a process of its own, which says through a pipe when it takes jobs."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from aqueue.model.errors import StoreError, StoreUnavailable
from aqueue.store.place import Place

_READY = "ready "
_ERROR = "error "


class Report:
    """The child's end of the pipe; with no descriptor there is nobody to report to."""

    def __init__(self, descriptor: int | None) -> None:
        self._pipe: IO[str] | None = None
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
            self._pipe = os.fdopen(descriptor, "w")

    def ready(self, worker: str) -> None:
        """The worker takes jobs."""
        self._say(_READY + worker)

    def failed(self, reason: str) -> None:
        """It could not start; nothing is said if it has."""
        self._say(_ERROR + reason)

    def _say(self, line: str) -> None:
        if self._pipe is not None:
            with self._pipe:
                self._pipe.write(line)
            self._pipe = None


async def start(place: Place, arguments: Sequence[str]) -> str:
    """Start `aqueue ARGUMENTS --report DESCRIPTOR` in the background; returns the id of the worker once it takes jobs.

    Raises StoreError with its reason if it does not come so far.
    """
    place.make_folder(place.worker_log.parent)
    reading, writing = os.pipe()
    with os.fdopen(reading) as report:
        try:
            child = _spawn(place, [*arguments, "--report", str(writing)], writing)
        finally:
            os.close(writing)
        try:
            line = await _whole_text(report)
        except BaseException:
            child.terminate()
            raise
    return _worker_in(line, child, place)


def _spawn(place: Place, arguments: Sequence[str], report: int) -> subprocess.Popen[bytes]:
    log = _open_log(place)
    try:
        return subprocess.Popen(
            [*_ourselves(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[report],
        )
    finally:
        os.close(log)


def _ourselves() -> Sequence[str]:
    """This program in the way it was called, so that it is found again on the same search path."""
    package = sys.modules["__main__"].__spec__
    return (
        [sys.executable, "-m", "aqueue"] if package is not None else [sys.executable, str(Path(sys.argv[0]).absolute())]
    )


def _open_log(place: Place) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        log = os.open(place.worker_log, flags, place.file_mode)
    except OSError as error:
        raise StoreUnavailable(f"cannot write {place.worker_log}: {error.strerror}") from error
    if os.fstat(log).st_size == 0:
        os.fchmod(log, place.file_mode)
    return log


async def _whole_text(pipe: IO[str]) -> str:
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
    try:
        return (await stream.read()).decode()
    finally:
        transport.close()


def _worker_in(report: str, child: "subprocess.Popen[bytes]", place: Place) -> str:
    if report.startswith(_READY):
        return report.removeprefix(_READY)
    child.wait()
    reason = report.removeprefix(_ERROR) or f"the worker ended at its start; {place.worker_log} tells why"
    raise StoreError(reason)
