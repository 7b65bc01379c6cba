"""The verbs on jobs over HTTP: on one, on several, on all that match."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from aqueue.model.document import job_document
from aqueue.model.errors import InvalidInput
from aqueue.model.newjob import CHECKS
from aqueue.model.selection import Action, Filter
from aqueue.queue import Queue
from aqueue.web import examples
from aqueue.web.answers import Json
from aqueue.web.describe import answers, body
from aqueue.web.jobs import state_of
from aqueue.web.site import Here, Members

MOST_IDS = 10_000

FILTER = ("state", "queue", "tag", "search")

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


def _of_a_selection(action: Action) -> None:
    async def of_a_selection(site: Here, members: Members) -> Response:
        """The jobs with these `ids`, all or none; or those that match; or with `all`, all for which the verb is there.

        Of a selection, those jobs that it does not fit are passed over. A `dry_run` changes nothing: `matched` is how
        many jobs would be meant.
        """
        return Json(await _selected(site.queue, action, members))

    router.post(
        f"/{action}",
        summary=f"{action.capitalize()} jobs",
        name=f"{action}_jobs",
        responses=answers(examples.OUTCOME),
        openapi_extra=body(
            examples.SELECTION,
            these={"ids": ["7", "8"]},
            matching={"queue": "mail", "tag": "newsletter", "dry_run": True},
            all={"all": True},
        ),
    )(of_a_selection)


def _of_one(action: Action) -> None:
    async def of_one(site: Here, job_id: str) -> Response:
        """Returns the job as it is then. One that runs is `processing` until its processes are gone."""
        (job,) = await _called(site.queue, action, job_id, dry_run=False)
        return Json(job_document(job))

    router.post(
        f"/{{job_id}}/{action}",
        summary=f"{action.capitalize()} a job",
        name=f"{action}_job",
        responses=answers(examples.JOB),
    )(of_one)


for _action in (Action.RETRY, Action.CANCEL, Action.HOLD, Action.RELEASE):
    _of_one(_action)
for _action in (Action.RETRY, Action.CANCEL, Action.HOLD, Action.RELEASE, Action.REMOVE):
    _of_a_selection(_action)


@router.patch(
    "/{job_id}",
    summary="Edit a job",
    responses=answers(examples.JOB),
    openapi_extra=body(examples.EDITABLE, edit={"command": "convert -quality 80 in.png out.webp", "priority": 9}),
)
async def edit(site: Here, job_id: str, members: Members) -> Response:
    """Change the command or the options of a job that does not run. Needs the token."""
    for key in members:
        if key not in CHECKS:
            raise InvalidInput(f"unknown key {key!r}; known are {', '.join(CHECKS)}")
    return Json(job_document(await site.queue.edit(job_id, **members)))


@router.delete(
    "/{job_id}", status_code=HTTPStatus.NO_CONTENT, summary="Remove a job", responses=answers(None, 204, "It is gone.")
)
async def remove(site: Here, job_id: str) -> Response:
    """Delete a job with its history."""
    await site.queue.remove(job_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _selected(queue: Queue, action: Action, members: Mapping[str, Any]) -> dict[str, int]:
    dry_run = members.get("dry_run", False)
    if not isinstance(dry_run, bool):
        raise InvalidInput("dry_run: must be true or false")
    named = members.keys() - {"dry_run"}
    if named == {"ids"}:
        ids = _ids(members["ids"])
        await _called(queue, action, *ids, dry_run=dry_run)
        return {"matched": len(ids), "done": 0 if dry_run else len(ids), "skipped": 0}
    selection = queue.select(_filter(members, named), dry_run=dry_run)
    outcome = await getattr(selection, action)()
    if dry_run:
        return {"matched": outcome.done, "done": 0, "skipped": outcome.passed_over}
    return {"matched": outcome.matched, "done": outcome.done, "skipped": outcome.passed_over}


async def _called(queue: Queue, action: Action, *ids: str, dry_run: bool) -> Any:
    return await getattr(queue, action)(*ids, dry_run=dry_run)


def _ids(given: Any) -> list[str]:
    if not isinstance(given, list) or not given or not all(isinstance(one, str) for one in given):
        raise InvalidInput("ids: must be a list of ids, which are texts")
    if len(given) > MOST_IDS:
        raise InvalidInput(f"ids: at most {MOST_IDS} at once; name what they have in common instead")
    return list(dict.fromkeys(given))


def _filter(members: Mapping[str, Any], named: set[str]) -> Filter:
    """What is meant. Nothing at all is not: `all` must be said."""
    if named == {"all"} and members["all"] is True:
        return Filter()
    given = {key: value for key, value in members.items() if key in FILTER and value not in (None, "")}
    if not named <= set(FILTER) or not given:
        raise InvalidInput(f'name the jobs by "ids", by some of {", ".join(FILTER)}, or all by "all": true')
    for key, value in given.items():
        if not isinstance(value, str):
            raise InvalidInput(f"{key}: must be a text")
    return Filter(**{**given, "state": state_of(given.get("state", ""))})
