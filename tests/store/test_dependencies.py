"""Jobs that wait for others: what follows when one ends, comes back, is removed or is given other parents."""

import itertools
from collections.abc import Sequence

import pytest

from aqueue.model.ending import Exited, Lost
from aqueue.model.errors import Cycle, NoSuchJob, ParentEnded, WrongState
from aqueue.model.job import Job, State
from aqueue.store import history, line, reading, sql
from aqueue.store.protocol import Store

from .family import DEATH, DIAMOND, diamond, end, job
from .harness import (
    NOW,
    Plain,
    cancel,
    cancel_all,
    claim,
    decision,
    enqueue,
    get,
    hold,
    new,
    retry_all,
    run,
    settle,
    state,
    states,
)


async def test_a_job_waits_until_all_that_it_comes_after_have_completed(store: Store) -> None:
    await diamond(store)
    assert await states(store) == {"top": "pending", "left": "blocked", "right": "blocked", "bottom": "blocked"}
    await end(store, "top", "right")
    assert await states(store) == {"top": "completed", "left": "pending", "right": "completed", "bottom": "blocked"}
    await run(store, "left", now=NOW + 7)
    bottom = await get(store, "bottom")
    assert (bottom.state, bottom.run_at, bottom.after) == (State.PENDING, NOW + 7, ("left", "right"))


async def end_all(store: Store, running: Sequence[Job]) -> None:
    """Let these complete in one transaction."""
    ended = [decision(one, Exited(0)) for one in running]
    assert await store.write(lambda: sql.settle(ended, NOW)) == {}


@pytest.mark.parametrize("order", [*itertools.permutations("abc")], ids="".join)
@pytest.mark.parametrize("at_once", [True, False], ids=["in one transaction", "one by one"])
async def test_the_last_of_the_parents_frees_it_whichever_that_is(
    store: Store, order: tuple[str, ...], at_once: bool
) -> None:
    await enqueue(store, job("child", *order), *map(job, "abc"))
    running = {one.id: one for one in await claim(store, 3)}
    if at_once:
        await end_all(store, [running[one] for one in order])
    else:
        for one in order:
            assert await state(store, "child") is State.BLOCKED
            await end_all(store, [running[one]])
    assert await state(store, "child") is State.PENDING


async def test_the_child_is_claimed_in_the_transaction_in_which_its_parent_ends(store: Store) -> None:
    await enqueue(store, job("parent"), job("child", "parent"))
    (parent,) = await claim(store)
    ended = decision(parent, Exited(0))
    turned = await store.turn([lambda: sql.settle([ended], NOW), lambda: line.claim("w1", [0], NOW)])
    assert [one.id for one in turned.outcomes[1].jobs] == ["child"]


async def test_the_parents_may_stand_behind_it_in_the_batch(store: Store) -> None:
    await enqueue(store, *reversed(DIAMOND))
    assert await states(store) == {"bottom": "blocked", "right": "blocked", "left": "blocked", "top": "pending"}


async def test_with_after_any_every_end_will_do(store: Store) -> None:
    await enqueue(store, job("a"), job("b"), job("c"), job("child", after_any=["a", "b", "c"]))
    await run(store, "a", DEATH)
    await cancel_all(store, "b")
    assert await state(store, "child") is State.BLOCKED
    await end(store, "c")
    assert await state(store, "child") is State.PENDING


async def test_who_is_in_both_lists_must_complete(store: Store) -> None:
    await enqueue(store, job("a"), job("child", "a", after_any=["a"]))
    await run(store, "a", DEATH)
    assert await state(store, "child") is State.CANCELLED


async def test_what_ended_before_it_was_enqueued_counts(store: Store) -> None:
    await enqueue(store, job("good"), job("bad"))
    await run(store, "bad", DEATH)
    await end(store, "good")
    await enqueue(store, job("a", "good"), job("b", "bad"), job("c", after_any=["bad", "good"]), job("d", "b"))
    after = await states(store)
    assert [after[one] for one in "abcd"] == ["pending", "cancelled", "pending", "cancelled"]
    assert (await get(store, "b")).error == "cancelled: job bad, which it waits for, is dead"


async def test_a_failure_that_is_retried_is_no_end(store: Store) -> None:
    await enqueue(store, new("a", id="a", max_retries=1), job("b", "a"), job("c", after_any=["a"]))
    await run(store, "a", Lost("w1"))
    assert await states(store) == {"a": "failed", "b": "blocked", "c": "blocked"}
    await run(store, "a", DEATH, now=NOW + 2)
    assert await states(store) == {"a": "dead", "b": "cancelled", "c": "pending"}


async def test_its_own_time_and_its_hold_keep_it_after_its_parents(store: Store) -> None:
    await enqueue(store, job("a"), job("later", "a", delay=60), job("held", "a", hold=True), job("soon", "a", delay=5))
    assert (await get(store, "later")).run_at == NOW + 60
    assert await claim(store, now=NOW + 5)
    parent = await get(store, "a")
    await settle(store, parent, now=NOW + 6)
    assert await states(store) == {"a": "completed", "later": "scheduled", "held": "scheduled", "soon": "pending"}
    assert [(await get(store, one)).run_at for one in ("later", "held", "soon")] == [NOW + 60, None, NOW + 6]


@pytest.mark.parametrize("parent", ["nobody", "7", "3", "1e3"])
async def test_a_parent_that_is_not_there_is_refused_by_name(store: Store, client: Plain, parent: str) -> None:
    await enqueue(store)
    with pytest.raises(NoSuchJob, match=f"^no such job: {parent}$"):
        await enqueue(store, new(after=["1"]), new(), new(after=["1", parent]))
    assert client.rows("SELECT seq FROM jobs") == [(1,)]
    assert client.rows("SELECT * FROM aqueue_dependencies") == []


async def test_jobs_of_a_batch_that_wait_for_one_another_are_refused(store: Store, client: Plain) -> None:
    with pytest.raises(Cycle, match=r"^jobs would wait for one another: a, c, b$"):
        await enqueue(store, job("a", "c"), job("b", "a"), job("c", after_any=["b"]), job("d", "a"))
    assert client.rows("SELECT * FROM jobs") == []


async def test_a_death_cancels_all_that_comes_after_it_and_each_says_for_whom(store: Store) -> None:
    await diamond(store)
    await enqueue(store, job("last", "bottom"), job("report", after_any=["bottom"]))
    await end(store, "top")
    await run(store, "left", DEATH)
    assert await states(store) == {
        "top": "completed",
        "left": "dead",
        "right": "pending",
        "bottom": "cancelled",
        "last": "cancelled",
        "report": "pending",
    }
    last = await get(store, "last")
    assert (last.error, last.finished_at) == ("cancelled: job bottom, which it waits for, is cancelled", NOW)
    events = await store.read(lambda: history.events(0, 100, last.seq))
    assert [(one.state, one.error) for one in events] == [(State.BLOCKED, None), (State.CANCELLED, last.error)]


async def test_a_parent_that_is_retried_brings_back_all_that_was_cancelled_with_it(store: Store) -> None:
    await diamond(store)
    await cancel_all(store, "top")
    assert set((await states(store)).values()) == {"cancelled"}
    await retry_all(store, "top")
    assert await states(store) == {"top": "pending", "left": "blocked", "right": "blocked", "bottom": "blocked"}
    bottom = await get(store, "bottom")
    assert (bottom.error, bottom.finished_at, bottom.cancelled_for) == (None, None, None)
    await end(store, "top", "left", "right", "bottom")


async def test_what_comes_back_has_its_time_and_its_hold_as_before(store: Store) -> None:
    await enqueue(store, job("a"), job("later", "a", delay=60), job("held", "a", hold=True))
    before = [await get(store, one) for one in ("later", "held")]
    await cancel_all(store, "a")
    await retry_all(store, "a")
    assert [await get(store, one) for one in ("later", "held")] == before


async def test_what_a_person_cancelled_does_not_come_back_with_its_parent(store: Store) -> None:
    await diamond(store)
    await cancel_all(store, "left", "top")
    await retry_all(store, "top")
    assert await states(store) == {"top": "pending", "left": "cancelled", "right": "blocked", "bottom": "cancelled"}


async def test_a_person_may_keep_what_was_cancelled_with_its_parent_from_coming_back(store: Store) -> None:
    await diamond(store)
    await cancel_all(store, "top")
    await cancel_all(store, "right")
    await retry_all(store, "top")
    assert await states(store) == {"top": "pending", "left": "blocked", "right": "cancelled", "bottom": "cancelled"}
    assert (await get(store, "bottom")).error == "cancelled: job right, which it waits for, is cancelled"


async def test_of_two_that_keep_it_cancelled_both_must_be_retried(store: Store) -> None:
    await enqueue(store, job("a"), job("b"), job("child", "a", "b"), job("last", "child"))
    await run(store, "a", DEATH)
    await run(store, "b", DEATH)
    assert "job a," in ((await get(store, "child")).error or "")
    await retry_all(store, "a")
    assert "job b," in ((await get(store, "child")).error or "")
    assert (await states(store))["last"] == "cancelled"
    await retry_all(store, "b")
    assert await states(store) == {"a": "pending", "b": "pending", "child": "blocked", "last": "blocked"}


async def test_a_child_that_has_begun_is_left_alone_when_its_parent_is_retried(store: Store) -> None:
    await enqueue(store, job("a"), *(job(one, "a") for one in "bcde"))
    await end(store, "a", "b")
    await claim(store)
    await hold(store, "d")
    await retry_all(store, "a")
    expected = {"a": "pending", "b": "completed", "c": "processing", "d": "scheduled", "e": "pending"}
    assert await states(store) == expected
    await cancel_all(store, "a")
    assert await states(store) == expected | {"a": "cancelled"}


async def test_a_blocked_child_waits_again_for_a_parent_that_is_retried(store: Store) -> None:
    await enqueue(store, job("a"), job("b"), job("child", "a", "b"))
    await end(store, "a")
    await retry_all(store, "a")
    await end(store, "b")
    assert await state(store, "child") is State.BLOCKED
    await end(store, "a")
    assert await state(store, "child") is State.PENDING


async def test_a_job_is_not_retried_while_its_parent_is_dead(store: Store) -> None:
    await enqueue(store, job("a"), job("b", "a"), job("c", "b"))
    await run(store, "a", DEATH)
    before = await states(store)
    with pytest.raises(ParentEnded, match=r"^job b cannot be retried: job a, which it waits for, is dead$") as caught:
        await retry_all(store, "b")
    assert caught.value.reasons.keys() == {"b"}
    with pytest.raises(ParentEnded, match=r"^job c cannot be retried: job b, which it waits for, is cancelled$"):
        await retry_all(store, "c")
    assert await states(store) == before


@pytest.mark.parametrize("ids", [("a", "b", "c"), ("c", "a"), ("c", "b", "a")], ids=" ".join)
async def test_but_it_is_together_with_its_parent(store: Store, ids: tuple[str, ...]) -> None:
    await enqueue(store, job("a"), job("b", "a"), job("c", "b"))
    await run(store, "a", DEATH)
    await retry_all(store, *ids)
    assert await states(store) == {"a": "pending", "b": "blocked", "c": "blocked"}


async def test_a_retried_job_waits_for_what_has_not_ended_of_its_parents(store: Store) -> None:
    await enqueue(store, job("a"), job("b", "a"))
    await end(store, "a")
    await run(store, "b", DEATH)
    await retry_all(store, "b")
    assert await state(store, "b") is State.PENDING
    await run(store, "b", DEATH)
    await retry_all(store, "a", "b")
    assert await states(store) == {"a": "pending", "b": "blocked"}


async def test_a_settle_that_is_refused_frees_nobody(store: Store) -> None:
    await enqueue(store, job("a"), job("b", "a"))
    (late,) = await claim(store)
    await settle(store, late, Lost("w1"))
    await retry_all(store, "a")
    assert not await settle(store, late, Exited(0))
    assert await states(store) == {"a": "pending", "b": "blocked"}


async def test_of_two_ends_of_a_parent_the_second_does_not_change_what_the_first_meant(
    store: Store, other: Store
) -> None:
    await enqueue(store, job("a"), job("b", "a"), job("c", after_any=["a"]))
    (parent,) = await claim(store)
    await settle(other, parent, Lost("w1"))
    assert not await settle(store, parent, Exited(0))
    assert await states(store) == {"a": "dead", "b": "cancelled", "c": "pending"}


async def test_the_slower_of_two_workers_that_end_the_parents_frees_the_child(store: Store, other: Store) -> None:
    await enqueue(store, job("a"), job("b"), job("child", "a", "b"))
    first, second = await claim(store, 2)
    await settle(other, second)
    assert await state(store, "child") is State.BLOCKED
    await settle(store, first)
    assert await state(other, "child") is State.PENDING


async def test_a_child_that_is_cancelled_before_its_parent_ends_stays_cancelled(store: Store) -> None:
    await enqueue(store, job("a"), job("b", "a"))
    await cancel(store, await get(store, "b"))
    await end(store, "a")
    assert await states(store) == {"a": "completed", "b": "cancelled"}


async def test_a_blocked_job_is_never_claimed_nor_retried(store: Store) -> None:
    await enqueue(store, job("a"), job("b", "a", delay=1))
    assert [one.id for one in await claim(store, 10, now=NOW + 9)] == ["a"]
    assert [one.id for one in await claim(store, 10, now=NOW + 9)] == []
    with pytest.raises(WrongState, match="job b is blocked and cannot be retried"):
        await retry_all(store, "b")


MANY = 10_000


@pytest.mark.sqlite
@pytest.mark.long
async def test_ten_thousand_in_a_row_fall_and_rise_together(store: Store) -> None:
    await enqueue(store, *(job(f"j{n}", *([f"j{n - 1}"] if n else [])) for n in range(MANY)))
    assert await store.read(reading.counts) == {"default": {State.PENDING: 1, State.BLOCKED: MANY - 1}}
    await cancel_all(store, "j0")
    assert await store.read(reading.counts) == {"default": {State.CANCELLED: MANY}}
    await retry_all(store, "j0")
    assert await store.read(reading.counts) == {"default": {State.PENDING: 1, State.BLOCKED: MANY - 1}}


@pytest.mark.long
async def test_one_can_wait_for_ten_thousand(store: Store, client: Plain) -> None:
    parents = [f"j{n}" for n in range(MANY)]
    await enqueue(store, job("child", *parents), *map(job, parents))
    for _ in range(10):
        assert await state(store, "child") is State.BLOCKED
        await end_all(store, await claim(store, MANY // 10))
    assert await state(store, "child") is State.PENDING
    assert client.value("SELECT count(*) FROM aqueue_dependencies WHERE standing = 'closed'") == MANY


async def test_ten_thousand_can_wait_for_one(store: Store) -> None:
    await enqueue(store, job("parent"), *(job(f"j{n}", "parent") for n in range(MANY)))
    (parent,) = await claim(store, 10)
    await settle(store, parent)
    assert await store.read(reading.counts) == {"default": {State.PENDING: MANY, State.COMPLETED: 1}}


async def test_jobs_without_children_cost_a_settle_no_statement_more(store: Store) -> None:
    await diamond(store)
    await enqueue(store, job("alone"))
    running = {one.id: one for one in await claim(store, 10)}

    def statements(job_id: str) -> list[str]:
        verb = sql.settle([decision(running[job_id], Exited(0))], NOW)
        names, rows = [next(verb).name], [{"seq": running[job_id].seq, "run": 1, "is_awaited": job_id == "top"}]
        while True:
            try:
                names.append(verb.send(rows if names[-1] == "apply" else []).name)
            except StopIteration:
                return names

    assert statements("alone") == ["apply", "end_runs", "count_minutes"]
    assert statements("top") == ["apply", "end_runs", "count_minutes", "turn_edges"]
