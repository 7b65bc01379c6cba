"""How things are shown: tables and times for people, JSON for scripts."""

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aqueue.model.document import job_document
from aqueue.model.job import Job, State
from aqueue.model.text import format_duration

WRAPS = frozenset({"COMMAND", "ERROR"})
"""The columns that are cut where a terminal is too narrow."""

COLOURS = {
    State.PENDING: "cyan",
    State.SCHEDULED: "blue",
    State.BLOCKED: "blue",
    State.PROCESSING: "bold yellow",
    State.FAILED: "yellow",
    State.COMPLETED: "green",
    State.DEAD: "red",
    State.CANCELLED: "magenta",
}


def show_json(document: Any) -> None:
    """One JSON document; ASCII, so that it survives every terminal and pipe."""
    print(json.dumps(document, indent=2))


def show_json_lines(documents: Iterable[Any]) -> None:
    """A JSON document a line."""
    for document in documents:
        print(json.dumps(document))


def show_jobs_as_json(jobs: Sequence[Job], *, one: bool) -> None:
    """A job as an object, or several as an array."""
    documents = [job_document(job) for job in jobs]
    show_json(documents[0] if one else documents)


def show_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Rows under the names of their columns. Columns that are empty in every row vanish.

    The cells must have been escaped. On a terminal, long columns are cut to its width and states have colours.
    """
    columns = [name for name in (rows[0] if rows else {}) if any(row[name] for row in rows)]
    if sys.stdout.isatty():
        _show_on_terminal(columns, rows)
    else:
        _show_plain(columns, rows)


def _show_plain(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    for row in [{name: name for name in columns}, *rows]:
        print("  ".join(row[name].ljust(widths[name]) for name in columns).rstrip())


def _show_on_terminal(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=8 if name in WRAPS else len(name))
    for row in rows:
        table.add_row(*(Text(row[name], style=COLOURS.get(row[name], "")) for name in columns))  # type: ignore[call-overload]
    Console(highlight=False, emoji=False, markup=False).print(table)


def ago_or_in(moment: float, now: float) -> str:
    """A moment as a person would say it: `3 min ago`, `in 2 s`, and far from now the date."""
    distance = abs(moment - now)
    if distance >= 36 * 3600:
        return local_time(moment)
    words = _roughly(distance)
    return f"{words} ago" if moment <= now else f"in {words}"


def _roughly(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 ", " ")
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"


def local_time(moment: float) -> str:
    """A moment in the reader's zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def took(started: float, finished: float | None) -> str:
    """How long a run took; empty while it goes on."""
    return "" if finished is None else format_duration(round(max(0.0, finished - started), 3))
