"""Slices of a selection: what can be done is done, what cannot is told, and no other job notices."""

from collections.abc import Sequence

import pytest

from aqueue.model import lifecycle
from aqueue.model.job import Decidable, State
from aqueue.model.lifecycle import Transition
from aqueue.model.selection import Filter
from aqueue.store import printed, reading, selection
from aqueue.store.printed import Piece, Printed, Stream
from aqueue.store.protocol import Store
from aqueue.store.selection import Sliced

from .harness import NOW, Plain, cancel, claim, enqueue, get, hold, new, settle, state


def retry(job: Decidable) -> Transition:
    return lifecycle.retry(job, NOW)


def may_go(job: Decidable) -> None:
    lifecycle.check_removable(job)


async def remove(store: Store, *seqs: int) -> Sliced:
    return await store.write(lambda: selection.remove(seqs, may_go))


@pytest.fixture
async def mixed(store: Store) -> Store:
    """Job 1 is completed, 2 is processing, 3 cancelled, 4 and 5 pending, 5 in another queue and with a tag."""
    await enqueue(store, *[new()] * 2)
    first, _ = await claim(store, slots=2)
    await settle(store, first)
    await enqueue(store, *[new()] * 2, new("echo hello", queue="mail", tags=["x"]))
    await cancel(store, await get(store, "3"))
    return store


@pytest.mark.parametrize(
    ("filters", "seqs"),
    [
        ([Filter()], [1, 2, 3, 4, 5]),
        ([Filter(state=State.PENDING)], [4, 5]),
        ([Filter(state=State.PENDING), Filter(state=State.COMPLETED)], [1, 4, 5]),
        ([Filter(queue="mail")], [5]),
        ([Filter(tag="x"), Filter(tag="y")], [5]),
        ([Filter(search="HELLO", state=State.PENDING)], [5]),
        ([Filter(state=State.SCHEDULED, held=True)], []),
        ([], []),
    ],
    ids=str,
)
async def test_the_numbers_of_those_that_match_the_oldest_first(
    mixed: Store, filters: Sequence[Filter], seqs: Sequence[int]
) -> None:
    assert await mixed.read(lambda: reading.seqs_of(filters)) == seqs


async def test_held_jobs_are_told_from_those_that_wait_for_their_time(store: Store) -> None:
    await enqueue(store, new(), new(delay=60))
    await hold(store, "1")
    for held, seqs in ((True, [1]), (False, [2]), (None, [1, 2])):
        filters = [Filter(state=State.SCHEDULED, held=held)]
        assert await store.read(lambda: reading.seqs_of(filters)) == seqs  # noqa: B023 - awaited here


async def test_what_cannot_be_changed_is_passed_over_with_the_reason(mixed: Store) -> None:
    sliced = await mixed.write(lambda: selection.change([1, 2, 3, 4, 99], retry, NOW))
    assert (sliced.done, list(map(str, sliced.refused)), sliced.left) == (
        2,
        [
            "it is not there any more",
            "job 2 is processing and cannot be retried",
            "job 4 is pending and cannot be retried",
        ],
        (),
    )
    assert [await state(mixed, job) for job in "12345"] == ["pending", "processing", "pending", "pending", "pending"]


async def test_running_jobs_are_asked_to_end_and_the_others_are_cancelled(mixed: Store) -> None:
    sliced = await mixed.write(lambda: selection.change([2, 4], lambda job: lifecycle.cancel(job, NOW), NOW))
    assert sliced == Sliced(2, [])
    assert (await get(mixed, "2")).cancel_requested
    assert await state(mixed, "4") == "cancelled"


async def test_to_weigh_changes_nothing(mixed: Store, client: Plain) -> None:
    before = client.rows("SELECT * FROM jobs")
    weighed = await mixed.read(lambda: selection.weigh([1, 2, 3], retry))
    assert ([job.seq for job, _ in weighed.able], len(weighed.refused)) == ([1, 3], 1)
    assert client.rows("SELECT * FROM jobs") == before


async def test_an_edit_changes_what_is_named_of_each_and_may_give_them_another_time(mixed: Store) -> None:
    def decide(job: Decidable) -> Transition | None:
        lifecycle.check_editable(job)
        return lifecycle.postpone(job, NOW + 60, NOW)

    changes = {"priority": 7, "tags": ["new"], "env": {"A": "1"}, "timeout": 0.0}
    sliced = await mixed.write(lambda: selection.edit([1, 2, 4, 5], changes, decide, NOW))
    assert (sliced.done, len(sliced.refused)) == (2, 2)
    job = await get(mixed, "5")
    assert (job.priority, job.tags, job.env, job.timeout, job.state) == (7, ("new",), {"A": "1"}, None, "scheduled")
    assert (job.command, job.queue, job.run_at) == ("echo hello", "mail", NOW + 60)
    assert (await get(mixed, "2")).priority == 0


async def test_jobs_are_removed_with_all_that_belongs_to_them(mixed: Store, client: Plain) -> None:
    await mixed.write(lambda: printed.add([Printed(1, 1, [Piece(Stream.STDOUT, 0, NOW, b"hello")])], 10**9))
    assert await remove(mixed, 1, 3, 5) == Sliced(3, [], [])
    assert await mixed.read(lambda: reading.seqs_of([Filter()])) == [2, 4]
    for table in ("aqueue_runs", "aqueue_events", "aqueue_output"):
        assert client.rows(f"SELECT 1 FROM {table} WHERE job IN (1, 3, 5)") == []
    assert client.value("SELECT bytes FROM aqueue_output_size") == 0
    sliced = await remove(mixed, 2)
    assert (sliced.done, str(sliced.refused[0])) == (0, "job 2 is processing and cannot be removed; cancel it first")


async def test_of_jobs_with_much_output_a_slice_removes_some_and_leaves_the_rest(
    store: Store, client: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "CLEARED_AT_ONCE", 1000)
    await enqueue(store, *[new()] * 4)
    for seq, count in ((1, 1), (2, 25), (3, 1)):
        pieces = [Piece(Stream.STDOUT, start * 100, NOW, b"x" * 100) for start in range(count)]
        await store.write(lambda: printed.add([Printed(seq, 1, pieces)], 10**9))  # noqa: B023 - awaited here
    left: Sequence[int] = [1, 2, 3, 4]
    dones = []
    while left:
        sliced = await remove(store, *left)
        dones.append(sliced.done)
        left = sliced.left
    assert dones == [1, 0, 3]
    assert client.value("SELECT bytes FROM aqueue_output_size") == 0
    assert client.value("SELECT count(*) FROM jobs") == 0


async def test_pieces_too_many_for_one_slice_are_left_too(
    store: Store, client: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "PIECES_AT_ONCE", 3)
    await enqueue(store, new(), new())
    pieces = [Piece(Stream.STDOUT, start, NOW, b"x") for start in range(3)]
    await store.write(lambda: printed.add([Printed(1, 1, pieces)], 10**9))
    assert await remove(store, 1, 2) == Sliced(0, [], [1, 2])
    assert await remove(store, 1, 2) == Sliced(2, [], [])


async def test_an_edit_of_many_takes_off_a_backoff_and_leaves_what_it_does_not_name(store: Store) -> None:
    await enqueue(store, *[new(backoff_base=3, backoff_max=60)] * 2)
    await store.write(lambda: selection.edit([1, 2], {"backoff_base": None}, lambda _: None, NOW))
    for job in "12":
        edited = await get(store, job)
        assert (edited.backoff_base, edited.backoff_max) == (None, 60)
