"""What those ask for who watch over the process: whoever they are, and under whatever name they know it."""

from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import Response

from aqueue.web.answers import Json
from aqueue.web.describe import answers
from aqueue.web.problems import Problem
from aqueue.web.site import Here

PATIENCE = 5.0
"""Seconds in which the store has to answer."""

router = APIRouter(tags=["probes"])


@router.get("/healthz", summary="Is it alive", responses=answers({"status": "ok"}))
async def healthz(site: Here) -> Response:
    """The loop turns, or this would not be answered; and the store answers."""
    if not await site.views.answers(PATIENCE):
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the store does not answer")
    return Json({"status": "ok"})


@router.get("/readyz", summary="Does it take jobs", responses=answers({"status": "ready"}))
async def readyz(site: Here) -> Response:
    """A worker takes jobs: this one, where a worker serves this; else any."""
    if not await site.is_ready():
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no worker takes jobs")
    return Json({"status": "ready"})
