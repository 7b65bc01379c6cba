"""The route for Prometheus. Like all that is read, it wants the token where there is one."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Header
from starlette.responses import Response

from aqueue.web.metrics import exposition
from aqueue.web.site import Here

EXAMPLE = """\
# HELP aqueue_jobs Jobs by queue and state.
# TYPE aqueue_jobs gauge
aqueue_jobs{queue="default",state="pending"} 3.0
"""

ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "In the plain text format, or as OpenMetrics where `Accept` names it.",
        "content": {
            kind: {"schema": {"type": "string"}, "example": EXAMPLE}
            for kind in ("text/plain", "application/openmetrics-text")
        },
    }
}

router = APIRouter(tags=["probes"])


@router.get("/metrics", summary="For Prometheus", response_class=Response, responses=ANSWER)
async def metrics(site: Here, accept: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
    """The queue at this moment, and what the worker in this process has counted since its start."""
    text, content_type = await exposition(site.queue, site.engine(), time.time(), accept)
    return Response(text, headers={"Content-Type": content_type})
