"""The route for Prometheus. Like all that is read, it wants the token where there is one."""

import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header
from starlette.responses import Response

from aqueue.web.metrics import Engine, exposition
from aqueue.web.site import Here

ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "In the plain text format, or as OpenMetrics where `Accept` names it.",
        "content": {
            "text/plain": {"schema": {"type": "string"}, "example": 'aqueue_jobs{queue="mail",state="dead"} 3\n'}
        },
    }
}


def router_for(engine: Callable[[], Engine | None]) -> APIRouter:
    """The route, for the worker that is in this process when it is asked."""
    router = APIRouter(tags=["probes"])

    @router.get("/metrics", summary="For Prometheus", response_class=Response, responses=ANSWER)
    async def metrics(site: Here, accept: Annotated[str, Header()] = "") -> Response:
        """The queue at this moment, and what the worker in this process has counted since its start."""
        text, content_type = await exposition(site.queue, engine(), time.time(), accept)
        return Response(text, headers={"Content-Type": content_type})

    return router
