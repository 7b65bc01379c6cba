"""The token, and the sessions of those who have shown it: a browser cannot send a bearer with a websocket."""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from aqueue.web.problems import Problem

IDLE = 12 * 3600.0
"""Seconds after which a session is over in which nobody asked for anything."""

MOST_SESSIONS = 1000
"""With one more, the one that was used least of late is over."""

LONGEST_TOKEN = 4096
"""Characters of a token that is looked at at all."""

PENALTY = 0.25
"""Seconds until the next wrong token is answered."""

MOST_WAITING = 20
"""How many of those who wait for that are kept waiting; the others hear at once that they are too many."""

HOW_TO_GET_IT = (
    "this server has no token, so it takes no commands; start it with AQUEUE_TOKEN set to a secret of yours, "
    "and send that as `Authorization: Bearer …`"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `is_known` is whether that was shown, or need not be; `session` is the one by which it was shown."""

    is_known: bool
    session: bytes | None = None


class Access:
    """What may be done here. The token is never told to anybody; without one, commands are neither made nor changed."""

    def __init__(
        self, token: str | None, *, read_only: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._token = token.encode() if token else None
        self.read_only = read_only
        self.sessions = Sessions(clock)
        self._guesses = Guesses()

    @property
    def has_token(self) -> bool:
        """Whether a token is set."""
        return self._token is not None

    async def caller(self, bearer: str | None, cookie: str | None) -> Caller:
        """Who asks with this bearer and this cookie. Raises Problem for a wrong bearer, and not at once."""
        if self._token is None:
            return Caller(is_known=True)
        if bearer is not None:
            await self.check(bearer)
            return Caller(is_known=True)
        session = _key(cookie) if cookie is not None else None
        return Caller(is_known=True, session=session) if self.is_open(session) else Caller(is_known=False)

    async def check(self, token: str) -> None:
        """Raises Problem for a wrong token, and not at once."""
        given = token.encode(errors="surrogatepass")
        if self._token is None or len(given) > LONGEST_TOKEN or not hmac.compare_digest(given, self._token):
            await self._guesses.wrong()
            raise unauthorized("this is not the token")

    def is_open(self, session: bytes | None) -> bool:
        """Whether this session goes on; asking keeps it."""
        return session is not None and self.sessions.touch(session)

    def is_welcome(self, caller: Caller) -> bool:
        """Whether somebody who was known still is."""
        return caller.session is None or self.is_open(caller.session)

    def may_change(self, caller: Caller) -> bool:
        """Whether it may use the verbs on what is there."""
        return caller.is_known and not self.read_only

    def may_command(self, caller: Caller) -> bool:
        """Whether it may make commands."""
        return self.may_change(caller) and self.has_token


class Sessions:
    """The sessions that go on, by a digest of their names: who can read this memory's picture cannot use them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._used: dict[bytes, float] = {}

    def begin(self) -> str:
        """Begin one; returns its name, which is told once."""
        name = secrets.token_urlsafe(32)
        while len(self._used) >= MOST_SESSIONS:
            del self._used[next(iter(self._used))]
        self._used[_key(name)] = self._clock()
        return name

    def touch(self, session: bytes) -> bool:
        """Whether it goes on; if so, it was used just now."""
        used = self._used.pop(session, None)
        if used is None or self._clock() - used > IDLE:
            return False
        self._used[session] = self._clock()
        return True

    def end(self, session: bytes | None) -> None:
        """End it."""
        if session is not None:
            self._used.pop(session, None)


@dataclass(slots=True)
class Guesses:
    """Makes those who try tokens wait for one another; whoever has the right one never waits."""

    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: int = 0

    async def wrong(self) -> None:
        """Wait for a turn. Raises Problem where too many do."""
        if self._waiting >= MOST_WAITING:
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens", {"Retry-After": "5"})
        self._waiting += 1
        try:
            async with self._turn:
                await asyncio.sleep(PENALTY)
        finally:
            self._waiting -= 1


def unauthorized(detail: str) -> Problem:
    """The problem of whoever has not shown the token."""
    return Problem(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})


def _key(session: str) -> bytes:
    return hashlib.sha256(session.encode(errors="surrogatepass")).digest()
