"""The store on PostgreSQL: one connection that writes, one that reads, and one that listens, rings and shows life.

A transaction is one verb after the other under READ COMMITTED: what is decided from a row is locked while it is read,
and what another transaction has spoilt is done again from its beginning. Where the answer to a COMMIT was lost, the
server is asked what became of it: no claim and no end of a run is ever in doubt.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import asyncpg

from aqueue.model.errors import AqueueError, StoreBusy
from aqueue.store.finding import Finding, Verdict
from aqueue.store.postgres import schema
from aqueue.store.postgres.address import Address
from aqueue.store.postgres.bell import Doorbell
from aqueue.store.postgres.driving import Connection, Drive, Proof, own
from aqueue.store.postgres.explaining import AGAIN, LOST, explanation, is_lost
from aqueue.store.postgres.lease import Lease
from aqueue.store.postgres.link import Link, Reached
from aqueue.store.postgres.nearby import Nearby, place_for
from aqueue.store.protocol import CHECKPOINT_BYTES, PATIENCE, Turned, Watcher
from aqueue.store.statement import Ask
from aqueue.store.unhurried import Unhurried

T = TypeVar("T")

WORKERS_PATIENCE = 5.0
"""How long a worker usually waits for a lock, in seconds: its sessions have that as they are."""

LONGEST_STATEMENT = 120.0
"""Seconds after which a statement of a client is given up, since the server is gone without a word."""

LOOK_EVERY = 1.0
"""Seconds between two looks at who lives, of somebody who waits for that and is no worker."""

MOST_TRIES = 50
"""How often a transaction is begun again that others have spoilt."""

IN_DOUBT = 0.1
"""Seconds until the server is asked again what became of a transaction that still goes on."""

ADD_UP_AFTER = 500
"""After how many transactions a worker adds up the ledgers."""

_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::double precision"
_IDENTITY = """
SELECT system_identifier::text || ' ' || oid::text || ' ' || current_schema()
FROM pg_control_system(), pg_database WHERE datname = current_database()
"""


class PostgresStore(Unhurried):
    """A queue in a schema of a PostgreSQL database. Made by :func:`open_postgres`."""

    def __init__(self, url: str, *, worker: bool) -> None:
        super().__init__()
        self._address = Address.parse(url)
        self.url, self.title = url, self._address.title
        self.folder: Path | None = None
        self._worker = worker
        self._offset = 0.0
        self._server = ""
        self._usual_patience = WORKERS_PATIENCE if worker else PATIENCE
        reached = Reached()
        self._writer = Link(
            self._address,
            reached,
            self._prepare,
            application_name=f"aqueue {'worker' if worker else 'client'}",
            lock_timeout=str(_milliseconds(self._usual_patience)),
        )
        self._reader = Link(self._address, reached, application_name="aqueue reader")
        self._listener = Link(self._address, reached, application_name="aqueue listener")
        for link in (self._writer, self._reader):
            link.answer_within = None if worker else LONGEST_STATEMENT  # a worker's heartbeat sees to that
        channel = f"aqueue.{self._address.schema}"
        self.doorbell = Doorbell(self._listener, channel, self._own_pids, probes=not worker)
        self.place = place_for(self._address.dsn)
        self.lobby = Nearby(self.place)
        self._writing = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._was_up = False
        self._turns = ADD_UP_AFTER

    async def open(self) -> None:
        """Connect, and make or update the schema."""
        with self._explained():
            connection = await self._writer.get()
            identity = await connection.fetchval(_IDENTITY)
        self.place = place_for(identity)
        self.lobby = Nearby(self.place)
        self._server = str(connection.get_server_version().major)
        self._was_up = True

    async def _prepare(self, connection: Connection) -> None:
        await schema.prepare(connection, self._address.schema, self.title)
        begun = time.monotonic()
        now = await connection.fetchval(_CLOCK)
        self._set_clock(now, time.monotonic() - begun)

    def _set_clock(self, now: float, took: float) -> None:
        self._offset = now + took / 2 - time.time()

    def now(self) -> float:
        """The server's time, as it was last told, to half the time that the answer took."""
        return time.time() + self._offset

    async def _disconnect(self) -> None:
        await self.doorbell.close()
        for link in (self._writer, self._reader, self._listener):
            await link.close()

    async def write(self, ask: Ask[T], *, patience: float = PATIENCE, checked: bool = False) -> T:
        """Run one verb in a transaction of its own, on the disk when this returns. Raises what the verb raises."""
        del checked  # what a schema checks here costs little beside the rest
        turned = await self.turn([ask], patience=patience)
        return cast("T", turned.only)

    async def turn(self, asks: Sequence[Ask[Any]], *, patience: float = PATIENCE) -> Turned:
        """Run verbs in one transaction, commit it, and ring; see the protocol."""
        return await self.to_its_end(self._turn(asks, patience))

    async def _turn(self, asks: Sequence[Ask[Any]], patience: float) -> Turned:
        async with self._writing:
            done: tuple[Turned, bool] = await self._patiently(
                lambda: self._transact(asks, patience), self._writer, patience
            )
        turned, changed = done
        if changed:
            self._turns += 1
            if self._worker:
                self.doorbell.ring()
        return turned

    async def _patiently(self, work: Any, link: Link, patience: float) -> Any:
        """Do this; again where another transaction came in between, or the server was lost before it could be done."""
        clock = asyncio.get_running_loop().time
        end = clock() + patience
        for number in itertools.count(1):
            try:
                return await work()
            except AqueueError:
                raise
            except AGAIN as error:
                if number == MOST_TRIES:
                    raise explanation(error, self.title) from error
            except Exception as error:
                if _is_second(error) or is_lost(error):
                    link.drop()
                if not is_lost(error) or not self._was_up or self._closing or clock() > end:
                    raise explanation(error, self.title) from error
        raise AssertionError("the tries never end")

    async def _transact(self, asks: Sequence[Ask[Any]], patience: float) -> tuple[Turned, bool]:
        outcomes: dict[int, Any] = {}
        connection = await self._writer.get()
        is_usual = patience == self._usual_patience
        begin = "BEGIN" if is_usual else f"BEGIN; SET LOCAL lock_timeout = {_milliseconds(patience)}"
        while True:
            begun = time.perf_counter()
            await connection.execute(begin)
            drive = Drive(connection, locks=True)
            try:
                is_whole = await _run_all(drive, asks, outcomes)
                if is_whole:
                    xid = await self._end(connection, drive)
            except BaseException:
                await _rolled_back(connection)
                raise
            if is_whole:
                await self._commit(connection, xid, drive.proof)
                results = [outcomes[place] for place in range(len(asks))]
                return Turned(results, False, time.perf_counter() - begun), drive.changed
            await connection.execute("ROLLBACK")

    async def _end(self, connection: Connection, drive: Drive) -> str | None:
        """What has to be done before the commit; the number of the transaction, if it has written anything."""
        if drive.changed and not self._worker:
            await connection.fetch(own("ring").text)
        if drive.xid is not None:
            return drive.xid
        xid: str | None = await connection.fetchval(own("ended").text)
        return xid

    async def _commit(self, connection: Connection, xid: str | None, proof: Proof | None) -> None:
        try:
            await connection.execute("COMMIT")
        except Exception as error:
            if xid is None:
                return
            if not is_lost(error) or not await self._was_committed(xid, proof):
                raise

    async def _was_committed(self, xid: str, proof: Proof | None) -> bool:
        """What became of a transaction of whose commit nothing was heard: asked until the server says.

        Its number alone does not tell after a crash: what was not on the disk then is forgotten with its number, which
        is given again.
        """
        while True:
            self._writer.drop()
            try:
                connection = await self._writer.get()
                status = await connection.fetchval(own("was_committed").text, xid)
                is_so = status == "committed" and await _is_proven(connection, xid, proof)
            except asyncpg.PostgresError as error:
                if not is_lost(error):  # a server that does not know it: one to which it never got
                    return False
            except Exception as error:
                if not is_lost(error):
                    raise
            else:
                if status != "in progress":
                    return is_so
                await asyncio.sleep(IN_DOUBT)

    async def read(self, ask: Ask[T]) -> T:
        """Run a verb that only reads, in a transaction of its own: it sees one moment of the store."""
        return cast("T", await self.to_its_end(self._read(ask)))

    async def _read(self, ask: Ask[T]) -> Any:
        async with self._reading:
            return await self._patiently(lambda: self._look(ask), self._reader, PATIENCE)

    async def _look(self, ask: Ask[T]) -> T:
        connection = await self._reader.get()
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            return await Drive(connection, locks=False).run(ask)
        finally:
            await _rolled_back(connection)

    async def living(self) -> frozenset[str]:
        """The workers whose lease has not passed, and that have not died on this machine.

        A worker shows itself before it is registered: who is not in the store may just have come. Taken for dead, it
        would be forgotten just when it is known, and its jobs be taken from it while it starts them.
        """
        shown = self.lobby.living()

        async def look() -> dict[str, bool]:
            connection = await self._reader.get()
            return {row["id"]: row["lives"] for row in await connection.fetch(own("living").text)}

        async def locked() -> Any:
            async with self._reading:
                return await self._patiently(look, self._reader, PATIENCE)

        known: dict[str, bool] = await self.to_its_end(locked())
        leased = {worker for worker, lives in known.items() if lives and not self.lobby.is_dead(worker)}
        return frozenset(leased | (shown - known.keys()))

    @contextlib.contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Tell the watcher, in the running loop, until the end of the block. A worker keeps its lease meanwhile."""
        keeping = self._looking(watcher) if self.lobby.worker is None else self._lease(self.lobby.worker, watcher).run()
        task = asyncio.get_running_loop().create_task(keeping, name="lease")
        task.add_done_callback(lambda done: _check_kept(done, watcher))
        try:
            with self.lobby.watched(watcher.departed):
                yield
        finally:
            task.cancel()

    def _lease(self, worker: str, watcher: Watcher) -> Lease:
        return Lease(
            self._listener,
            self.doorbell,
            worker,
            self._address.lease,
            watcher,
            on_time=self._set_clock,
            on_silence=self._drop_all,
            title=self.title,
        )

    async def _looking(self, watcher: Watcher) -> None:
        with self.doorbell.hung_up(watcher.departed):
            while True:
                watcher.departed()
                await asyncio.sleep(LOOK_EVERY)

    def _drop_all(self) -> None:
        """The server is silent: what waits for it must not do so for ever."""
        for link in (self._listener, self._writer, self._reader):
            link.drop()

    async def backup(self, path: Path) -> None:
        """Copy the queue as it is at this moment to a file, which gets its name when it is whole and on the disk."""
        from aqueue.store.moving import back_up

        await back_up(self.url, path)

    async def checkpoint_when_large(self, most: int = CHECKPOINT_BYTES) -> None:
        """Add up the ledgers, now and then."""
        if (self._turns >= ADD_UP_AFTER and self._worker) or most == 0:
            self._turns = 0
            with contextlib.suppress(StoreBusy):
                await self.to_its_end(self._add_up())

    async def _add_up(self) -> None:
        async def add_up() -> None:
            connection = await self._writer.get()
            for ledger in ("add_up_counts", "add_up_output"):
                await connection.execute(own(ledger).text)

        async with self._writing:
            await self._patiently(add_up, self._writer, 0)

    def examined(self) -> Sequence[Finding]:
        """What is to be said of the server and of the versions."""
        place = f"{self.title}, schema {self._address.schema}"
        versions = f"schema {schema.NEWEST}, PostgreSQL {self._server}"
        return [Finding("place", Verdict.OK, place), Finding("versions", Verdict.OK, versions)]

    def _own_pids(self) -> frozenset[int]:
        return frozenset(pid for link in (self._listener, self._writer) if (pid := link.pid) is not None)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (*LOST, asyncpg.PostgresError, ValueError) as error:
            raise explanation(error, self.title) from error


async def open_postgres(url: str, *, worker: bool) -> PostgresStore:
    """Open the queue at this address, making it if need be. Raises StoreError and InvalidInput."""
    store = PostgresStore(url, worker=worker)
    try:
        await store.to_its_end(store.open())
    except BaseException:
        await store.close()
        raise
    return store


async def _run_all(drive: Drive, asks: Sequence[Ask[Any]], outcomes: dict[int, Any]) -> bool:
    """Run the verbs that have not failed yet; says whether none failed now, which spoils the transaction."""
    for place, ask in enumerate(asks):
        if isinstance(outcomes.get(place), AqueueError):
            continue
        try:
            outcomes[place] = await drive.run(ask)
        except AqueueError as error:
            outcomes[place] = error
            return False
    return True


async def _is_proven(connection: Connection, xid: str, proof: Proof | None) -> bool:
    if proof is None:
        return True
    question, parameters = own(proof.question), {**proof.parameters, "xid": xid}
    return bool(await connection.fetchval(question.text, *(parameters[name] for name in question.names)))


async def _rolled_back(connection: Connection) -> None:
    """End the transaction, if the connection still can."""
    if not connection.is_closed():
        with contextlib.suppress(Exception):
            await connection.execute("ROLLBACK")


def _check_kept(keeping: "asyncio.Task[None]", watcher: Watcher) -> None:
    """A worker whose lease is not kept any more, by whatever fault of ours, must not go on."""
    if not keeping.cancelled() and (fault := keeping.exception()) is not None:
        watcher.unreachable(f"the lease is not kept: {fault!r}")
        watcher.outlived(at_once=True)


def _is_second(error: Exception) -> bool:
    """Whether the server takes no writes: after a fail-over, it is not the first any more."""
    return isinstance(error, asyncpg.ReadOnlySQLTransactionError)


def _milliseconds(patience: float) -> int:
    """What `lock_timeout` says of that: 0 is no bound."""
    return 0 if patience == float("inf") else max(1, round(patience * 1000))
