"""Which jobs of several queues come first."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from aqueue.model.line import Head, Line, choose
from aqueue.model.rate import Bucket, Rate

NOW = 1_700_000_000.0


def a_line(queue: str, *jobs: tuple[int, float, int]) -> Line:
    """A line of jobs, each with its priority, its due time and its number."""
    heads = [Head(seq, queue, priority, run_at) for priority, run_at, seq in jobs]
    return Line(queue=queue, heads=sorted(heads, key=lambda head: (-head.priority, head.run_at, head.seq)))


def a_flood(queue: str, count: int, priority: int = 0, first: int = 1) -> Line:
    return a_line(queue, *((priority, NOW, first + number) for number in range(count)))


def chosen(*lines: Line, count: int, turns: Mapping[str, int] | None = None) -> list[int]:
    choice = choose([(line, len(line.heads)) for line in lines], count, turns or {})
    return [head.seq for head in choice.heads]


def test_within_a_queue_priority_decides_and_then_the_due_time() -> None:
    assert chosen(a_line("a", (0, 5, 1), (9, 7, 2), (0, 3, 3)), count=3) == [2, 3, 1]


def test_the_higher_priority_is_first_in_whatever_queue_it_is() -> None:
    assert chosen(a_flood("a", 3), a_line("b", (1, NOW, 9)), count=2) == [9, 1]


def test_queues_take_turns_where_priorities_are_the_same() -> None:
    assert chosen(a_flood("a", 9), a_line("b", (0, NOW + 9, 20), (0, NOW + 9, 21)), count=5) == [1, 20, 2, 21, 3]


def test_with_a_single_slot_the_turns_go_on_from_claim_to_claim() -> None:
    turns: Mapping[str, int] = {}
    order = []
    for _ in range(6):
        rest = [(a_flood("a", 9), 9), (a_flood("b", 9, first=20), 9)]
        choice = choose(rest, 1, turns)
        turns = choice.turns
        order += [head.queue for head in choice.heads]
    assert order == ["a", "b"] * 3


def test_turns_cannot_be_saved_up_by_a_queue_that_had_nothing_to_do() -> None:
    turns = {"a": 1000, "c": 1003}
    lines = [(a_flood("a", 9), 9), (a_flood("b", 9, first=20), 9), (a_flood("c", 9, first=40), 9)]
    assert Counter(head.queue for head in choose(lines, 9, turns).heads) == {"a": 4, "b": 4, "c": 1}


def test_a_line_gives_no_more_than_it_has_room_for() -> None:
    choice = choose([(a_flood("a", 9), 2), (a_flood("b", 9, first=20), 1)], 8, {})
    assert [head.queue for head in choice.heads] == ["a", "b", "a"]


def test_room_is_what_pause_limit_worker_and_rate_leave() -> None:
    flood = a_flood("a", 9).heads
    empty = Bucket(Rate(1, 60.0), 0.0, NOW)
    assert Line(queue="a", heads=flood).room(NOW) == 9
    assert Line(queue="a", heads=flood, paused=True).room(NOW) == 0
    assert Line(queue="a", heads=flood, limit=3, running=1).room(NOW) == 2
    assert Line(queue="a", heads=flood, limit=3, running=5).room(NOW) == 0
    assert Line(queue="a", heads=flood, here=1).room(NOW, most_here=2) == 1
    assert Line(queue="a", heads=flood, bucket=empty).room(NOW) == 0
    assert Line(queue="a", heads=flood, bucket=empty).room(NOW + 60) == 1


def test_a_line_opens_when_its_next_token_comes() -> None:
    empty = Bucket(Rate(1, 60.0), 0.0, NOW)
    heads = a_flood("a", 1).heads
    assert Line(queue="a", heads=heads, bucket=empty).opens_at(NOW) == NOW + 60
    assert Line(queue="a", heads=heads, bucket=empty, paused=True).opens_at(NOW) is None
    assert Line(queue="a", heads=heads, bucket=Bucket.full(Rate(1, 60.0), NOW)).opens_at(NOW) is None
    assert Line(queue="a", heads=heads).opens_at(NOW) is None
    assert Line(queue="a", bucket=empty).opens_at(NOW) is None


@given(queues=st.integers(2, 6), count=st.integers(1, 60))
def test_of_queues_that_all_have_enough_none_gets_more_than_one_turn_ahead(queues: int, count: int) -> None:
    lines = [(a_flood(name, 99, first=100 * n), 99) for n, name in enumerate("abcdef"[:queues])]
    got = Counter(head.queue for head in choose(lines, count, {}).heads)
    assert got.total() == count
    assert max(got.values()) - (min(got.values()) if len(got) == queues else 0) <= 1
