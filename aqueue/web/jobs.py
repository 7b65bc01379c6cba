"""Jobs over HTTP: looking at them."""

import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from aqueue.documents import event_document
from aqueue.model.document import job_document, job_with_runs
from aqueue.model.job import Job, State
from aqueue.model.selection import Filter, state_named
from aqueue.store.chain import Relative
from aqueue.views import Order, Place, Seen, Stream
from aqueue.web import examples
from aqueue.web.answers import Json
from aqueue.web.describe import answers
from aqueue.web.printed import NAMES, behind, pieces_of
from aqueue.web.problems import Problem
from aqueue.web.site import Here, Site

LAST = 2**63 - 1
MOST_EVENTS = 1000

_CURSOR = re.compile(r"([nou])([0-9]{1,18})")

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

Number = Annotated[int, Query(ge=0, le=LAST)]


@router.get("", summary="List jobs", responses=answers(examples.PAGE_OF_JOBS))
async def list_jobs(
    site: Here,
    state: Annotated[str, Query(description="One of the eight states.", examples=["dead"])] = "",
    queue: str = "",
    tag: str = "",
    search: Annotated[str, Query(description="Is looked for in the command, the id and the error.")] = "",
    sort: Order = Order.NEWEST,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str, Query(description="`next` of the page before.")] = "",
) -> Response:
    """A page of the jobs that match. `next` is the cursor of the next page, null at the end.

    What is rare is sought among some thousands of jobs at a time: a page can have few jobs, or none, and others still
    follow. Go on until `next` is null. `counts` are those of the queue that was named, else of all.
    """
    wanted = Filter(state=state_of(state), queue=queue or None, tag=tag or None, search=search or None)
    page = await site.views.page(wanted, sort, limit, _place(sort, cursor))
    counts = await site.views.counts(wanted.queue)
    return Json(
        {
            "items": [job_document(job) for job in page.jobs],
            "next": None if page.next is None else f"{sort[0]}{page.next}",
            "counts": {state.value: count for state, count in counts.items()},
        }
    )


def state_of(name: str) -> State | None:
    """The state that is meant, if one is named. Raises InvalidInput."""
    return state_named(name) if name else None


def _place(sort: Order, cursor: str) -> int | None:
    if not cursor:
        return None
    match = _CURSOR.fullmatch(cursor)
    if match is None or match[1] != sort[0]:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "this cursor is of no such list")
    return int(match[2])


@router.get("/{job_id}", summary="All about one job", responses=answers(examples.WHOLE_JOB))
async def job(site: Here, job_id: str) -> Response:
    """A job with its newest runs, its parents and children, and why it is not running."""
    seen = await site.views.job(job_id)
    return Json(
        {
            **job_with_runs(seen.job, seen.runs),
            "more_runs": seen.runs[0].run - 1 if seen.runs else 0,
            "why": await _why(site, seen.job),
            **_relatives(seen),
            "events_cursor": seen.cursor,
        }
    )


async def _why(site: Site, seen: Job) -> str | None:
    return None if seen.state in (State.PROCESSING, State.COMPLETED) else await site.queue.why(seen.id)


def _relatives(seen: Seen) -> dict[str, Any]:
    relatives = seen.relatives
    return {
        "parents": [_relative(one) for one in relatives.parents],
        "more_parents": relatives.more_parents,
        "children": [_relative(one) for one in relatives.children],
        "more_children": relatives.more_children,
    }


def _relative(one: Relative) -> dict[str, Any]:
    return {"id": one.id, "command": one.command, "state": one.state.value, "error": one.error}


@router.get("/{job_id}/events", summary="The transitions of a job", responses=answers([examples.EVENT]))
async def events(
    site: Here, job_id: str, after: Number = 0, limit: Annotated[int, Query(ge=1, le=MOST_EVENTS)] = MOST_EVENTS
) -> Response:
    """Every transition of a job behind the event `after`, first to last."""
    found: list[dict[str, Any]] = []
    async for event in site.queue.events(job_id, after=after):
        found.append(event_document(event))
        if len(found) == limit:
            break
    return Json(found)


@router.get("/{job_id}/why", summary="Why a job is not running", responses=answers({"why": "its queue is paused"}))
async def why(site: Here, job_id: str) -> Response:
    """Why a job is not running, in one sentence."""
    return Json({"why": await site.queue.why(job_id)})


@router.get("/{job_id}/output", summary="What a job has printed", responses=answers(examples.OUTPUT))
async def output(
    site: Here,
    job_id: str,
    run: Annotated[int | None, Query(ge=0, le=LAST, description="The number of the run; the last one.")] = None,
    start: Annotated[int, Query(ge=0, le=LAST, description="`next` of the part before.")] = 0,
    stream: Annotated[str, Query(pattern="^(stdout|stderr)?$", description="`stdout` or `stderr`; both.")] = "",
    download: Annotated[bool, Query(description="All of it, as bytes.")] = False,
) -> Response:
    """What a run has printed, from a position on; positions count the bytes of both streams together.

    Where a piece begins behind the end of the one before it, what lies between was left out. `more` says that the next
    part is there already, `ended` that the run prints no more.
    """
    job = await site.queue.get(job_id)
    number = max(1, job.run) if run is None else run
    only = next((one for one, name in NAMES.items() if name == stream), None)
    if download:
        name = f"{job.id.replace(':', '_')}.{number}.{stream or 'output'}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(
            _bytes(site, job, number, only), headers=headers, media_type="application/octet-stream"
        )
    place = Place(job.seq, number, start)
    part = await site.views.printed(place)
    return Json(
        {
            "run": number,
            "pieces": pieces_of(part, only),
            "next": behind(part, place),
            "more": part.more,
            "ended": part.ended,
        }
    )


async def _bytes(site: Site, job: Job, run: int, only: Stream | None) -> AsyncIterator[bytes]:
    async for piece in site.queue.output(job, run):
        if only is None or piece.stream is only:
            yield piece.data
