"""Logging in, once, with the token: from then on a cookie stands for it."""

from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from aqueue import __version__
from aqueue.model.errors import InvalidInput
from aqueue.web import examples
from aqueue.web.answers import Json
from aqueue.web.describe import answers, body, members
from aqueue.web.problems import Problem
from aqueue.web.site import Here, Members, Who

router = APIRouter(prefix="/api/session", tags=["session"])


@router.get("", summary="What may be done here", responses=answers(examples.SESSION))
async def session(site: Here, who: Who) -> Response:
    """Whether one has to log in first, and what one may do; nothing of the queue. Never needs the token."""
    access = site.access
    return Json(
        {
            "login": not who.is_known,
            "token": access.has_token,
            "may_enqueue": access.may_command(who),
            "may_change": access.may_change(who),
            "read_only": access.read_only,
            "version": __version__,
        }
    )


@router.post(
    "",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Log in",
    responses=answers(None, 204, "The cookie is set."),
    openapi_extra=body(members(("token",), token={"type": "string"}), token={"token": "what AQUEUE_TOKEN says"}),
)
async def log_in(site: Here, request: Request, given: Members) -> Response:
    """Show the token, and get a cookie that stands for it until one logs out, or half a day after its last use."""
    if not site.access.has_token:
        raise Problem(HTTPStatus.CONFLICT, "this server has no token: there is nothing to log in to")
    token = given.get("token")
    if given.keys() != {"token"} or not isinstance(token, str):
        raise InvalidInput("token: it alone must be there, and be a text")
    await site.access.check(token)
    answer = Response(status_code=HTTPStatus.NO_CONTENT)
    answer.set_cookie(
        site.cookie,
        site.access.sessions.begin(),
        path="/",
        httponly=True,
        samesite="strict",
        secure=_is_https(request),
    )
    return answer


@router.delete("", status_code=HTTPStatus.NO_CONTENT, summary="Log out", responses=answers(None, 204, "It is over."))
async def log_out(site: Here, who: Who) -> Response:
    """End the session, on all pages that share it."""
    site.access.sessions.end(who.session)
    answer = Response(status_code=HTTPStatus.NO_CONTENT)
    answer.delete_cookie(site.cookie, path="/", httponly=True, samesite="strict")
    return answer


def _is_https(request: Request) -> bool:
    """Whether the browser came by TLS, through a proxy: its `Origin` says so, and that was checked."""
    proxy = request.headers.get("x-forwarded-proto", "")
    return request.headers.get("origin", "").startswith("https://") or proxy.lower() == "https"
