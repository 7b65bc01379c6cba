"""A terminal as far as the tests need one: it shows what is written, and reflows its lines when its width changes."""

import re
from collections.abc import Callable, Mapping

_PART = re.compile(r"\x1b\[([\d;?]*)([A-Za-z])|([\r\n\b])|([^\x1b\r\n\b]+)")


class FakeScreen:
    """What stands on it. The cursor is at (row, column) of the rows as they are shown."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.writes: list[bytes] = []
        self.on_put: Callable[[], None] = lambda: None
        self._rows: list[str] = [""]
        self._wrapped: set[int] = set()
        self._row = self._column = 0
        self._other: tuple[list[str], int, int] = ([""], 0, 0)
        self._commands: Mapping[str, Callable[[int], None]] = {
            "A": self._up,
            "H": lambda _: self._home(),
            "h": self._to_other_screen,
            "J": self._clear_below,
            "K": self._clear_to_end_of_line,
            "l": self._back,
            "m": lambda _: None,
            "\b": lambda _: self._to_column(self._column - 1),
            "\n": self._new_line,
            "\r": self._to_column,
        }

    def put(self, data: bytes) -> None:
        self.writes.append(data)
        self.on_put()
        position = 0
        text = data.decode()
        for match in _PART.finditer(text):
            assert match.start() == position, data
            position = match.end()
            self._obey(*match.groups())
        assert position == len(text), data

    @property
    def shown(self) -> list[str]:
        """The rows, without the empty ones at the end."""
        rows = [row.rstrip() for row in self._rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def resize(self, columns: int) -> None:
        """Change the width; wrapped rows are one line, as in tmux and most others."""
        lines: list[str] = []
        cursor_line = cursor_at = 0
        for number, row in enumerate(self._rows):
            if number - 1 in self._wrapped:
                start = len(lines[-1])
                lines[-1] += row
            else:
                start = 0
                lines.append(row)
            if number == self._row:
                cursor_line, cursor_at = len(lines) - 1, start + self._column
        self.columns = columns
        self._rows, self._wrapped = [], set()
        for number, line in enumerate(lines):
            if number == cursor_line:
                self._row = len(self._rows) + max(0, cursor_at - 1) // columns
                self._column = cursor_at - (self._row - len(self._rows)) * columns
            pieces = [line[start : start + columns] for start in range(0, len(line), columns)] or [""]
            self._wrapped |= set(range(len(self._rows), len(self._rows) + len(pieces) - 1))
            self._rows += pieces

    def _obey(self, number: str | None, command: str | None, control: str | None, text: str | None) -> None:
        if text is not None:
            for character in text:
                self._write(character)
        else:
            self._commands[command or control or ""](int(number) if number and number.isdigit() else number == "?1049")

    def _up(self, rows: int) -> None:
        self._row -= rows
        assert self._row >= 0

    def _home(self) -> None:
        self._row = self._column = 0

    def _to_other_screen(self, really: int) -> None:
        if really:
            self._other = self._rows, self._row, self._column
            self._rows, self._row, self._column = [""], 0, 0

    def _back(self, really: int) -> None:
        if really:
            self._rows, self._row, self._column = self._other

    def _clear_to_end_of_line(self, _: int) -> None:
        self._rows[self._row] = self._rows[self._row][: self._column]

    def _clear_below(self, _: int) -> None:
        self._clear_to_end_of_line(0)
        del self._rows[self._row + 1 :]
        self._wrapped = {row for row in self._wrapped if row < self._row}

    def _to_column(self, column: int) -> None:
        self._column = max(0, column)

    def _new_line(self, _: int) -> None:
        self._next_row()
        self._column = 0

    def _write(self, character: str) -> None:
        if self._column == self.columns:
            self._wrapped.add(self._row)
            self._next_row()
            self._column = 0
        row = self._rows[self._row].ljust(self._column)
        self._rows[self._row] = row[: self._column] + character + row[self._column + 1 :]
        self._column += 1

    def _next_row(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append("")
