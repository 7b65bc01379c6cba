"""The queue at a glance over HTTP: its status, the overview, the dead by their errors."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from aqueue import __version__
from aqueue.documents import queue_at_work, status_document, worker_with_queues
from aqueue.model.document import job_document, schedule_document
from aqueue.model.job import State
from aqueue.model.text import format_time
from aqueue.status import Worker
from aqueue.store.minutes import SECONDS, Minute
from aqueue.views import LOOKED_AT, SLOTS, Overview
from aqueue.web import examples
from aqueue.web.answers import Json
from aqueue.web.describe import answers
from aqueue.web.feed import MOST_QUEUES, busiest
from aqueue.web.site import Here

router = APIRouter(prefix="/api", tags=["the whole"])


@router.get("/status", summary="The status", responses=answers(examples.STATUS))
async def status(site: Here) -> Response:
    """How many jobs are in which state, the queues, and the workers that live."""
    return Json(status_document(await site.queue.status()))


@router.get("/overview", summary="The queue at a glance", responses=answers(examples.OVERVIEW))
async def overview(site: Here) -> Response:
    """All that the first page shows: counts, the last hour minute by minute, workers with what they run, what is next.

    `wait` and `duration` are the means of the runs that ended in that minute, in seconds; today is that of UTC.
    """
    seen, now = await site.views.overview(), time.time()
    return Json({**_standing(seen), **_past(seen), **_at_work(seen), **_coming(seen, now), "url": site.queue.title})


@router.get("/dead", summary="Dead jobs by their errors", responses=answers(examples.DEAD))
async def dead(site: Here, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
    """The dead jobs in groups that have the same error, the largest first; `of` is how many were looked at."""
    total = (await site.views.counts())[State.DEAD]
    groups = await site.views.dead(limit)
    return Json(
        {
            "groups": [
                {"error": one.error, "count": one.count, "newest": format_time(one.newest), "ids": list(one.ids)}
                for one in groups
            ],
            "total": total,
            "of": min(total, LOOKED_AT),
        }
    )


def _standing(seen: Overview) -> dict[str, Any]:
    return {
        "counts": {state.value: count for state, count in seen.status.counts.items()},
        "total": seen.status.total,
        "cursor": seen.cursor,
        "version": __version__,
    }


def _past(seen: Overview) -> dict[str, Any]:
    return {
        "today": {"completed": seen.today.completed, "dead": seen.today.dead},
        "average_attempts": seen.average_attempts,
        "minutes": [_minute(one) for one in seen.minutes],
    }


def _minute(one: Minute) -> dict[str, Any]:
    return {
        "at": format_time(one.minute * SECONDS),
        "completed": one.completed,
        "failed": one.failed,
        "dead": one.dead,
        "wait": one.waited / one.timed if one.timed else None,
        "duration": one.ran / one.timed if one.timed else None,
    }


def _at_work(seen: Overview) -> dict[str, Any]:
    queues = busiest(seen.status.queues, MOST_QUEUES)
    return {
        "workers": [{**worker_with_queues(one), "slots": _slots(seen, one)} for one in seen.status.workers],
        "queues": [queue_at_work(queue, seen.oldest.get(queue.name)) for queue in queues],
        "more_queues": len(seen.status.queues) - len(queues),
    }


def _slots(seen: Overview, worker: Worker) -> list[dict[str, Any]]:
    running = seen.running.get(worker.id, {})
    return [
        {"slot": slot, "job": job_document(running[slot]) if slot in running else None}
        for slot in range(min(worker.concurrency, SLOTS))
    ]


def _coming(seen: Overview, now: float) -> dict[str, Any]:
    return {
        "next": [job_document(job) for job in seen.next],
        "schedules": [schedule_document(schedule, now) for schedule in seen.schedules],
    }
