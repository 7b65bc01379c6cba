"""Running verbs on a SQLite connection."""

import functools
import sqlite3
from pathlib import Path
from typing import TypeVar, cast

from aqueue.store import queries
from aqueue.store.statement import Ask

T = TypeVar("T")

STATEMENTS = queries.load(Path(__file__).with_name("sqlite.sql"))


def look(raw: sqlite3.Connection, ask: Ask[T]) -> T:
    """Run a verb that only reads, in a transaction of its own. Raises what it raises."""
    raw.execute("BEGIN")
    try:
        return drive(raw, ask)
    finally:
        raw.execute("COMMIT")


def drive(raw: sqlite3.Connection, ask: Ask[T]) -> T:
    """Run a verb in the transaction that is open; returns its result. Raises what it raises."""
    verb = ask()
    try:
        statement = next(verb)
        while True:
            text = text_of(statement.name, statement.where, statement.rows)
            statement = verb.send(raw.execute(text, statement.parameters).fetchall())
    except StopIteration as end:
        return cast("T", end.value)


@functools.cache
def text_of(name: str, where: tuple[str, ...] = (), rows: str = "") -> str:
    """The text of a named statement, with its conditions and its rows filled in."""
    text = STATEMENTS[name]
    if not where and not rows:
        return text
    return text.format(where=" AND ".join(STATEMENTS[one] for one in where), rows=STATEMENTS.get(rows))


def decoded(text: bytes) -> str:
    """Text that plain SQL put there need not be UTF-8: its bytes go to the shell as they are, as file names do."""
    return text.decode(errors="surrogateescape")
