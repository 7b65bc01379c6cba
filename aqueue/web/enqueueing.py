"""Jobs over HTTP: making them, one or thousands.

A large body waits in a file without a name beside the queue, and is read job by job by a thread: neither the memory nor
the loop of the worker that serves this is at the mercy of who sends it.
"""

import asyncio
import codecs
import tempfile
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from aqueue.model import jsontext
from aqueue.model.errors import AqueueError, Cycle, DuplicateId, InvalidInput, NoSuchJob
from aqueue.model.newjob import NewJob
from aqueue.store.batch import Batch
from aqueue.web import examples
from aqueue.web.answers import Json
from aqueue.web.describe import answers, body
from aqueue.web.problems import Problem, problem_of
from aqueue.web.site import Here

SMALL = 64 * 1024
"""Bytes of a body that is read at once: no slower than another thread."""

IN_MEMORY = 1024**2
PIECE = 64 * 1024

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    summary="Enqueue jobs",
    responses=answers({"ids": ["7"], "existing": []}, 201, "All of them are on the disk."),
    openapi_extra=body(
        examples.NEW_JOBS,
        one={"command": "convert in.png out.webp", "priority": 5, "tags": ["images"]},
        several=[{"id": "build", "command": "make"}, {"command": "./deploy", "after": ["build"]}],
    ),
)
async def enqueue(site: Here, request: Request) -> Response:
    """Add a job or an array of jobs: all of them, or none.

    `existing` are the ids of those that were not made, because an unfinished job has their `unique` key; in `ids` those
    jobs stand for them. A job without a `cwd` runs in the folder of its worker. Needs the token.
    """
    with site.queue.batch() as batch, _file(batch.folder) as sent:
        size = 0
        async for chunk in request.stream():
            size += sent.write(chunk)
        sent.seek(0)
        collecting = asyncio.to_thread(_collect, sent, batch) if size > SMALL else None
        is_array = await collecting if collecting else _collect(sent, batch)
        enqueued = await _written(site, batch, is_array=is_array)
    return Json(enqueued, HTTPStatus.CREATED)


def _file(folder: Path | None) -> "tempfile.SpooledTemporaryFile[bytes]":
    """What becomes a file in this folder only when it is large."""
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=None if folder is None else str(folder))


def _collect(sent: IO[bytes], batch: Batch) -> bool:
    """Put the jobs into the batch; says whether they came in an array. Raises Problem, and what a batch raises."""
    begin = sent.read(PIECE)
    is_array = begin.lstrip().startswith(b"[")
    sent.seek(0)
    now = time.time()
    try:
        batch.add(_jobs(sent, now) if is_array else [_only_job(sent, now)], now)
    except UnicodeDecodeError:
        raise Problem(HTTPStatus.BAD_REQUEST, "the body is not UTF-8") from None
    except DuplicateId as error:
        raise _located(error, error.place, is_array=is_array) from None
    return is_array


def _only_job(sent: IO[bytes], now: float) -> NewJob:
    try:
        wanted = jsontext.parse_object(sent.read().decode())
    except InvalidInput as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None
    return NewJob.parse(wanted, now)


def _jobs(sent: IO[bytes], now: float) -> Iterator[NewJob]:
    for place, item in enumerate(_items(sent)):
        try:
            yield _job(item, now)
        except InvalidInput as error:
            raise _located(error, place, is_array=True) from None


def _job(item: Any, now: float) -> NewJob:
    if not isinstance(item, Mapping):
        raise InvalidInput("it is no JSON object")
    return NewJob.parse(item, now)


def _items(sent: IO[bytes]) -> Iterator[Any]:
    try:
        yield from jsontext.items(_texts(sent))
    except InvalidInput as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None


def _texts(sent: IO[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    while piece := sent.read(PIECE):
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


def _located(error: AqueueError, place: int, *, is_array: bool) -> Problem:
    """The problem, with the number of the job that it is about."""
    problem = problem_of(error)
    return Problem(problem.status, f"item {place + 1}: {problem.detail}", item=place + 1) if is_array else problem


async def _written(site: Here, batch: Batch, *, is_array: bool) -> dict[str, Any]:
    try:
        enqueued = await site.queue.enqueue_batch(batch)
    except (DuplicateId, Cycle) as error:
        raise _located(error, error.place, is_array=is_array) from None
    except NoSuchJob as error:
        raise _located(error, error.place or 0, is_array=is_array and error.place is not None) from None
    ids = list(enqueued.ids)
    return {"ids": ids, "existing": [ids[place] for place in sorted(enqueued.existing)]}
