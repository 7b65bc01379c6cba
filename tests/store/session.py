"""Any program that speaks SQL with the server: asyncpg in a thread of its own, to be called as one calls sqlite3."""

import asyncio
import itertools
import sqlite3
import threading
from typing import Any, Self

import asyncpg

from aqueue.store.postgres.address import Address


class PlainSession:
    """A session whose names are those of the queue's schema."""

    def __init__(self, url: str) -> None:
        self._address = Address.parse(url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def connection(self) -> sqlite3.Connection:
        raise AssertionError("this is for tests of files")

    def __enter__(self) -> Self:
        self._thread.start()
        settings = {"search_path": self._address.schema}
        self._session = self._done(asyncpg.connect(self._address.dsn, server_settings=settings))
        return self

    def __exit__(self, *_: object) -> None:
        self._done(self._session.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _done(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def do(self, statement: str, *parameters: Any) -> None:
        self.rows(statement, *parameters)

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        numbers = itertools.count(1)
        text = "".join(f"${next(numbers)}" if character == "?" else character for character in statement)
        return [tuple(row) for row in self._done(self._session.fetch(text, *parameters))]

    def value(self, statement: str, *parameters: Any) -> Any:
        ((value,),) = self.rows(statement, *parameters)
        return value
