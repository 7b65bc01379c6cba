"""What is served: a queue, to whom, and the feed that all open pages share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection, Request

from aqueue.model import jsontext
from aqueue.model.errors import InvalidInput
from aqueue.queue import Queue
from aqueue.views import Views
from aqueue.web.access import Access, Caller
from aqueue.web.feed import Feed
from aqueue.web.metrics import Engine
from aqueue.web.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is served. `cookie` is the name of the cookie of a session; `is_ready` is whether a worker takes jobs.

    `engine` is the worker in this process, if there is one.
    """

    queue: Queue
    views: Views
    access: Access
    feed: Feed
    cookie: str
    is_ready: Callable[[], Awaitable[bool]]
    engine: Callable[[], Engine | None]


async def _site(connection: HTTPConnection) -> Site:
    site: Site = connection.app.state.site
    return site


async def _caller(connection: HTTPConnection) -> Caller:
    caller: Caller = connection.state.caller
    return caller


async def _members(request: Request) -> dict[str, Any]:
    document = document_in(await request.body())
    if not isinstance(document, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body is no JSON object")
    return document


def document_in(body: bytes) -> Any:
    """The JSON in a body. Raises Problem."""
    try:
        return jsontext.parse(body.decode())
    except (InvalidInput, UnicodeDecodeError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error) if isinstance(error, InvalidInput) else "not UTF-8") from None


Here = Annotated[Site, Depends(_site)]
"""The site, for whoever answers."""

Who = Annotated[Caller, Depends(_caller)]
"""Who asks."""

Members = Annotated[dict[str, Any], Depends(_members)]
"""The members of the JSON object that was sent."""
