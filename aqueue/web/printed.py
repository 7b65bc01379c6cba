"""What runs have printed, as documents: text, in which a character that was cut between two pieces is whole again."""

import codecs
from typing import Any

from aqueue.model.text import format_time
from aqueue.views import Part, Piece, Place, Stream

NAMES = {Stream.STDOUT: "stdout", Stream.STDERR: "stderr"}
"""The streams by their names."""


def pieces_of(part: Part, only: Stream | None = None) -> list[dict[str, Any]]:
    """The pieces as documents; of one stream only, if that is wanted."""
    decoders = {stream: _begun(part.cut.get(stream, b"")) for stream in Stream}
    documents = [_piece(piece, decoders[piece.stream]) for piece in part.pieces]
    if part.ended and not part.more:
        for document, piece in zip(reversed(documents), reversed(part.pieces), strict=True):
            document["text"] += decoders[piece.stream].decode(b"", final=True)
    return [document for document in documents if only is None or document["stream"] == NAMES[only]]


def behind(part: Part, place: Place) -> int:
    """The position behind what was read."""
    return part.pieces[-1].end if part.pieces else place.start


def _piece(piece: Piece, decoder: codecs.IncrementalDecoder) -> dict[str, Any]:
    return {
        "stream": NAMES[piece.stream],
        "at": format_time(piece.at),
        "start": piece.start,
        "end": piece.end,
        "text": decoder.decode(piece.data),
    }


def _begun(data: bytes) -> codecs.IncrementalDecoder:
    """A decoder that has seen the bytes before; only what they leave open is of interest."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data[_last_beginning(data) :])
    return decoder


def _last_beginning(data: bytes) -> int:
    """Where the last character begins."""
    return next((place for place in reversed(range(len(data))) if data[place] & 0xC0 != 0x80), len(data))
