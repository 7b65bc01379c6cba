"""What runs print, as it is kept."""

from aqueue.model.ending import Exited
from aqueue.store import printed
from aqueue.store.printed import Piece, Printed, Stream
from aqueue.store.protocol import Store

from .harness import NOW, Plain, claimed, get, new, settle

PLENTY = 10**9


def piece(start: int, data: bytes, stream: Stream = Stream.STDOUT) -> Piece:
    return Piece(stream, start, NOW, data)


async def add(store: Store, *batch: Printed, total: int = PLENTY) -> bool:
    return await store.write(lambda: printed.add(batch, total))


async def kept(store: Store, run: int = 1, start: int = 0, limit: int = 100) -> list[Piece]:
    return list(await store.read(lambda: printed.read(1, run, start, limit)))


async def test_pieces_are_read_in_the_order_in_which_they_came_byte_for_byte(store: Store) -> None:
    await claimed(store)
    first, second, third = piece(0, b"\xff\x00"), piece(2, b"err", Stream.STDERR), piece(5, b"out")
    await add(store, Printed(1, 1, [first, second]), Printed(1, 1, [third]))
    assert await kept(store) == [first, second, third]
    assert await kept(store, start=2, limit=1) == [second]
    assert await kept(store, run=2) == []


async def test_what_was_overtaken_falls(store: Store) -> None:
    await claimed(store)
    await add(store, Printed(1, 1, [piece(number, b"x") for number in range(5)]))
    await add(store, Printed(1, 1, [], overtaken=(1, 4)))
    assert [one.start for one in await kept(store)] == [0, 4]


async def test_the_output_of_a_removed_job_is_not_kept(store: Store, client: Plain) -> None:
    await claimed(store)
    client.do("DELETE FROM jobs")
    await add(store, Printed(1, 1, [piece(0, b"late")]))
    assert client.value("SELECT count(*) FROM aqueue_output") == 0
    assert client.value("SELECT bytes FROM aqueue_output_size") == 0


async def test_if_all_output_is_too_much_the_oldest_of_finished_jobs_goes(store: Store, client: Plain) -> None:
    await settle(store, await claimed(store), Exited(0))
    await claimed(store)
    pieces = [piece(number, b"x") for number in range(printed.DROPPED_AT_ONCE + 1)]
    assert not await add(store, Printed(1, 1, pieces), Printed(2, 1, [piece(0, b"running")]))
    assert await add(store, total=5)
    assert client.value("SELECT bytes FROM aqueue_output_size") == 1 + len(b"running")
    assert not await add(store, total=5)
    assert client.rows("SELECT job, data FROM aqueue_output") == [(2, b"running")]


async def test_progress_is_that_of_the_run_that_goes_on(store: Store) -> None:
    job = await claimed(store, new(max_retries=0))
    await add(store, Printed(1, 1, [], progress="50 %"))
    assert (await get(store, "1")).progress == "50 %"
    await add(store, Printed(1, 2, [], progress="of another run"))
    await settle(store, job, Exited(1))
    await add(store, Printed(1, 1, [], progress="too late"))
    assert (await get(store, "1")).progress == "50 %"


def test_a_piece_can_be_cut_and_knows_what_follows_it() -> None:
    whole = piece(10, b"abcd")
    assert (whole.end, whole.after(12), whole.after(5)) == (14, piece(12, b"cd"), whole)
    assert piece(14, b"e").follows(whole, within=1.0)
    assert not piece(15, b"e").follows(whole, within=1.0)
    assert not piece(14, b"e", Stream.STDERR).follows(whole, within=1.0)
