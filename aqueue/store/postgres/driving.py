"""Running verbs on a connection to PostgreSQL: names become numbers, and each statement is waited for."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import asyncpg

from aqueue.store import queries
from aqueue.store.statement import Ask, Statement

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.Connection[Any]"

STATEMENTS: Mapping[str, str] = queries.load(Path(__file__).with_name("postgres.sql"))
LIFE: Mapping[str, str] = queries.load(Path(__file__).with_name("life.sql"))

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_WRITES = re.compile(r"(INSERT|UPDATE|DELETE)\b")
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)

# What JSON can say and PostgreSQL cannot hold: a NUL, and halves of a character. Some error texts of jobs have them.
_UNHOLDABLE = re.compile(
    r"(?<!\\)((?:\\\\)*)(?:(\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})|\\u(?:0000|d[89a-f][0-9a-f]{2}))", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as the server takes it, and the names of its parameters in their order.

    `writes` is whether it always changes something, `returns` whether it has when it returns rows.
    """

    text: str
    names: tuple[str, ...]
    writes: bool = False
    returns: bool = False
    tells_xid: bool = False


@functools.cache
def prepared(name: str, where: tuple[str, ...] = (), rows: str = "", *, locks: bool = False) -> Prepared:
    """A named statement, filled in; with `locks` the rows are locked that are read to decide about them."""
    text = _COMMENT.sub("", STATEMENTS[name]).strip()
    text = text.replace("{where}", " AND ".join(STATEMENTS[one] for one in where))
    text = text.replace("{rows}", STATEMENTS[rows] if rows else "").replace("{lock}", "FOR UPDATE" if locks else "")
    return numbered(_COMMENT.sub("", text))


def numbered(text: str) -> Prepared:
    """A statement with numbers in place of its named parameters."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    numbers = {name: f"${number}" for number, name in enumerate(names, start=1)}
    returns = "RETURNING" in text
    writes = _WRITES.match(text) is not None and not returns
    tells_xid = returns and " AS xid" in text
    return Prepared(_PARAMETER.sub(lambda found: numbers[found[1]], text), names, writes, returns, tells_xid)


@functools.cache
def own(name: str) -> Prepared:
    """A named statement of this package."""
    return numbered(_COMMENT.sub("", LIFE[name]).strip())


@dataclass(frozen=True, slots=True)
class Proof:
    """A question that is answered with yes only if a transaction was committed: a statement of ours, its parameters."""

    question: str
    parameters: Mapping[str, Any]


class Drive:
    """Runs verbs in the transaction that is open on a connection, and notes whether they change anything."""

    def __init__(self, connection: Connection, *, locks: bool) -> None:
        self._connection = connection
        self._locks = locks
        self.changed = False
        self.xid: str | None = None
        """The number of the transaction, where a statement has told it."""
        self.proof: Proof | None = None
        """What can be looked for to know that it was committed."""

    async def run(self, ask: Ask[T]) -> T:
        """What the verb returns. Raises what it raises."""
        verb = ask()
        try:
            statement = next(verb)
            while True:
                statement = verb.send(await self._rows(statement))
        except StopIteration as end:
            return cast("T", end.value)

    async def _rows(self, statement: Statement) -> Any:
        sent = prepared(statement.name, statement.where, statement.rows, locks=self._locks)
        if not sent.text:  # another statement does it, too
            return ()
        values = [holdable(statement.parameters[name]) for name in sent.names]
        rows = await self._connection.fetch(sent.text, *values)
        self.changed = self.changed or sent.writes or (sent.returns and bool(rows))
        if sent.tells_xid and rows:
            self.xid = rows[0]["xid"]
        if rows:
            self._keep_proof(statement.name, rows[0])
        return rows

    def _keep_proof(self, name: str, row: Mapping[str, Any]) -> None:
        if name == "claim":
            self.proof = Proof("was_claimed", {"job": row["seq"], "run": row["run"], "worker": row["worker"]})
        elif self.proof is None and name in {"apply", "enqueue", "enqueue_ordinary"}:
            self.proof = Proof("was_told", {"job": row["seq"]})


def holdable(value: Any) -> Any:
    """A parameter without what PostgreSQL cannot hold."""
    if not isinstance(value, str):
        return value
    if "\0" in value:
        value = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if "\\u" in value and value[:1] in "[{":
        value = _UNHOLDABLE.sub(_replaced, value)
    return value


def _replaced(found: re.Match[str]) -> str:
    return found[0] if found[2] else f"{found[1]}\\ufffd"
