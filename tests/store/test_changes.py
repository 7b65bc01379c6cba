"""What has changed since an event, for those who show a queue while it lives."""

from functools import partial

from aqueue.model.ending import Exited
from aqueue.store import changes, printed
from aqueue.store.changes import Changes, Since
from aqueue.store.printed import Piece, Place, Printed, Stream
from aqueue.store.sqlite import SqliteStore

from .harness import Plain, cancel, claim, claimed, edit, enqueue, get, hold, new, remove, settle


async def changed(
    store: SqliteStore, since: Since | None = None, most: int = 10, wanted: tuple[Place, ...] = ()
) -> Changes:
    return await store.read(lambda: changes.changes(since, most, wanted))


async def test_from_now_on_nothing_has_changed(store: SqliteStore) -> None:
    await enqueue(store)
    found = await changed(store)
    assert (found.jobs, found.removed, found.more) == ([], [], False)
    assert (await changed(store, found.since)).since == found.since


async def test_each_job_that_changed_is_told_once_and_as_it_is(store: SqliteStore) -> None:
    await enqueue(store, new(id="a"), new(id="b"))
    since = (await changed(store)).since
    await settle(store, (await claim(store))[0], Exited(0))
    found = await changed(store, since)
    assert [(job.id, job.state) for job in found.jobs] == [("a", "completed")]
    assert (await changed(store, found.since)).jobs == []


async def test_of_too_many_only_the_newest_are_told(store: SqliteStore) -> None:
    since = (await changed(store)).since
    await enqueue(store, *(new(id=f"a{number}") for number in range(5)))
    found = await changed(store, since, most=3)
    assert ([job.id for job in found.jobs], found.more) == (["a2", "a3", "a4"], True)
    assert (await changed(store, since, most=5)).more is False


async def test_what_was_removed_is_told_by_whomever_it_was(store: SqliteStore, client: Plain) -> None:
    await enqueue(store, *(new(id=f"a{number}") for number in range(3)), new())
    since = (await changed(store)).since
    await remove(store, "a1")
    client.do("DELETE FROM jobs WHERE custom_id IS NULL OR custom_id = 'a2'")
    found = await changed(store, since)
    assert sorted(found.removed) == ["4", "a1", "a2"]
    assert (await changed(store, found.since)).removed == []
    assert (await changed(store, since, most=2)).more is True
    # Whoever comes back knows only of the event that it has seen last.
    assert len((await changed(store, Since(since.event))).removed) == 3


async def test_an_edit_and_a_hold_that_leave_the_state_are_told_once(store: SqliteStore, client: Plain) -> None:
    await enqueue(store, new(id="a"), new(id="b"), new(id="c", after=["a"]))
    since = (await changed(store)).since
    await edit(store, "a", priority=5)
    client.do("UPDATE jobs SET command = 'false' WHERE custom_id = 'b'")
    await hold(store, "c")
    found = await changed(store, since)
    told = [(job.id, job.priority, job.command, job.held) for job in found.jobs]
    assert told == [("a", 5, "true", False), ("b", 0, "false", False), ("c", 0, "true", True)]
    assert (await changed(store, found.since)).jobs == []
    # Whoever comes back knows only of the event that it has seen last.
    assert len((await changed(store, Since(since.event))).jobs) == 3


async def test_only_the_last_removals_are_remembered(store: SqliteStore, client: Plain) -> None:
    await enqueue(store, *(new() for _ in range(1100)))
    client.do("DELETE FROM jobs")
    assert client.value("SELECT count(*) FROM aqueue_eventless") == 1000
    assert (await changed(store, Since(0), most=2000)).removed[0] == "1100"


async def test_a_report_of_progress_is_a_change(store: SqliteStore) -> None:
    job = await claimed(store, new(id="a"))
    since = (await changed(store)).since
    for text in ("10", "20"):
        await store.write(partial(printed.add, [Printed(job.seq, job.run, (), progress=text)], 100))
        found = await changed(store, since)
        assert [(job.id, job.progress) for job in found.jobs] == [("a", text)]
        since = found.since
    assert (await changed(store, since)).jobs == []


def piece(start: int, data: bytes, stream: Stream = Stream.STDOUT) -> Piece:
    return Piece(stream, start, 0.0, data)


async def test_what_a_run_has_printed_is_told_from_a_place_on(store: SqliteStore) -> None:
    job = await claimed(store, new(id="a"))
    pieces = (piece(0, b"ab\xc3"), piece(3, b"x", Stream.STDERR), piece(4, b"\xa4cd"))
    await store.write(lambda: printed.add([Printed(job.seq, job.run, pieces)], 100))
    places = [Place(job.seq, job.run, start) for start in (0, 1, 4, 5, 7)]
    found = (await changed(store, wanted=tuple(places))).printed
    assert [[one.data for one in found[place].pieces] for place in places] == [
        [b"ab\xc3", b"x", b"\xa4cd"],
        [b"b\xc3", b"x", b"\xa4cd"],
        [b"\xa4cd"],
        [b"cd"],
        [],
    ]
    assert found[places[1]].cut == {Stream.STDOUT: b"a", Stream.STDERR: b""}
    assert found[places[3]].cut == {Stream.STDOUT: b"b\xc3\xa4"[-3:], Stream.STDERR: b"x"}
    assert not any(part.ended or part.more for part in found.values())


async def test_a_part_has_a_bound_and_the_next_goes_on_there(store: SqliteStore) -> None:
    job = await claimed(store)
    pieces = tuple(piece(2 * number, b"xx") for number in range(40))
    await store.write(lambda: printed.add([Printed(job.seq, job.run, pieces)], 1000))
    start, parts = 0, 0
    while True:
        part = await store.read(partial(printed.part, Place(job.seq, job.run, start), most=7))
        assert sum(len(one.data) for one in part.pieces) <= 8
        start, parts = part.pieces[-1].end, parts + 1
        if not part.more:
            break
    assert (start, parts) == (80, 10)


async def test_a_run_has_ended_when_its_job_is_elsewhere(store: SqliteStore) -> None:
    job = await claimed(store, new(id="a"))

    async def ended(run: int, seq: int = job.seq) -> bool:
        place = Place(seq, run, 0)
        return (await changed(store, wanted=(place,))).printed[place].ended

    assert [await ended(1), await ended(2), await ended(0), await ended(1, seq=99)] == [False, False, True, True]
    await settle(store, job, Exited(1))
    assert [await ended(1), await ended(2)] == [True, False]
    await cancel(store, await get(store, "a"))
    assert await ended(1)
