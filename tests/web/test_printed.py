"""What runs have printed, as text: each character whole, wherever it was cut."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from aqueue.store.printed import Part, Piece, Stream
from aqueue.web.printed import pieces_of

BYTES = st.one_of(st.text(min_size=1).map(str.encode), st.binary(min_size=1))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    places = sorted({place % len(data) for place in places} | {0, len(data)})
    return [data[first:last] for first, last in pairwise(places)]


@settings(max_examples=60)
@given(BYTES, BYTES, st.lists(st.integers(0, 1000)), st.lists(st.booleans()), st.lists(st.integers(0, 1000)))
def test_in_whatever_pieces_and_parts_it_comes_the_text_is_the_same(
    out: bytes, err: bytes, places: list[int], turns: list[bool], parts: list[int]
) -> None:
    streams = {Stream.STDOUT: cut(out, places), Stream.STDERR: cut(err, places)}
    pieces: list[Piece] = []
    turn = iter(turns)
    while any(streams.values()):
        stream = Stream.STDOUT if next(turn, True) else Stream.STDERR
        stream = stream if streams[stream] else next(one for one in streams if streams[one])
        start = pieces[-1].end if pieces else 0
        pieces.append(Piece(stream, start, 0.0, streams[stream].pop(0)))
    bounds = sorted({place % (len(pieces) + 1) for place in parts} | {0, len(pieces)})
    texts = {"stdout": "", "stderr": ""}
    for first, last in pairwise(bounds):
        before = {
            stream: b"".join(piece.data for piece in pieces[:first] if piece.stream is stream)[-3:] for stream in Stream
        }
        is_last = last == len(pieces)
        for document in pieces_of(Part(pieces[first:last], before, more=not is_last, ended=False)):
            texts[document["stream"]] += document["text"]
    # What the last bytes begin and do not end is not told before it is clear that they never will.
    for name, data in (("stdout", out), ("stderr", err)):
        assert data.decode(errors="replace").startswith(texts[name])
        missing = len(data.decode(errors="replace")) - len(texts[name])
        assert missing <= 3


def test_what_never_becomes_a_character_is_told_at_the_end() -> None:
    piece = Piece(Stream.STDOUT, 0, 0.0, b"a\xe2\x82")
    assert pieces_of(Part([piece], {}, more=False, ended=False))[0]["text"] == "a"
    assert pieces_of(Part([piece], {}, more=False, ended=True))[0]["text"] == "a\ufffd"


def test_one_stream_can_be_had_alone() -> None:
    pieces = [Piece(Stream.STDOUT, 0, 0.0, b"out"), Piece(Stream.STDERR, 3, 0.0, b"err")]
    (document,) = pieces_of(Part(pieces, {}, more=False, ended=True), Stream.STDERR)
    assert (document["start"], document["end"], document["text"]) == (3, 6, "err")
