"""What a run may take: memory, of which the kernel's word is told, and processor time."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from faults.harness import enqueue, jobs, run_aqueue, working
from server import NOBODY

from aqueue.engine.cgroup import Cgroup
from aqueue.engine.hierarchy import Membership, memberships
from aqueue.engine.oom import HIGHER, Kills, kills_in
from aqueue.engine.process import Memory, _ending_of
from aqueue.engine.room import LIMITS, Rooms
from aqueue.engine.unable import Unable
from aqueue.queue import Queue

from .harness import worker

GREEDY = "head -c 300M /dev/zero | tail -c 300M > /dev/null"
"""A command that takes that much memory, in a process that its shell waits for."""


def _own() -> Membership | None:
    return next((one for one in memberships("memory") if one.is_exact), None)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Sequence[str]]:
    """How to run a command in a cgroup with 200 MiB of memory."""
    own = _own()
    if own is None or not os.access(own.folder, os.W_OK):
        pytest.skip("no cgroup with the memory controller can be made here; root in a container can with --privileged")
    folder = own.folder / f"aqueue-test-{os.getpid()}"
    folder.mkdir()
    try:
        limit, swap = LIMITS[own.version]
        (folder / limit).write_text(str(200 * 2**20))
        with contextlib.suppress(OSError):
            (folder / swap).write_text("0" if own.version == 2 else str(200 * 2**20))
        yield ("sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', str(folder))
    finally:
        for part in filter(Path.is_dir, folder.iterdir()):
            part.rmdir()
        folder.rmdir()


async def test_a_run_that_the_kernel_has_killed_says_so_and_the_worker_lives(
    database: Path, small: Sequence[str]
) -> None:
    await enqueue(database, GREEDY, "exec tail /dev/zero > /dev/null", max_retries=0)
    await enqueue(database, "kill -9 $$", "exit 137", max_retries=0)
    async with worker(database, "--burst", "--concurrency", "1", inside=small) as poor:
        assert await poor.ends() == 0
    errors = [str(job["error"]).split(": Killed")[0] for job in (await jobs(database)).values()]
    assert sorted(errors) == sorted(
        ["exit code 137: out of memory", "killed by SIGKILL: out of memory", "killed by SIGKILL", "exit code 137"]
    )


async def test_a_job_has_the_memory_that_was_given_to_it_and_not_more(database: Path) -> None:
    own = _own()
    if own is None or own.version != 1 or not os.access(own.folder, os.W_OK):
        pytest.skip("no cgroup of version 1 with the memory controller can be written here")
    (held, free) = [*await enqueue(database, GREEDY, memory="32MiB", max_retries=0), *await enqueue(database, GREEDY)]
    (small,) = await enqueue(database, "cat /proc/self/cgroup; exit 3", memory="32MiB", max_retries=0)
    async with worker(database, "--burst") as giving:
        assert await giving.ends() == 0
        found = await jobs(database)
    assert str(found[held]["error"]).startswith("exit code 137: out of memory")
    assert found[free]["state"] == "completed"
    assert found[small]["error"] == "exit code 3"
    code, out, _ = await run_aqueue(database, "logs", small)
    assert (code, "/aqueue-w" in out) == (0, True)
    assert not list(own.folder.glob("aqueue-w*"))


async def test_where_no_cgroup_can_hold_it_a_limit_of_memory_is_refused_at_once(database: Path) -> None:
    rooms = Rooms("w1", None, database.parent)
    with pytest.raises(Unable, match="a limit of memory takes a cgroup with the memory controller"):
        rooms.make("1-1", 2**25)


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"memory": "32MiB"}, "a limit of memory takes a cgroup"), ({"nice": -5}, "a niceness of -5 takes a right")],
    ids=["memory", "niceness"],
)
async def test_what_a_worker_without_rights_cannot_give_makes_a_job_dead_at_its_first_attempt(
    options: dict[str, Any], reason: str, folder_of_nobody: Path
) -> None:
    database = folder_of_nobody / "queue.db"
    async with working(database, user=NOBODY) as poor:
        os.chown(database, 0, 0)
        (job,) = await enqueue(database, "true", **options)
        settled = await poor.hear("Settled", job=job)
        assert (settled["state"], settled["attempts"]) == ("dead", 1)
    error = (await jobs(database))[job]["error"]
    assert error.startswith(f"could not start: {reason}")
    assert (await run_aqueue(database, "wait", job))[0] == 126


async def test_a_run_is_nicer_from_its_first_moment_and_so_is_all_that_it_starts(database: Path) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    await enqueue(database, "nice; (nice)", nice=7)
    await enqueue(database, "nice; exit 3", nice=7, cwd="/", max_retries=0)
    await enqueue(database, "nice")
    await enqueue(database, "true", nice=7, cwd="/no/such/folder", max_retries=0)
    async with worker(database, "--burst", "--concurrency", "1") as nice:
        assert await nice.ends() == 0
    printed = [(await run_aqueue(database, "logs", str(job)))[1].split() for job in (1, 2, 3)]
    assert printed == [[str(own + 7)] * 2, [str(own + 7)], [str(own)]]
    assert "No such file or directory" in (await jobs(database))["4"]["error"]


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes a right")
async def test_with_the_right_a_run_can_be_less_nice(database: Path) -> None:
    await enqueue(database, "nice", nice=-3)
    async with worker(database, "--burst") as eager:
        assert await eager.ends() == 0
    assert (await run_aqueue(database, "logs", "1"))[1] == f"{os.getpriority(os.PRIO_PROCESS, 0) - 3}\n"


async def test_a_run_is_killed_before_the_worker(database: Path) -> None:
    own = int(Path("/proc/self/oom_score_adj").read_text())
    # Which the worker has for the moment of a start only, and that may not be over when the command begins.
    lowered = f"until grep -qx -e {own} /proc/$PPID/oom_score_adj; do sleep 0.01; done"
    await enqueue(database, f"{lowered}; cat /proc/self/oom_score_adj")
    async with worker(database, "--burst", "--with", "cat /proc/self/oom_score_adj; exec sleep 1000") as both:
        assert await both.ends() == 143
        assert f"{own}\n" in both.said
    printed = (await run_aqueue(database, "logs", "1"))[1].split()
    assert printed == [str(min(1000, own + HIGHER))]


def test_each_kill_accounts_for_one_run_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aqueue.engine.oom.FRESH", 0.0)
    (events := tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    kills = Kills(events)
    first, second = kills.before(), kills.before()
    assert not kills.took(first)
    events.write_text("oom_kill 3\n")
    later = kills.before()
    assert kills.took(first)
    assert not kills.took(second)
    assert not kills.took(later)
    events.write_text("oom_kill 5\n")
    assert kills.took(second)
    assert kills.took(later)
    assert not kills.took(kills.before())


def test_what_a_run_knows_of_itself_accounts_for_no_other(tmp_path: Path) -> None:
    (events := tmp_path / "memory.events").write_text("oom_kill 0\n")
    kills = Kills(events)
    before = kills.before()
    events.write_text("oom_kill 3\n")
    kills.account(3)
    assert not kills.took(before)


def test_a_count_that_cannot_be_read_accounts_for_nothing(tmp_path: Path) -> None:
    for text in (None, "", "oom_kill many\n", "under_oom 0\n"):
        events = tmp_path / "events"
        if text is not None:
            events.write_text(text)
        assert kills_in(events) is None
    kills = Kills(None)
    assert not kills.took(kills.before())


def test_a_cgroup_is_divided_when_the_first_limit_comes_and_not_before(tmp_path: Path) -> None:
    own = Cgroup(_fake(tmp_path, "cpu memory") / "aqueue-w1")
    own.folder.mkdir()
    (own.folder / "cgroup.procs").write_text("")
    (own.folder / "cgroup.subtree_control").write_text("")
    assert own.can_divide
    room = Rooms("w1", own, tmp_path).make("7-1", 2**25)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"
    assert (own.folder / "cgroup.subtree_control").read_text() == "+memory"
    assert (own.folder / "7-1" / "memory.max").read_text() == str(2**25)
    assert room.inside("echo 'a b'").startswith(f"echo 0 > {own.folder}/7-1/cgroup.procs && exec /bin/sh -c ")
    (own.folder / "7-1" / "memory.events").write_text("oom_kill 1\n")
    assert room.killed == 1


def test_without_the_controller_there_is_nothing_to_divide(tmp_path: Path) -> None:
    own = Cgroup(_fake(tmp_path, "cpu pids") / "aqueue-w1")
    assert not own.can_divide
    with pytest.raises(Unable):
        Rooms("w1", own, tmp_path).make("7-1", 2**25)


def _fake(folder: Path, controllers: str) -> Path:
    (folder / "cgroup.controllers").write_text(controllers)
    (folder / "cgroup.subtree_control").write_text("")
    return folder


def test_what_ends_for_want_of_memory_says_so_and_is_the_same_kind_of_end() -> None:
    assert str(_ending_of(-9, out_of_memory=True)) == "killed by SIGKILL: out of memory"
    assert str(_ending_of(137, out_of_memory=True)) == "exit code 137: out of memory"
    assert (_ending_of(137, out_of_memory=True).kind, _ending_of(-9, out_of_memory=True).kind) == (
        "exited",
        "signalled",
    )
    assert Memory(Rooms("w1", None), Kills(None)).kills.before() == 0


async def test_both_are_shown(database: Path) -> None:
    async with Queue.open(database) as queue:
        await queue.enqueue("true", nice=5, memory="64MiB", cwd="/")
    _, out, _ = await run_aqueue(database, "show", "1")
    assert "nice      5\n" in out
    assert "memory    at most 64MiB\n" in out
    assert (await run_aqueue(database, "show", "--shell", "1"))[1] == "cd / && nice -n 5 sh -c true\n"
