"""The folder of the database is the volume: other mounts are found out, and nothing else need be writable."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from faults.harness import enqueue, environ, run, run_aqueue, small_disk

from aqueue import door
from aqueue.model.errors import InvalidInput, UnsafePlace
from aqueue.queue import Queue
from aqueue.store import mounts, open_store

from .harness import worker

NOBODY = 65534


@pytest.mark.parametrize("words", [["enqueue", "true"], ["status"], ["worker", "--burst"], ["health"]], ids=" ".join)
async def test_a_database_that_is_mounted_without_its_folder_is_refused_and_nothing_is_written(
    words: list[str], database: Path, tmp_path: Path
) -> None:
    await enqueue(database, "first")
    mount = f'touch "$1/queue.db"; mount --bind "{database}" "$1/queue.db"'
    with small_disk(tmp_path / "volume", mount) as disk:
        mounted = disk.folder / "queue.db"
        code, out, err = await run(*disk.inside, sys.executable, "-m", "aqueue", "--db", str(mounted), *words)
        assert (code, out) == (1, "")
        assert err == (
            f"Error: {mounted} is a mount of its own: what is written beside it would not go along with it, and be "
            "lost; mount its folder\n"
        )
    async with Queue.open(database) as queue:
        assert [job.command for job in await queue.list()] == ["first"]


async def test_a_folder_that_is_mounted_is_what_is_meant(database: Path, tmp_path: Path) -> None:
    await enqueue(database, "first")
    with small_disk(tmp_path / "volume", f'mount --bind "{database.parent}" "$1"') as disk:
        mounted = disk.folder / "queue.db"
        code, out, err = await run(*disk.inside, sys.executable, "-m", "aqueue", "--db", str(mounted), "enqueue", "x")
        assert (code, out, err) == (0, "2\n", "")
    async with Queue.open(database) as queue:
        assert [job.command for job in await queue.list()] == ["x", "first"]


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
async def test_a_network_file_system_is_refused_unless_that_is_overruled(
    kind: str, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enqueue(database, "true")
    monkeypatch.setattr(mounts, "kind_of", lambda _: kind)
    with pytest.raises(UnsafePlace, match=rf"on a network file system \({kind}\), which does not keep the locks"):
        await open_store(str(database), environ={})
    assert door.enqueued(["enqueue", "true"], {"AQUEUE_DB": str(database), "HOME": "/"}) is None
    store = await open_store(str(database), environ={"AQUEUE_FILESYSTEM": "any"})
    assert store.place.warnings() == [f"{kind} is a network file system: it may lose locks, and with them jobs"]
    await store.close()
    with pytest.raises(InvalidInput, match="AQUEUE_FILESYSTEM is 'nfs'; only any is known"):
        await open_store(str(database), environ={"AQUEUE_FILESYSTEM": "nfs"})


async def test_a_run_may_use_the_queue_that_it_is_of_wherever_that_lies(database: Path) -> None:
    await enqueue(database, 'echo "$AQUEUE_FILESYSTEM"')
    async with worker(database, "--burst", variables={"AQUEUE_FILESYSTEM": "any"}) as allowed:
        assert await allowed.ends() == 0
    assert (await run_aqueue(database, "logs", "1"))[1] == "any\n"


def test_the_kind_of_a_file_system_is_what_the_mount_says(tmp_path: Path) -> None:
    assert mounts.kind_of(mounts.mount_of("/proc")) == "proc"
    found = subprocess.run(["stat", "-fc%T", "/proc"], capture_output=True, text=True, check=True).stdout
    assert found == "proc\n"
    assert mounts.mount_of(str(tmp_path / "nothing")) is None
    assert mounts.kind_of(None) is None


async def test_looking_at_a_mount_does_not_drop_the_locks_of_this_process(database: Path) -> None:
    store = await open_store(str(database))
    try:
        assert mounts.fault_of(str(database)) is None
        code, out, _ = await run("grep", "-c", f":{database.stat().st_ino} ", "/proc/locks")
        assert (code, int(out) > 0) == (0, True)
    finally:
        await store.close()


READ_ONLY = """
mount -t tmpfs -o size=16m,mode=700,uid=65534,gid=65534 none "$1"
for place in /dev/shm /; do mount -o remount,bind,ro $place; done
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make everything read-only, and become somebody else")
async def test_with_nothing_but_the_volume_to_write_to_and_without_rights_all_goes_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("read_only")
    for above in (folder, *list(folder.parents)[:2]):
        above.chmod(0o755)
    script = """
        cd / && ! touch /tmp/x 2> /dev/null && ! touch /x 2> /dev/null || exit 9
        seq 5000 | sed 's/.*/true &/' | "$@" enqueue - | tail -n 1
        "$@" retry --all && "$@" edit --all --priority 5 && "$@" prune --older-than 0s
        "$@" enqueue --id last -p 9 'echo hello' && "$@" cancel --all --state pending -q default --search 'true '
        "$@" worker --burst | tail -n 1 && "$@" logs last && "$@" check && "$@" backup "$VOLUME/copy.db"
    """
    with small_disk(folder / "volume", READ_ONLY) as disk:
        # It may read what this suite is made of, wherever that lies, and nothing else.
        rights = (f"--{kind}-caps=-all,+dac_read_search" for kind in ("inh", "ambient"))
        demoted = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *rights)
        words = (*disk.inside, *demoted, "sh", "-ec", script, "sh", sys.executable, "-m", "aqueue")
        variables = {"AQUEUE_DB": f"{disk.folder}/queue.db", "VOLUME": str(disk.folder)}
        done = await asyncio.to_thread(
            subprocess.run, words, env={**environ(), **variables}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "5000\n" in done.stdout
        assert "hello\n" in done.stdout
        assert {"queue.db", "copy.db"} <= set(disk.names())
