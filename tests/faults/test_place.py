"""The place of the queue: who may read it, who may write it, and what is refused because somebody else could."""

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import NOBODY

from aqueue.model.errors import InvalidInput, StoreError, UnsafePlace
from aqueue.queue import Queue
from aqueue.store import open_store
from aqueue.store.protocol import Store

from .harness import Gate, Worker, enqueue, working


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def _opened(database: Path, **environ: str) -> Store:
    return await open_store(str(database), worker=True, environ=environ)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("environ", "file", "folder"), [({}, 0o600, 0o700), ({"AQUEUE_SHARE": "group"}, 0o660, 0o770)])
async def test_everything_that_is_made_has_the_mode_that_was_meant_whatever_the_umask(
    environ: dict[str, str], file: int, folder: int, tmp_path: Path
) -> None:
    database = tmp_path / "made" / "too" / "queue.db"
    store = await _opened(database, **environ)
    try:
        with store.lobby.present("w1"), store.doorbell.hung_up(lambda: None):
            lobby = list(store.place.lobby.iterdir())
            assert sorted(path.suffix for path in lobby) == [".alive", ".bell"]
            beside = [database.with_name(f"queue.db{end}") for end in ("", "-wal", "-shm")]
            assert {path.name: _mode(path) for path in [*beside, *lobby]} == {
                path.name: file for path in [*beside, *lobby]
            }
        for made in (store.place.lobby, database.parent, database.parent.parent):
            assert _mode(made) == folder
    finally:
        await store.close()


async def test_a_copy_of_a_shared_queue_is_shared_and_of_another_one_is_not(tmp_path: Path) -> None:
    for environ, mode in (({}, 0o600), ({"AQUEUE_SHARE": "group"}, 0o660)):
        database = tmp_path / f"{mode:o}.db"
        async with Queue.open(database, environ=environ) as queue:
            await queue.backup(tmp_path / f"{mode:o}.copy")
        assert _mode(tmp_path / f"{mode:o}.copy") == mode


async def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (folder := tmp_path / "mine").mkdir(mode=0o755)
    folder.chmod(0o755)
    await (await _opened(folder / "queue.db")).close()
    assert _mode(folder) == 0o755


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666])
async def test_a_file_that_others_can_write_is_refused_with_a_sentence(mode: int, database: Path) -> None:
    database.touch()
    database.chmod(mode)
    with pytest.raises(UnsafePlace, match=r"others can write to .*queue\.db, and so run commands as you; `chmod go-w`"):
        await _opened(database)
    assert database.stat().st_size == 0


async def test_a_file_that_its_group_can_write_is_what_sharing_means_and_one_that_all_can_write_is_not(
    database: Path,
) -> None:
    database.touch()
    database.chmod(0o660)
    await (await _opened(database, AQUEUE_SHARE="group")).close()
    database.chmod(0o666)
    with pytest.raises(UnsafePlace):
        await _opened(database, AQUEUE_SHARE="group")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to a stranger")
async def test_a_file_of_a_stranger_is_refused_with_a_sentence(database: Path) -> None:
    await (await _opened(database)).close()
    os.chown(database, NOBODY, NOBODY)
    with pytest.raises(UnsafePlace, match=f"belongs to another user \\(uid {NOBODY}\\), who could run commands as you"):
        await _opened(database)


async def test_a_folder_that_others_can_write_gives_a_warning(tmp_path: Path) -> None:
    (folder := tmp_path / "open").mkdir()
    folder.chmod(0o777)
    async with Queue.open(folder / "queue.db") as queue:
        (place,) = [finding for finding in await queue.examine() if finding.what == "place"]
    assert place.verdict == "warning"
    assert f"others can write to {folder}" in place.seen
    folder.chmod(0o700)
    async with Queue.open(folder / "queue.db") as queue:
        assert {finding.verdict for finding in await queue.examine()} == {"ok"}


@pytest.mark.parametrize("name", ["queue.db", "queue.db-wal", "queue.db-shm", "queue.db.d", "queue.db.log"])
async def test_a_symbolic_link_in_a_folder_that_others_can_write_is_not_followed(name: str, tmp_path: Path) -> None:
    (folder := tmp_path / "open").mkdir()
    folder.chmod(0o1777)
    (precious := tmp_path / "precious").write_text("precious")
    (folder / name).symlink_to(precious)
    with pytest.raises(UnsafePlace, match=f"{name} is a symbolic link in a folder that others can write to"):
        await _opened(folder / "queue.db")
    assert precious.read_text() == "precious"
    assert {path.name for path in folder.iterdir()} == {name}


async def test_whoever_comes_by_a_symbolic_link_meets_those_who_come_by_the_file(
    database: Path, gate: Gate, tmp_path: Path
) -> None:
    (job_id,) = await enqueue(database, gate.pass_)
    (folder := tmp_path / "elsewhere").mkdir()
    (link := folder / "link.db").symlink_to(database)
    async with working(database) as worker, working(link) as other:
        await _told_by_either(worker, other, "Started")
        (second,) = await enqueue(link, "true")
        await _told_by_either(worker, other, "Settled", job=second, state="completed")
        await gate.open()
        await _told_by_either(worker, other, "Settled", job=job_id, state="completed", run=1)
        await worker.stop()
        await other.stop()
        assert not any(told["event"] == "Rescuing" for told in worker.told + other.told)
    assert [path.name for path in folder.iterdir()] == ["link.db"]


async def _told_by_either(first: Worker, second: Worker, event: str, **facts: object) -> None:
    hearing = [asyncio.ensure_future(worker.hear(event, **facts)) for worker in (first, second)]
    done, pending = await asyncio.wait(hearing, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


async def test_what_is_no_queue_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (text := tmp_path / "text").write_text("what a person wrote\n" * 100)
    text.chmod(0o600)
    for path in (tmp_path, text, tmp_path / "text" / "queue.db", tmp_path / ("x" * 300)):
        with pytest.raises(StoreError, match=str(tmp_path)):
            await _opened(path)
    assert text.read_text() == "what a person wrote\n" * 100


async def test_an_unknown_way_of_sharing_is_refused(database: Path) -> None:
    with pytest.raises(InvalidInput, match="AQUEUE_SHARE is 'all'; only group is known"):
        await _opened(database, AQUEUE_SHARE="all")
