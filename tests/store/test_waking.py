"""How those who wait hear of changes: the doorbell, the watch on the file, and the signs of life."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from aqueue.model.errors import StoreUnavailable
from aqueue.store import inotify, line, reading, watch
from aqueue.store.doorbell import Doorbell
from aqueue.store.place import Place
from aqueue.store.presence import Lobby
from aqueue.store.protocol import Store
from aqueue.store.watch import watched

from .harness import ENOUGH, Plain, enqueue, get, opened, python

pytestmark = pytest.mark.sqlite

LISTENER = """
import asyncio, sys
from aqueue.store.doorbell import Doorbell
from aqueue.store.place import Place

async def main():
    rung = asyncio.Event()
    with Doorbell(Place(sys.argv[1], shared=False)).hung_up(rung.set):
        print("hung up", flush=True)
        await rung.wait()
        print("rung", flush=True)

asyncio.run(main())
"""

SOMEBODY = """
import sys
from aqueue.store.place import Place
from aqueue.store.presence import Lobby

with Lobby(Place(sys.argv[1], shared=False)).present("w1"):
    print("present", flush=True)
    sys.stdin.readline()
print("gone", flush=True)
sys.stdin.readline()
"""


async def said(process: Popen[str]) -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    return (await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), ENOUGH)).strip()


async def heard(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), ENOUGH)
    event.clear()


def bells(place: Place) -> list[str]:
    return [path.name for path in place.lobby.iterdir() if path.suffix == ".bell"]


async def test_a_commit_rings_in_another_process(store: Store) -> None:
    with python(LISTENER, store.url) as listener:
        assert await said(listener) == "hung up"
        await enqueue(store)
        assert await said(listener) == "rung"


async def test_a_commit_rings_for_everybody_and_not_for_who_made_it(store: Store, other: Store) -> None:
    own, first, second = asyncio.Event(), asyncio.Event(), asyncio.Event()
    with (
        store.doorbell.hung_up(own.set, deaf_to_own=True),
        store.doorbell.hung_up(first.set),
        other.doorbell.hung_up(second.set, deaf_to_own=True),
    ):
        await enqueue(store)
        await heard(first)
        await heard(second)
        assert not own.is_set()
        await enqueue(other)
        await heard(own)
        await heard(first)
        assert not second.is_set()


async def test_what_changes_nothing_does_not_ring(store: Store, other: Store) -> None:
    rung = asyncio.Event()
    with store.doorbell.hung_up(rung.set):
        await other.write(lambda: line.claim("w1", [0], 0.0))
        await other.read(reading.counts)
        assert not rung.is_set()
        await enqueue(other)
        await heard(rung)


async def test_a_bell_is_taken_down_when_nobody_listens_any_more(store: Store) -> None:
    with store.doorbell.hung_up(lambda: None):
        assert len(bells(store.place)) == 1
    assert bells(store.place) == []


async def test_the_bell_of_who_was_killed_is_removed_by_the_next_ring(store: Store) -> None:
    with python(LISTENER, store.url) as listener:
        assert await said(listener) == "hung up"
        listener.kill()
        listener.wait()
        assert len(bells(store.place)) == 1
        await enqueue(store)
        assert bells(store.place) == []


async def test_a_bell_that_rings_without_being_heard_does_not_hold_up_who_rings(store: Store) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as deaf:
        store.place.make_folder(store.place.lobby)
        deaf.bind(str(store.place.lobby / "deaf.bell"))
        for _ in range(1000):
            store.doorbell.ring()
    assert await enqueue(store) == ["1"]


async def test_many_rings_are_one(store: Store) -> None:
    calls: list[None] = []
    rung = asyncio.Event()

    def on_ring() -> None:
        calls.append(None)
        rung.set()

    with store.doorbell.hung_up(on_ring):
        for _ in range(5):
            store.doorbell.ring()
        await heard(rung)
    assert len(calls) == 1


async def test_a_path_that_is_longer_than_an_address_works_like_any_other(tmp_path: Path) -> None:
    folder = tmp_path / ("long-" * 20) / ("longer-" * 15)
    assert len(str(folder)) > 200
    rung = asyncio.Event()
    async with opened(folder / "queue.db") as store:
        with store.doorbell.hung_up(rung.set), store.lobby.present("w1"):
            assert store.lobby.is_alive("w1")
            await enqueue(store)
            await heard(rung)


async def test_a_ring_where_nobody_has_ever_waited_is_none(tmp_path: Path) -> None:
    bell = Doorbell(Place(str(tmp_path / "queue.db"), shared=False))
    bell.ring()
    bell.close()
    assert list(tmp_path.iterdir()) == []


async def test_where_no_bell_can_be_hung_up_there_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "queue.db.d").touch()
    bell = Doorbell(Place(str(tmp_path / "queue.db"), shared=False))
    with pytest.raises(StoreUnavailable, match=r"^cannot use .*queue\.db\.d: "), bell.hung_up(lambda: None):
        pass


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told = {name: asyncio.Event() for name in ("changed", "departed", "replaced", "blind")}

    def changed(self) -> None:
        self.told["changed"].set()

    def departed(self) -> None:
        self.told["departed"].set()

    def replaced(self) -> None:
        self.told["replaced"].set()

    def blind(self, reason: str) -> None:
        assert reason
        self.told["blind"].set()

    def unreachable(self, reason: str | None) -> None:
        raise AssertionError(f"a file has said {reason}")

    def outlived(self, *, at_once: bool) -> None:
        raise AssertionError(f"a lock has passed, {at_once}")

    async def hears(self, name: str) -> None:
        await heard(self.told[name])

    def heard(self) -> list[str]:
        return [name for name, event in self.told.items() if event.is_set()]


@pytest.fixture
async def watcher(store: Store) -> AsyncIterator[Watcher]:
    store.place.make_folder(store.place.lobby)
    await enqueue(store)
    watcher = Watcher()
    with watched(store.place, watcher):
        yield watcher


async def test_a_plain_commit_is_heard(watcher: Watcher, client: Plain) -> None:
    client.do("INSERT INTO jobs (command) VALUES ('x')")
    await watcher.hears("changed")
    assert watcher.heard() == []


async def test_a_plain_commit_into_a_wal_that_began_after_the_watch_is_heard(database: Path) -> None:
    async with opened(database) as store:
        await enqueue(store)
    assert not store.place.wal.exists()
    store.place.make_folder(store.place.lobby)
    watcher = Watcher()
    with watched(store.place, watcher):
        async with opened(database) as store:
            await enqueue(store)
            await watcher.hears("changed")
            await enqueue(store)
            await watcher.hears("changed")
            assert watcher.heard() == []


async def test_reading_and_bells_are_not_heard(watcher: Watcher, store: Store, other: Store) -> None:
    await get(store, "1")
    await other.read(reading.counts)
    with store.doorbell.hung_up(lambda: None):
        store.doorbell.ring()
    assert watcher.heard() == []


async def test_the_end_of_a_worker_is_heard_however_it_ends(watcher: Watcher, store: Store) -> None:
    with store.lobby.present("w2"):
        pass
    await watcher.hears("departed")
    with python(SOMEBODY, store.url) as somebody:
        assert await said(somebody) == "present"
        somebody.kill()
        await watcher.hears("departed")


async def test_looking_whether_a_worker_lives_is_not_heard(watcher: Watcher, store: Store) -> None:
    with store.lobby.present("w2"):
        assert store.lobby.is_alive("w2")
        assert watcher.heard() == []


@pytest.mark.parametrize("how", ["moved", "removed", "replaced"])
async def test_a_file_that_is_not_there_any_more_is_told(watcher: Watcher, store: Store, how: str) -> None:
    database = store.place.database
    match how:
        case "moved":
            database.rename(database.with_name("elsewhere.db"))
        case "removed":
            database.unlink()
        case "replaced":
            (fresh := database.with_name("fresh.db")).touch()
            fresh.rename(database)
    await watcher.hears("replaced")


async def test_without_inotify_it_looks_every_second(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(inotify.Inotify, "__init__", none_left)
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.001)
    watcher = Watcher()
    with watched(store.place, watcher):
        await watcher.hears("blind")
        await watcher.hears("changed")
        await watcher.hears("departed")


@pytest.fixture
def lobby(tmp_path: Path) -> Lobby:
    return Lobby(Place(str(tmp_path / "queue.db"), shared=False))


@contextlib.contextmanager
def somebody(tmp_path: Path) -> Iterator[Popen[str]]:
    with python(SOMEBODY, str(tmp_path / "queue.db")) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "present\n"
        yield process


def test_a_worker_is_alive_for_as_long_as_it_is_present(lobby: Lobby) -> None:
    assert not lobby.is_alive("w1")
    assert lobby.seen() == frozenset()
    with lobby.present("w1"), lobby.present("w2"):
        assert [lobby.is_alive(one) for one in ("w1", "w2", "w3")] == [True, True, False]
        assert lobby.is_alive("w1")
        assert lobby.seen() == {"w1", "w2"}
    assert not lobby.is_alive("w1")
    assert lobby.seen() == frozenset()


def test_a_worker_of_another_process_is_alive_until_it_leaves(lobby: Lobby, tmp_path: Path) -> None:
    with somebody(tmp_path) as process:
        assert lobby.is_alive("w1")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "gone\n"
        assert not lobby.is_alive("w1")


def test_a_worker_that_was_killed_is_dead_and_what_it_left_is_forgotten(lobby: Lobby, tmp_path: Path) -> None:
    with somebody(tmp_path) as process:
        process.kill()
        process.wait()
        assert not lobby.is_alive("w1")
        assert lobby.seen() == {"w1"}
        lobby.forget("w1")
        assert lobby.seen() == frozenset()


def test_a_worker_that_is_stopped_is_alive(lobby: Lobby, tmp_path: Path) -> None:
    with somebody(tmp_path) as process:
        process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert lobby.is_alive("w1")


def test_a_child_of_a_worker_does_not_keep_it_alive(lobby: Lobby, tmp_path: Path) -> None:
    program = SOMEBODY.replace(
        "    print(", '    import subprocess; subprocess.Popen(["cat"], stdin=sys.stdin)\n    print(', 1
    )
    with python(program, str(tmp_path / "queue.db")) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "present\n"
        process.kill()
        process.wait()
        assert not lobby.is_alive("w1")


def test_a_sign_of_life_is_never_seen_without_its_lock(lobby: Lobby, tmp_path: Path) -> None:
    with lobby.present("w1"):
        assert [path.name for path in (tmp_path / "queue.db.d").iterdir()] == ["w1.alive"]
    (tmp_path / "queue.db.d" / "w2.new").touch()
    with pytest.raises(StoreUnavailable, match="cannot use"), lobby.present("w2"):
        pass
