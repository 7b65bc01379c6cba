"""What people do to jobs that wait for others: hold, release, remove and edit them."""

import pytest

from aqueue.model import lifecycle
from aqueue.model.errors import Awaited, Cycle, KeyHeld, NoSuchJob, ParentEnded
from aqueue.model.job import State
from aqueue.store import sql
from aqueue.store.protocol import Store

from .family import DEATH, diamond, end, job
from .harness import NOW, Plain, claim, edit, enqueue, get, hold, new, remove, retry, retry_all, run, state, states


async def test_a_hold_on_a_blocked_job_holds_when_its_parents_have_ended(store: Store) -> None:
    await enqueue(store, job("a"), job("b", "a"), job("c", "a", delay=60))
    assert (await hold(store, "b")).state is State.BLOCKED
    assert (await edit(store, "c", run_at=NOW + 5)).state is State.BLOCKED
    await end(store, "a")
    held, postponed = await get(store, "b"), await get(store, "c")
    assert (held.state, held.held, held.run_at) == (State.SCHEDULED, True, None)
    assert (postponed.state, postponed.run_at) == (State.SCHEDULED, NOW + 5)


async def test_a_release_takes_the_hold_of_a_blocked_job_but_not_its_parents(store: Store) -> None:
    await enqueue(store, job("a"), job("b", "a", hold=True))
    (released,) = await store.write(lambda: sql.change(["b"], lambda one: lifecycle.release(one, NOW), NOW))
    assert (released.state, released.held) == (State.BLOCKED, False)
    await end(store, "a")
    assert await state(store, "b") is State.PENDING


async def test_a_job_for_which_others_wait_is_not_removed_without_them(store: Store) -> None:
    await diamond(store)
    await end(store, "top", "left")
    for one in ("right", "left"):
        with pytest.raises(Awaited, match=f"^job {one} cannot be removed: job bottom, which comes after it, is block"):
            await remove(store, one)
    await remove(store, "top")
    await remove(store, "left", "bottom", "right")
    assert await states(store) == {}


async def test_plain_sql_does_not_remove_what_others_wait_for_but_whatever_has_ended(
    store: Store, client: Plain
) -> None:
    await diamond(store)
    await end(store, "top", "left")
    with pytest.raises(Exception, match="other jobs wait for this one"):
        client.do("DELETE FROM jobs WHERE custom_id = 'right'")
    client.do("DELETE FROM jobs WHERE state = 'completed'")
    await end(store, "right", "bottom")
    client.do("DELETE FROM jobs WHERE custom_id = 'bottom'")
    client.do("DELETE FROM jobs")
    assert client.rows("SELECT * FROM aqueue_dependencies") == []


async def test_what_comes_after_a_job_that_died_and_was_removed_runs_only_if_a_person_frees_it(
    store: Store,
) -> None:
    await enqueue(store, job("a"), job("b"), job("child", "a", "b"), job("last", "child"), job("any", after_any=["a"]))
    await run(store, "a", DEATH)
    await remove(store, "a")
    await end(store, "b")
    assert await states(store) == {"b": "completed", "child": "cancelled", "last": "cancelled", "any": "pending"}
    reason = (
        "^job child cannot be retried: a job that it waits for was removed; `aqueue edit child --after none` frees it$"
    )
    with pytest.raises(ParentEnded, match=reason):
        await retry_all(store, "child")
    with pytest.raises(ParentEnded):
        await edit(store, "child", after_any=("b",))
    await edit(store, "child", after=())
    assert (await states(store))["child"] == "pending"
    assert (await states(store))["last"] == "blocked"


async def test_what_comes_after_a_job_that_completed_and_was_removed_can_be_retried(store: Store) -> None:
    await enqueue(store, job("a"), job("child", "a"))
    await end(store, "a", "child")
    await remove(store, "a")
    await retry_all(store, "child")
    await end(store, "child")


async def test_a_parent_that_is_gone_keeps_it_cancelled_whatever_the_others_do(store: Store) -> None:
    await enqueue(store, job("b"), job("a"), job("child", "b", "a"))
    await run(store, "b", DEATH)
    await run(store, "a", DEATH)
    await remove(store, "a")
    await retry_all(store, "b")
    child = await get(store, "child")
    assert (child.state, child.error) == (State.CANCELLED, "cancelled: a job that it waits for was removed")


async def test_a_job_can_be_given_parents_and_be_freed_of_them(store: Store) -> None:
    await enqueue(store, job("a"), job("b"), job("later", delay=60))
    assert (await edit(store, "b", after=("a",))).state is State.BLOCKED
    later = await edit(store, "later", after_any=("a",))
    assert (later.state, later.run_at, later.after_any) == (State.BLOCKED, NOW + 60, ("a",))
    assert (await edit(store, "b", after=())).state is State.PENDING
    await end(store, "a")
    assert await states(store) == {"a": "completed", "b": "pending", "later": "scheduled"}


async def test_a_job_that_is_given_parents_that_have_completed_keeps_its_place_in_the_line(store: Store) -> None:
    await enqueue(store, job("a"), job("b"))
    await end(store, "a")
    before = await get(store, "b")
    after = await edit(store, "b", after=("a",))
    assert (after.state, after.run_at) == (State.PENDING, before.run_at)


async def test_a_job_that_failed_and_is_given_parents_keeps_its_attempts(store: Store) -> None:
    await enqueue(store, new("b", id="b", max_retries=1), job("a", hold=True))
    await run(store, "b", DEATH)
    assert (await edit(store, "b", after=("a",))).state is State.BLOCKED
    await edit(store, "b", after=())
    (again,) = await claim(store, now=NOW + 60)
    assert (again.id, again.attempts) == ("b", 2)


async def test_parents_that_make_no_sense_are_refused_and_change_nothing(store: Store) -> None:
    await enqueue(store, job("a"), job("b", "a"), job("c", "b"), job("dead"), job("x"))
    await run(store, "dead", DEATH)
    before = [await get(store, one) for one in ("a", "b", "c", "x")]
    for error, reason, of, parents in (
        (Cycle, "jobs would wait for one another: a, c", "a", ("c",)),
        (Cycle, "job a would wait for itself", "a", ("a",)),
        (NoSuchJob, "no such job: nobody", "a", ("x", "nobody")),
        (ParentEnded, "job x cannot be edited: job dead, which it waits for, is dead", "x", ("dead",)),
        (ParentEnded, "job b cannot be edited: job dead, which it waits for, is dead", "b", ("a", "dead")),
    ):
        with pytest.raises(error, match=f"^{reason}$"):
            await edit(store, of, after=parents)
    assert [await get(store, one) for one in ("a", "b", "c", "x")] == before


async def test_what_was_cancelled_with_a_parent_comes_back_when_it_is_freed_of_it(store: Store) -> None:
    await enqueue(store, job("a"), job("b"), job("c", "a", "b"), job("d", "c"))
    await run(store, "a", DEATH)
    await edit(store, "c", after=("b",))
    assert await states(store) == {"a": "dead", "b": "pending", "c": "blocked", "d": "blocked"}


async def test_one_list_of_parents_can_be_changed_when_some_of_the_other_are_gone(store: Store) -> None:
    await enqueue(store, job("a"), job("b"), job("c", after_any=["a", "b"]))
    await end(store, "a", "b", "c")
    await remove(store, "a")
    edited = await edit(store, "c", after=("b",))
    assert (edited.after, edited.after_any) == (("b",), ("a", "b"))
    await retry_all(store, "c")
    assert await state(store, "c") is State.PENDING


async def test_a_key_that_was_given_away_meanwhile_keeps_a_parent_from_being_retried(store: Store) -> None:
    await enqueue(store, job("a"), job("b", "a"), job("c", "b", unique="k"))
    await run(store, "a", DEATH)
    await enqueue(store, job("new", unique="k"))
    before = await states(store)
    reason = "^job new, which is not finished, has the unique key 'k' of job c, which would come back with it$"
    with pytest.raises(KeyHeld, match=reason) as caught:
        await retry_all(store, "a")
    assert caught.value.reasons.keys() == {"a"}
    assert await states(store) == before
    await end(store, "new")
    await retry_all(store, "a")
    assert (await states(store))["c"] == "blocked"


async def test_a_stranger_is_freed_of_its_attempts_only_by_its_own_retry(store: Store) -> None:
    await enqueue(store, new("a", id="a"), job("b", "a"))
    await run(store, "a", DEATH)
    assert (await retry(store, await get(store, "a"))).attempts == 0
    assert await states(store) == {"a": "pending", "b": "blocked"}
