"""Looking along the edges between jobs: what keeps one, what is around it, and whether it can end at all."""

import pytest

from aqueue.store import chain
from aqueue.store.chain import Branch, Chain
from aqueue.store.examine import examine
from aqueue.store.finding import Verdict
from aqueue.store.protocol import Store

from .family import DEATH, diamond, end, job
from .harness import Plain, cancel_all, edit, enqueue, get, hold, remove, run, state


async def around(store: Store, job_id: str) -> Chain:
    job = await get(store, job_id)
    return await store.read(lambda: chain.chain(job))


def drawn(branch: Branch) -> list[object]:
    """The ids of a branch, each followed by its own branch, and how many more there are."""
    ids: list[object] = []
    for kin in branch.kin:
        ids += [kin.id, drawn(kin.further)] if kin.further.kin or kin.further.more else [kin.id]
    return [*ids, branch.more] if branch.more else ids


async def kept(store: Store, job_id: str) -> tuple[list[str], int, str | None]:
    job = await get(store, job_id)
    found = await store.read(lambda: chain.kept(job))
    return [parent.id for parent in found.parents], found.count, found.cause


async def test_a_job_alone_has_nothing_around_it(store: Store) -> None:
    await enqueue(store, job("a"))
    assert await around(store, "a") == Chain(Branch([]), Branch([]))


async def test_who_is_met_again_is_shown_again_but_not_gone_into(store: Store) -> None:
    await diamond(store)
    await enqueue(store, job("last", "bottom"))
    assert drawn((await around(store, "top")).below) == ["left", ["bottom", ["last"]], "right", ["bottom"]]
    assert drawn((await around(store, "last")).above) == ["bottom", ["left", ["top"], "right", ["top"]]]
    left = await around(store, "left")
    assert (drawn(left.above), drawn(left.below)) == (["top"], ["bottom", ["last"]])


async def test_a_long_chain_is_cut_and_says_that_there_is_more(store: Store) -> None:
    await enqueue(store, *(job(f"j{n}", *([f"j{n - 1}"] if n else [])) for n in range(20)))
    middle = await around(store, "j10")
    assert drawn(middle.above) == ["j9", ["j8", ["j7", [1]]]]
    assert drawn(middle.below) == ["j11", ["j12", ["j13", [1]]]]


async def test_of_many_those_are_shown_that_it_waits_for_and_the_others_are_counted(store: Store) -> None:
    parents = [f"j{n}" for n in range(20)]
    await enqueue(store, *map(job, parents), job("child", *parents), *(job(f"k{n}", "child") for n in range(30)))
    await end(store, *parents[:17])
    family = await around(store, "child")
    assert drawn(family.above) == ["j17", "j18", "j19", "j0", "j1", 15]
    assert drawn(family.below) == ["k0", "k1", "k2", "k3", "k4", 25]
    assert await kept(store, "child") == (["j17", "j18", "j19"], 3, None)


async def test_a_wide_family_is_not_shown_without_end(store: Store) -> None:
    children = [job(f"a{n}", "root") for n in range(5)]
    await enqueue(store, job("root"), *children, *(job(f"b{n}.{m}", f"a{n}") for n in range(5) for m in range(5)))
    assert drawn((await around(store, "root")).below) == [
        *("a0", ["b0.0", "b0.1", "b0.2", "b0.3", "b0.4"]),
        *("a1", ["b1.0", "b1.1", "b1.2", "b1.3", "b1.4"]),
        *("a2", [5], "a3", [5], "a4", [5]),
    ]


async def test_what_keeps_a_job_is_named_and_counted(store: Store) -> None:
    parents = [f"j{n}" for n in range(9)]
    await enqueue(store, *map(job, parents), job("child", *parents))
    await end(store, "j0")
    assert await kept(store, "child") == (["j1", "j2", "j3", "j4", "j5"], 8, None)
    assert await kept(store, "j1") == ([], 0, None)


async def test_the_job_that_began_it_is_found_however_many_were_cancelled_between(store: Store) -> None:
    await enqueue(store, job("a"), job("b", "a"), job("c", "b"), job("d", "c"))
    await run(store, "a", DEATH)
    assert await kept(store, "d") == ([], 0, "a")


async def cannot_end(store: Store, *ids: str) -> str | None:
    seqs = [(await get(store, one)).seq for one in ids]
    return await store.read(lambda: chain.cannot_end(seqs))


async def test_a_wait_that_only_a_person_can_end_is_found_out(store: Store) -> None:
    await enqueue(store, job("a"), job("b", "a"), job("c", "b"), job("x", hold=True))
    assert await cannot_end(store, "a", "b", "c") is None
    await hold(store, "a")
    assert await cannot_end(store, "b", "c") == "job b waits for job a, which is held; release that first"
    await edit(store, "c", after=("x",))
    assert await cannot_end(store, "c") == "job c waits for job x, which is held; release that first"


async def test_a_wait_for_a_job_that_may_yet_die_is_none(store: Store) -> None:
    await enqueue(store, job("a"), job("x", hold=True), job("c", "a", "x"), job("d", "c"))
    assert await cannot_end(store, "d") is None
    await end(store, "a")
    assert await cannot_end(store, "d") == "job d waits for job x, which is held; release that first"
    await cancel_all(store, "x")
    assert await cannot_end(store, "d") is None
    assert await state(store, "d") == "cancelled"


@pytest.mark.parametrize(
    ("damage", "seen"),
    [
        ("UPDATE aqueue_dependencies SET standing = 'closed'", "closed, and the parent is pending"),
        ("UPDATE aqueue_dependencies SET standing = 'broken' WHERE child = 3", "broken, and the parent is pending"),
        ("DELETE FROM aqueue_dependencies WHERE child = 2", "job left is blocked and waits for nothing"),
        ("INSERT INTO aqueue_dependencies VALUES (99, 1, 0, 'open')", "the child is not there"),
        ("INSERT INTO aqueue_dependencies VALUES (1, 99, 0, 'open')", "the parent is not there"),
        ("INSERT INTO aqueue_dependencies VALUES (1, 99, 1, 'broken')", "the parent is not there"),
    ],
)
async def test_edges_that_do_not_fit_the_states_are_found(store: Store, client: Plain, damage: str, seen: str) -> None:
    async def finding() -> tuple[Verdict, str]:
        return next((one.verdict, one.seen) for one in await examine(store, {}) if one.what == "dependencies")

    await diamond(store)
    await enqueue(store, job("dead"), job("cancelled", "dead"))
    await run(store, "dead", DEATH)
    await remove(store, "dead")
    assert await finding() == (Verdict.OK, "they are those of the states")
    client.do(damage)
    verdict, what = await finding()
    assert verdict is Verdict.BAD
    assert seen in what
