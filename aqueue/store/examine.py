"""Examining a queue: is the store sound, is its place safe, do its counts hold."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from aqueue.model.dependencies import Standing, standing
from aqueue.model.errors import AqueueError
from aqueue.model.job import State
from aqueue.model.settings import resolve
from aqueue.store import roster, stored
from aqueue.store.finding import Finding, Verdict
from aqueue.store.protocol import Store
from aqueue.store.statement import Statement, Verb


async def examine(store: Store, environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything; a fault in one thing does not keep the others from being looked at."""
    return [
        *store.examined(),
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


def _integrity() -> Verb[Finding]:
    rows = yield Statement("integrity")
    faults = [row["integrity_check"] for row in rows if row["integrity_check"] != "ok"]
    return _found("integrity", faults, "every page and index is sound" if rows else "the server sees to its own pages")


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


async def _settings(store: Store, environ: Mapping[str, str]) -> Finding:
    resolve(await store.read(stored.settings), environ)
    return _found("settings", [], "all of them make sense")


async def _workers(store: Store) -> Finding:
    dead = sorted(await store.read(roster.workers_of_runs) - await store.living())
    if dead:
        waiting = f"dead: {', '.join(dead)}; the next worker takes their jobs back"
        return Finding("workers", Verdict.WARNING, waiting)
    return Finding("workers", Verdict.OK, "none has died without its jobs being taken back")


def _found(what: str, faults: Sequence[str], when_well: str) -> Finding:
    return Finding(what, Verdict.BAD, "; ".join(faults)) if faults else Finding(what, Verdict.OK, when_well)
