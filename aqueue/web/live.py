"""The live channel: a websocket for each open page."""

import asyncio
import contextlib
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.websockets import WebSocket, WebSocketDisconnect

from aqueue.model import jsontext
from aqueue.model.errors import InvalidInput, NoSuchJob
from aqueue.views import Place
from aqueue.web.feed import Follow, Page
from aqueue.web.site import Here, Site, Who

MOST_BYTES = 4096
"""How long what a page says may be."""

NOT_UNDERSTOOD, NOT_WELCOME, TOO_BIG = 1003, 1008, 1009
"""Why a page is closed. https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""

LAST = 2**63 - 1

router = APIRouter()


@router.websocket("/api/live")
async def live(
    socket: WebSocket, site: Here, who: Who, cursor: Annotated[int | None, Query(ge=0, le=LAST)] = None
) -> None:
    """Tell a page what changes, until it goes, or the server does."""
    await socket.accept()
    async with site.feed.page(cursor) as page:
        tasks = [
            asyncio.create_task(_hear(socket, site, page), name="page says"),
            asyncio.create_task(_tell(socket, page, lambda: site.access.is_welcome(who)), name="page is told"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        why = max((task.result() or 0 for task in done), default=0)
        if why:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await socket.close(why)


async def _tell(socket: WebSocket, page: Page, is_welcome: Any) -> int | None:
    """Send what there is to be told; a slow client is waited for here, and nobody else waits. Returns why it ends."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await page.woken.wait()
            why = page.closing
            if not is_welcome():
                return NOT_WELCOME
            if (text := page.take()) is not None:
                await socket.send_text(text)
            if why is not None:
                return why
    return None


async def _hear(socket: WebSocket, site: Site, page: Page) -> int | None:
    """Do what the page says. Returns why it is to be closed, or None when it has gone."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text = message.get("text")
        if text is None:
            return NOT_UNDERSTOOD
        if len(text.encode(errors="replace")) > MOST_BYTES:
            return TOO_BIG
        try:
            page.follow(await _follow(site, text))
        except InvalidInput:
            return NOT_UNDERSTOOD


async def _follow(site: Site, text: str) -> Follow | None:
    """What a page wants to follow. Raises InvalidInput."""
    said = jsontext.parse_object(text)
    if said.keys() != {"follow"}:
        raise InvalidInput("only `follow` is understood")
    match said["follow"]:
        case None:
            return None
        case {"job": str(job_id), "run": int(run), "start": int(start)} if 0 <= run <= LAST and 0 <= start <= LAST:
            return Follow(job_id, Place(await _seq(site, job_id), run, start))
    raise InvalidInput("`follow` has a job, a run and a start")


async def _seq(site: Site, job_id: str) -> int:
    """The number of a job; that of none for one that is not there, which prints no more."""
    try:
        return (await site.queue.get(job_id)).seq
    except NoSuchJob:
        return 0
