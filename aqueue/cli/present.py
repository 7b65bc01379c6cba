"""How things are shown: times for people, JSON for scripts."""

import json
import time
from collections.abc import AsyncIterable, Iterable, Sequence
from typing import Any

from aqueue.model.document import job_document
from aqueue.model.job import Job
from aqueue.model.text import BYTES, format_duration


def show_json(document: Any) -> None:
    """One JSON document; ASCII, so that it survives every terminal and pipe."""
    print(json.dumps(document, indent=2))


def show_json_lines(documents: Iterable[Any]) -> None:
    """A JSON document a line."""
    for document in documents:
        print(json.dumps(document))


async def show_json_array(documents: AsyncIterable[Any]) -> None:
    """An array as `show_json` prints it, one item after the other."""
    between = "["
    async for document in documents:
        print(f"{between}\n{json.dumps(document, indent=2)}".replace("\n", "\n  "), end="")
        between = ","
    print("[]" if between == "[" else "\n]")


def show_jobs_as_json(jobs: Sequence[Job], *, one: bool) -> None:
    """A job as an object, or several as an array."""
    documents = [job_document(job) for job in jobs]
    show_json(documents[0] if one else documents)


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


def brief_time(moment: float, now: float) -> str:
    """A moment in the reader's zone, without what is clear: today's date, this year, a second of zero."""
    then, today = time.localtime(moment), time.localtime(now)
    day = "" if then[:3] == today[:3] else "%m-%d " if then[0] == today[0] else "%Y-%m-%d "
    return time.strftime(day + ("%H:%M:%S" if then.tm_sec else "%H:%M"), then)


def took(started: float, finished: float | None) -> str:
    """How long a run took; empty while it goes on."""
    return "" if finished is None else format_duration(round(max(0.0, finished - started), 3))


def about_size(size: int) -> str:
    """Bytes as a person would say it: `3.4 MiB`."""
    for unit in ("G", "M", "K"):
        if size >= BYTES[unit]:
            return f"{size / BYTES[unit]:.1f}".removesuffix(".0") + f" {unit}iB"
    return f"{size} bytes"
