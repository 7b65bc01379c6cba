"""Queues over HTTP."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from aqueue.documents import queue_at_work
from aqueue.model.errors import InvalidInput
from aqueue.model.newjob import check_queue
from aqueue.model.rate import Rate, parse_rate
from aqueue.queue import QueueRow
from aqueue.web import examples
from aqueue.web.answers import Json
from aqueue.web.describe import answers, body
from aqueue.web.site import Here, Members, Site

LAST = 2**63 - 1

router = APIRouter(prefix="/api/queues", tags=["queues"])


@router.get("", summary="List queues", responses=answers([examples.QUEUE]))
async def list_queues(site: Here) -> Response:
    """All queues that have jobs, or of which something was said."""
    oldest = await site.queue.oldest()
    found = await site.queue.queues()
    return Json([queue_at_work(queue, oldest.get(name)) for name, queue in found.items()])


@router.post("/{name}/pause", summary="Pause a queue", responses=answers(examples.QUEUE))
async def pause(site: Here, name: str) -> Response:
    """Start none of its jobs; those that run go on."""
    await site.queue.pause_queue(name)
    return await _queue(site, name)


@router.post("/{name}/resume", summary="Resume a queue", responses=answers(examples.QUEUE))
async def resume(site: Here, name: str) -> Response:
    """Start its jobs again."""
    await site.queue.resume_queue(name)
    return await _queue(site, name)


@router.put(
    "/{name}",
    summary="Bound a queue",
    responses=answers(examples.QUEUE),
    openapi_extra=body(examples.QUEUE_RULES, both={"limit": 2, "rate": "30/m"}, no_limit={"limit": None}),
)
async def bound(site: Here, name: str, members: Members) -> Response:
    """Bound how many of its jobs run at once, over all workers, and how many start in a while; null takes a bound off.

    What is not named stays.
    """
    check_queue(name)
    if unknown := members.keys() - {"limit", "rate"}:
        raise InvalidInput(f"unknown key {min(unknown)!r}; known are limit, rate")
    limit, rate = _limit(members), _rate(members)
    if "limit" in members:
        await site.queue.limit_queue(name, limit)
    if "rate" in members:
        await site.queue.rate_queue(name, rate)
    return await _queue(site, name)


async def _queue(site: Site, name: str) -> Response:
    found = (await site.queue.queues()).get(name) or QueueRow(name=name)
    return Json(queue_at_work(found, (await site.queue.oldest()).get(name)))


def _limit(members: Mapping[str, Any]) -> int | None:
    match members.get("limit"):
        case None:
            return None
        case bool():
            pass
        case int(most) if 1 <= most <= LAST:
            return most
    raise InvalidInput("limit: must be a whole number from 1 on, or null; to start none, pause the queue")


def _rate(members: Mapping[str, Any]) -> Rate | None:
    match members.get("rate"):
        case None:
            return None
        case str(text):
            return parse_rate(text)
    raise InvalidInput("rate: must be a text like 5/s, 30/m or 100/h, or null")
