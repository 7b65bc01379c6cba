"""Tables that fit: on a terminal the long columns are cut to its width, and what does not fit even so is a record."""

from collections.abc import Mapping, Sequence

from aqueue.cli.terminal import columns, cut, showable, wants_colours, width
from aqueue.model.job import State

Row = Mapping[str, str]

LONG = frozenset({"COMMAND", "ERROR", "ENDING", "MEANING"})
"""The columns that may be cut. Ids, numbers and times never are."""

SHORTEST = 14
"""To how many characters a long column may be cut."""

GAP = "  "

COLOURS: Mapping[str, str] = {
    State.PENDING: "36",
    State.SCHEDULED: "34",
    State.BLOCKED: "34",
    State.PROCESSING: "1;33",
    State.FAILED: "33",
    State.COMPLETED: "32",
    State.DEAD: "31",
    State.CANCELLED: "35",
}
"""As ECMA-48 calls them in "SGR"."""


def show_table(rows: Sequence[Row], *, spare: Sequence[str] = ()) -> None:
    """Rows under the names of their columns. Columns that are empty in every row vanish.

    Where a terminal is too narrow, the columns that can be spared are left out, the first one first. The cells must
    have been escaped.
    """
    for line in table_lines(rows, columns(), spare=spare):
        print(line)


def table_lines(rows: Sequence[Row], room: int | None, *, spare: Sequence[str] = ()) -> list[str]:
    """The lines of such a table, at most so many columns wide; None is any width."""
    names = [name for name in (rows[0] if rows else {}) if any(row[name] for row in rows)]
    shown = [{name: showable(row[name]) for name in names} for row in rows]
    widths = {name: max(width(name), *(width(row[name]) for row in shown)) for name in names}
    if room is not None:
        widths = _without(spare, widths, room)
        if _least(widths) > room:
            return _records(shown)
        widths |= _shares({name: widths[name] for name in widths if name in LONG}, room - _fixed(widths))
    return _lines([{name: name for name in names}, *shown], widths)


def _lines(rows: Sequence[Row], widths: Mapping[str, int]) -> list[str]:
    coloured = wants_colours()
    lines = []
    for number, row in enumerate(rows):
        cells = [_padded(cut(row[name], widths[name]), widths[name]) for name in widths]
        line = GAP.join(_coloured(cell) if coloured else cell for cell in cells).rstrip()
        lines.append(f"\x1b[1m{line}\x1b[m" if coloured and not number else line)
    return lines


def _records(rows: Sequence[Row]) -> list[str]:
    lines = []
    for number, row in enumerate(rows):
        present = {name: text for name, text in row.items() if text}
        names = max(map(len, present))
        lines += [""] * bool(number) + [f"{name:<{names}}{GAP}{text}" for name, text in present.items()]
    return lines


def _padded(text: str, wanted: int) -> str:
    return text + " " * (wanted - width(text))


def _coloured(cell: str) -> str:
    colour = COLOURS.get(cell.rstrip())
    return f"\x1b[{colour}m{cell}\x1b[m" if colour else cell


def _without(spare: Sequence[str], widths: Mapping[str, int], room: int) -> dict[str, int]:
    """The columns that are left when those that can be spared have gone, as many as need be."""
    left = dict(widths)
    for name in spare:
        if _least(left) > room:
            left.pop(name, None)
    return left


def _least(widths: Mapping[str, int]) -> int:
    """How wide the table is at least."""
    return _fixed(widths) + sum(min(widths[name], SHORTEST) for name in widths if name in LONG)


def _fixed(widths: Mapping[str, int]) -> int:
    """What the columns that are never cut take, and the gaps."""
    return sum(widths[name] for name in widths if name not in LONG) + len(GAP) * (len(widths) - 1)


def _shares(wanted: Mapping[str, int], room: int) -> dict[str, int]:
    """The room shared so that who wants little gets it, and the others the same each."""
    shares = {}
    for count, name in enumerate(sorted(wanted, key=lambda one: wanted[one])):
        shares[name] = min(wanted[name], room // (len(wanted) - count))
        room -= shares[name]
    return shares
