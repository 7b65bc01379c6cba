"""Pages of jobs, and the dead by their errors: found without looking through everything."""

from functools import partial

import pytest

from aqueue.model.job import State
from aqueue.model.selection import Filter
from aqueue.store import pages
from aqueue.store.pages import Order
from aqueue.store.sqlite import SqliteStore

from .harness import NOW, Plain, cancel, enqueue, get, new, retry


async def ids(store: SqliteStore, wanted: Filter, order: Order, limit: int) -> list[str]:
    """The ids of all pages."""
    found: list[str] = []
    at: int | None = None
    while True:
        page = await store.read(partial(pages.page, wanted, order, limit, at))
        found += [job.id for job in page.jobs]
        if page.next is None:
            return found
        at = page.next


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
async def test_pages_put_together_are_the_list(store: SqliteStore, limit: int) -> None:
    await enqueue(store, *(new(id=f"a{number}") for number in range(5)))
    everything = ["a4", "a3", "a2", "a1", "a0"]
    assert await ids(store, Filter(), Order.NEWEST, limit) == everything
    assert await ids(store, Filter(), Order.OLDEST, limit) == everything[::-1]
    assert await ids(store, Filter(state=State.PENDING), Order.NEWEST, limit) == everything
    assert await ids(store, Filter(state=State.DEAD), Order.NEWEST, limit) == []


async def test_the_last_change_of_a_state_orders_by_updates(store: SqliteStore) -> None:
    await enqueue(store, *(new(id=f"a{number}") for number in range(4)))
    for one in ("a2", "a0", "a2"):
        await cancel(store, await get(store, one))
        await retry(store, await get(store, one))
    for limit in (1, 3, 10):
        assert await ids(store, Filter(), Order.UPDATED, limit) == ["a2", "a0", "a3", "a1"]


async def test_no_page_looks_at_more_than_it_may(
    store: SqliteStore, client: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SOUGHT_AMONG", 10)
    await enqueue(store, new("needle"), *(new("hay") for _ in range(500)))
    for order in Order:
        wanted = Filter(search="needle")
        page = await store.read(partial(pages.page, wanted, order, 50))
        assert len(page.jobs) == (1 if order is Order.OLDEST else 0)
        assert page.next is not None
        assert await ids(store, wanted, order, 50) == ["1"]


async def test_the_dead_are_counted_and_some_are_named(store: SqliteStore, client: Plain) -> None:
    await enqueue(store, *(new() for _ in range(6)))
    for number, error in enumerate(["x", "y", "y", None, "y", "x"], start=1):
        client.do(
            "UPDATE jobs SET state = 'dead', error = ?, finished_at = ? WHERE seq = ?", error, NOW + number, number
        )
    groups = await store.read(lambda: pages.dead_by_error(10, 100, 2))
    assert [(one.error, one.count, one.newest, list(one.ids)) for one in groups] == [
        ("y", 3, NOW + 5, ["5", "3"]),
        ("x", 2, NOW + 6, ["6", "1"]),
        ("", 1, NOW + 4, ["4"]),
    ]
    assert len(await store.read(lambda: pages.dead_by_error(1, 100, 2))) == 1
    (newest,) = await store.read(lambda: pages.dead_by_error(10, 1, 2))
    assert newest.error == "x"
