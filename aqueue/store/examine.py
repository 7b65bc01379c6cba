"""Examining a SQLite queue: is the file sound, is its place safe, do its counts hold."""

import sqlite3
import stat
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aqueue.model.dependencies import Standing, standing
from aqueue.model.errors import AqueueError
from aqueue.model.job import State
from aqueue.model.settings import resolve
from aqueue.store import roster, schema, stored
from aqueue.store.place import Place
from aqueue.store.sqlite import SqliteStore
from aqueue.store.statement import Statement, Verb


class Verdict(StrEnum):
    """What is to be thought of a finding."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what, whether it is as it should be, and what was seen."""

    what: str
    verdict: Verdict
    seen: str


async def examine(store: SqliteStore, environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything; a fault in one thing does not keep the others from being looked at."""
    return [
        _place(store.place),
        _versions(),
        await _asked("integrity", store.read(_integrity)),
        await _asked("counts", store.read(_counts)),
        await _asked("dependencies", store.read(_dependencies)),
        await _asked("settings", _settings(store, environ)),
        await _asked("workers", _workers(store)),
    ]


async def _asked(what: str, looking: Awaitable[Finding]) -> Finding:
    try:
        return await looking
    except AqueueError as error:
        return _found(what, [str(error)], "")


def _place(place: Place) -> Finding:
    mode = stat.S_IMODE(place.database.stat().st_mode)
    seen = f"{place.database}, mode {mode:04o}{f', on {place.kind}' if place.kind else ''}"
    warnings = place.warnings()
    return Finding("place", Verdict.WARNING if warnings else Verdict.OK, "; ".join([seen, *warnings]))


def _versions() -> Finding:
    return Finding("versions", Verdict.OK, f"schema {schema.NEWEST}, SQLite {sqlite3.sqlite_version}")


def _integrity() -> Verb[Finding]:
    rows = yield Statement("integrity")
    faults = [row["integrity_check"] for row in rows if row["integrity_check"] != "ok"]
    return _found("integrity", faults, "every page and index is sound")


def _counts() -> Verb[Finding]:
    rows = yield Statement("miscounts")
    wrong = [f"{row['queue']} {row['state']}: {row['counted']} counted, {row['found']} found" for row in rows]
    return _found("counts", wrong, "they are those of the rows")


def _dependencies() -> Verb[Finding]:
    edges = yield Statement("edges")
    waiting = yield Statement("waits_for_nothing")
    wrong = [f"job {row['child']} and {row['n']} edges: {fault}" for row in edges if (fault := _fault_of(row))]
    nothing = [f"job {row['id']} is blocked and waits for nothing" for row in waiting]
    return _found("dependencies", [*wrong, *nothing], "they are those of the states")


def _fault_of(row: Mapping[str, Any]) -> str | None:
    """What is wrong with the edges of this kind, if anything."""
    if row["children"] < row["n"]:
        return "the child is not there"
    if row["state"] is None:  # what must complete and was removed
        return None if (row["standing"], row["on_any"]) == (Standing.BROKEN, 0) else "the parent is not there"
    if row["standing"] != standing(State(row["state"]), on_any=bool(row["on_any"])):
        return f"{row['standing']}, and the parent is {row['state']}"
    return None


async def _settings(store: SqliteStore, environ: Mapping[str, str]) -> Finding:
    resolve(await store.read(stored.settings), environ)
    return _found("settings", [], "all of them make sense")


async def _workers(store: SqliteStore) -> Finding:
    working = await store.read(roster.workers_of_runs)
    dead = sorted(worker for worker in working if not store.lobby.is_alive(worker))
    if dead:
        waiting = f"dead: {', '.join(dead)}; the next worker takes their jobs back"
        return Finding("workers", Verdict.WARNING, waiting)
    return Finding("workers", Verdict.OK, "none has died without its jobs being taken back")


def _found(what: str, faults: Sequence[str], when_well: str) -> Finding:
    return Finding(what, Verdict.BAD, "; ".join(faults)) if faults else Finding(what, Verdict.OK, when_well)
