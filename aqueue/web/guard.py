"""The door of the server: every request and every websocket passes here before anything else looks at it.

Plain ASGI, so that nothing lies between it and the connection. https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import time
from collections.abc import Collection
from email.utils import formatdate
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aqueue.web.access import HOW_TO_GET_IT, Access, Caller, unauthorized
from aqueue.web.problems import Problem
from aqueue.web.rules import SAFE, Need, is_from_here, is_our_host, is_same_origin, need_of

MEBIBYTE = 1024**2

MOST_BYTES = 1 * MEBIBYTE
MOST_BYTES_OF_JOBS = 64 * MEBIBYTE
"""How large the body of a request may be, and of one that enqueues."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What every answer has that does not say otherwise."""


class Guard:
    """Lets through what may be asked for, and says who asks as `caller` in the state of the request."""

    def __init__(self, app: ASGIApp, access: Access, hosts: Collection[str], cookie: str) -> None:
        self._app = app
        self._access = access
        self._hosts = frozenset(hosts)
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or a websocket."""
        if scope["type"] == "http":
            send = _with_headers(send)
        try:
            caller = await self._admitted(scope)
            if scope["type"] == "http":
                receive = _bounded(receive, _check_size(scope))
        except Problem as problem:
            await _refuse(problem, scope, receive, send)
            return
        state = {**scope.get("state", {}), "caller": caller}
        # HEAD is GET of which the server leaves the body out.
        method = {"method": "GET"} if scope.get("method") == "HEAD" else {}
        await self._app({**scope, **method, "state": state}, receive, send)

    async def _admitted(self, scope: Scope) -> Caller:
        """Who asks. Raises Problem for what may not be asked for."""
        headers, path = Headers(scope=scope), scope["path"]
        method = scope.get("method", "GET")
        if not path.startswith("/") or not path.isprintable():
            raise Problem(HTTPStatus.BAD_REQUEST, "this is no path")
        need = need_of(method, path)
        if need is Need.NOTHING:
            return Caller(is_known=False)
        self._check_origin(headers, need)
        caller = await self._access.caller(_bearer(headers), _cookie(headers, self._cookie))
        self._check_caller(caller, need)
        if method not in SAFE:
            _check_type(headers)
        return caller

    def _check_origin(self, headers: Headers, need: Need) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not is_our_host(hosts[0], self._hosts):
            name = hosts[0] if hosts and hosts[0].isprintable() else ""
            raise Problem(
                HTTPStatus.FORBIDDEN, f"this server does not answer for the host {name!r}; --allow-host would let it"
            )
        if any(not is_same_origin(origin, hosts[0]) for origin in headers.getlist("origin")):
            raise Problem(HTTPStatus.FORBIDDEN, "a page of another origin asks")
        if not is_from_here(headers.get("sec-fetch-site"), headers.get("sec-fetch-mode"), need):
            raise Problem(HTTPStatus.FORBIDDEN, "a page of another site asks")

    def _check_caller(self, caller: Caller, need: Need) -> None:
        if need in (Need.NO_TOKEN, Need.PAGE):
            return
        if not caller.is_known:
            raise unauthorized("the token is needed, as `Authorization: Bearer …`, or log in")
        if need in (Need.CHANGE, Need.COMMAND) and self._access.read_only:
            raise Problem(HTTPStatus.FORBIDDEN, "this server was started to be read only")
        if need is Need.COMMAND and not self._access.may_command(caller):
            raise Problem(HTTPStatus.FORBIDDEN, HOW_TO_GET_IT)


def _bearer(headers: Headers) -> str | None:
    given = headers.get("authorization")
    if given is None:
        return None
    scheme, _, token = given.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _cookie(headers: Headers, name: str) -> str | None:
    for given in headers.getlist("cookie"):
        for pair in given.split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                return value
    return None


def _check_type(headers: Headers) -> None:
    """A form of another site can send no JSON. What has no body needs no type, but from a browser."""
    given = headers.get("content-type")
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    is_browser = "origin" in headers or "sec-fetch-site" in headers
    if given is None and not has_body and not is_browser:
        return
    if given is None or given.partition(";")[0].strip().lower() != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "this must be JSON: send `Content-Type: application/json`")


def _check_size(scope: Scope) -> int:
    """How many bytes the body may have. Raises Problem for one that says that it has more."""
    is_enqueue = scope["method"] == "POST" and scope["path"] == "/api/jobs"
    most = MOST_BYTES_OF_JOBS if is_enqueue else MOST_BYTES
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length[:20]) > most:
        raise _too_large(most)
    return most


def _too_large(most: int) -> Problem:
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {most // MEBIBYTE} MiB")


def _bounded(receive: Receive, most: int) -> Receive:
    """The same, but it raises Problem when more bytes come than may."""
    left = most

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large(most)
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    """The same, and every answer has the headers that all have."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Date"] = formatdate(time.time(), usegmt=True)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    answer = problem.answer()
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await answer(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008})
