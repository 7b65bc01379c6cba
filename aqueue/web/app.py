"""The application: which routes there are, and what becomes of what goes wrong in them."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from aqueue import __version__
from aqueue.model.errors import AqueueError
from aqueue.web import docs, enqueueing, glance, jobs, live, measures, probes, queues, schedules, session, verbs
from aqueue.web.pages import Files
from aqueue.web.problems import Problem, problem_of
from aqueue.web.site import Site

ROUTERS = (
    *(probes.router, measures.router, session.router, glance.router, enqueueing.router, verbs.router, jobs.router),
    *(queues.router, schedules.router, live.router, docs.router),
)
"""The routes of every site."""


class _Application(FastAPI):
    """With a description that says what FastAPI cannot know."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return docs.described(self)


def application(site: Site, more: Sequence[APIRouter] = ()) -> FastAPI:
    """The application that answers for a site, with more routes where there are some."""
    app = _Application(
        title="aqueue",
        version=__version__,
        description=docs.INTRODUCTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.site = site
    for router in (*ROUTERS, *more):
        app.include_router(router)
    app.router.routes.extend(Files().routes())
    app.add_exception_handler(Problem, _of_ours)
    app.add_exception_handler(AqueueError, _of_ours)
    app.add_exception_handler(HTTPException, _of_starlette)
    app.add_exception_handler(RequestValidationError, _of_fastapi)
    app.add_exception_handler(Exception, _unexpected)
    return app


async def _of_ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem | AqueueError)
    return (error if isinstance(error, Problem) else problem_of(error)).answer()


async def _of_starlette(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    detail = {
        HTTPStatus.NOT_FOUND: "there is no such thing here; /docs tells what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: "this cannot be done to it; /docs tells what can",
    }.get(status, str(error.detail))
    return Problem(status, detail, error.headers).answer()


async def _of_fastapi(_request: Request, error: Exception) -> Response:
    """A parameter that is none. What was given is not told back: it may be anything."""
    assert isinstance(error, RequestValidationError)
    wrong = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()]
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(wrong)).answer()


async def _unexpected(_request: Request, _error: Exception) -> Response:
    """A mistake of ours. The server logs it; who asked learns nothing of the inside."""
    detail = "something went wrong here; the log of the server tells more"
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail).answer()
