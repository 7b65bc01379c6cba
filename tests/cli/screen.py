"""A terminal as far as the tests need one: it shows what is written, and reflows its lines when its width changes."""

import re
from collections.abc import Callable

_PART = re.compile(r"\x1b\[(\d*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


class FakeScreen:
    """What stands on it. The cursor is at (row, column) of the rows as they are shown."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.writes: list[bytes] = []
        self.on_put: Callable[[], None] = lambda: None
        self._rows: list[str] = [""]
        self._wrapped: set[int] = set()
        self._row = self._column = 0

    def put(self, data: bytes) -> None:
        self.writes.append(data)
        self.on_put()
        position = 0
        for match in _PART.finditer(data.decode("ascii")):
            assert match.start() == position, data
            position = match.end()
            self._obey(*match.groups())
        assert position == len(data), data

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
        match command or control:
            case "A":
                self._row -= int(number or 1)
                assert self._row >= 0
            case "K":
                self._rows[self._row] = self._rows[self._row][: self._column]
            case "J":
                self._rows[self._row] = self._rows[self._row][: self._column]
                del self._rows[self._row + 1 :]
                self._wrapped = {row for row in self._wrapped if row < self._row}
            case "\r":
                self._column = 0
            case "\n":
                self._next_row()
                self._column = 0
            case None:
                assert text is not None
                for character in text:
                    self._write(character)
            case _:
                raise AssertionError(f"unknown: {command!r}")

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
