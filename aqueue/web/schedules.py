"""Schedules over HTTP."""

import time
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from aqueue.model.document import job_document, schedule_document
from aqueue.model.errors import InvalidInput
from aqueue.model.schedule import Missed, Schedule
from aqueue.web import examples
from aqueue.web.answers import Json
from aqueue.web.describe import answers, body
from aqueue.web.site import Here, Members

OWN_KEYS = ("name", "schedule", "timezone", "missed", "overlap", "job")
"""Of a schedule that is added, what is no key of its jobs."""

router = APIRouter(prefix="/api/cron", tags=["schedules"])


@router.get("", summary="List schedules", responses=answers([examples.SCHEDULE]))
async def list_schedules(site: Here) -> Response:
    """All schedules, with their next times and what their last jobs came to."""
    now = time.time()
    return Json([schedule_document(schedule, now) for schedule in await site.queue.schedules.list()])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    summary="Add a schedule",
    responses=answers(examples.SCHEDULE, 201, "It was added.")
    | answers(examples.SCHEDULE, 200, "It has taken the place of one of that name."),
    openapi_extra=body(
        examples.NEW_SCHEDULE,
        nightly={
            "name": "nightly",
            "schedule": "30 2 * * *",
            "timezone": "Europe/Berlin",
            "missed": "once",
            "command": "./backup.sh",
            "tags": ["backup"],
        },
    ),
)
async def add(site: Here, members: Members) -> Response:
    """Add a schedule, or replace the one of that name. The keys of its jobs stand beside its own, or in `job`.

    Needs the token.
    """
    schedule, replaced = await site.queue.schedules.put(
        _text(members, "name"),
        _text(members, "schedule"),
        _job(members),
        timezone=_text(members, "timezone", "UTC"),
        missed=_text(members, "missed", Missed.SKIP),
        overlap=_flag(members, "overlap"),
    )
    return _answer(schedule, HTTPStatus.OK if replaced else HTTPStatus.CREATED)


@router.delete("/{name}", summary="Remove a schedule", responses=answers(examples.SCHEDULE))
async def remove(site: Here, name: str) -> Response:
    """Forget a schedule; the jobs that it has made stay."""
    return _answer(await site.queue.schedules.remove(name))


@router.post("/{name}/pause", summary="Pause a schedule", responses=answers(examples.SCHEDULE))
async def pause(site: Here, name: str) -> Response:
    """Let it make no jobs until it is resumed."""
    return _answer(await site.queue.schedules.pause(name))


@router.post("/{name}/resume", summary="Resume a schedule", responses=answers(examples.SCHEDULE))
async def resume(site: Here, name: str) -> Response:
    """Let it go on. Times that have passed meanwhile are not made up for."""
    return _answer(await site.queue.schedules.resume(name))


@router.post(
    "/{name}/trigger",
    status_code=HTTPStatus.CREATED,
    summary="Trigger a schedule",
    responses=answers(examples.JOB, 201),
)
async def trigger(site: Here, name: str) -> Response:
    """Make a job of it now; returns the job. Refused while one is unfinished, unless they may overlap."""
    return Json(job_document(await site.queue.schedules.trigger(name)), HTTPStatus.CREATED)


def _answer(schedule: Schedule, status: HTTPStatus = HTTPStatus.OK) -> Json:
    return Json(schedule_document(schedule, time.time()), status)


def _job(members: dict[str, Any]) -> dict[str, Any]:
    job = members.get("job", {})
    if not isinstance(job, dict):
        raise InvalidInput("job: must be an object with the keys of a job")
    return {**job, **{key: value for key, value in members.items() if key not in OWN_KEYS}}


def _text(members: dict[str, Any], key: str, otherwise: str | None = None) -> str:
    value = members.get(key, otherwise)
    if not isinstance(value, str):
        raise InvalidInput(f"{key}: must be a text")
    return value


def _flag(members: dict[str, Any], key: str) -> bool:
    value = members.get(key, False)
    if not isinstance(value, bool):
        raise InvalidInput(f"{key}: must be true or false")
    return value
