"""The description of the API, for programs as an OpenAPI document, and for people as a page without a script."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response

from aqueue.web import examples
from aqueue.web.answers import Json
from aqueue.web.describe import shape
from aqueue.web.problems import MEDIA_TYPE

INTRODUCTION = """\
The queue over HTTP. Times are ISO 8601 in UTC, durations seconds, absent values null. What goes wrong is told as an \
RFC 9457 problem document.

Where the server has a token (`AQUEUE_TOKEN`), it is to be sent as `Authorization: Bearer …`, or once to \
`POST /api/session`. Without one, the server listens on this machine only, and takes and changes no commands. \
What changes something is sent as `Content-Type: application/json`.

`WS /api/live?cursor=N` tells what changes: `{"cursor", "jobs", "more", "removed", "status", "output"}`. \
Say `{"follow": {"job": "7", "run": 1, "start": 0}}` to be told what a run prints."""

STYLE = Path(__file__).with_name("docs.css").read_bytes()

router = APIRouter(include_in_schema=False)


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; made when it is first asked for."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        app.openapi_schema = _completed(document)
    return app.openapi_schema


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    """With what all routes have in common."""
    problem = {"$ref": "#/components/schemas/Problem"}
    content = {MEDIA_TYPE: {"schema": problem, "example": examples.PROBLEM}}
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"description": "What went wrong.", "content": content}
    document["components"] = {
        "schemas": {"Problem": shape(examples.PROBLEM)},
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "AQUEUE_TOKEN"}},
    }
    document["security"] = [{"token": []}]
    return document


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return Json(request.app.openapi())


@router.get("/docs/style.css")
async def style() -> Response:
    """How the page looks."""
    return Response(STYLE, media_type="text/css")


@router.get("/docs")
async def page(request: Request) -> Response:
    """The page for people."""
    document = request.app.openapi()
    return Response("".join(_page(document)), media_type="text/html")


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    yield (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>The HTTP API of aqueue</title><link rel="stylesheet" href="/docs/style.css"></head><body><main>'
        '<h1>The HTTP API of aqueue</h1><p><a href="/">The pages</a> · <a href="/openapi.json">OpenAPI document</a></p>'
    )
    for paragraph in document["info"]["description"].split("\n\n"):
        yield f"<p>{_marked(paragraph)}</p>"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield from _operation(method.upper(), path, operation)
    yield "</main></body></html>"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<section><h2><code>{method} {escape(path)}</code> {escape(operation.get('summary', ''))}</h2>"
    for paragraph in operation.get("description", "").split("\n\n"):
        yield f"<p>{_marked(paragraph)}</p>"
    if parameters := operation.get("parameters"):
        rows = "".join(_parameter(one) for one in parameters)
        yield f"<table><thead><tr><th>in</th><th>name</th><th>means</th></tr></thead><tbody>{rows}</tbody></table>"
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for example in content.get("examples", {}).values():
            yield f"<h3>Send: {escape(example['summary'])}</h3>{_shown(example['value'])}"
    for status, answer in operation["responses"].items():
        for content in answer.get("content", {}).values() if status != "default" else ():
            yield f"<h3>{escape(status)}: {escape(answer['description'])}</h3>{_shown(content.get('example'))}"
    yield "</section>"


def _parameter(one: Mapping[str, Any]) -> str:
    meaning = one.get("description") or one["schema"].get("description", "")
    return (
        f"<tr><td>{escape(one['in'])}</td><td><code>{escape(one['name'])}</code></td><td>{_marked(meaning)}</td></tr>"
    )


def _shown(example: Any) -> str:
    """A label, for a box that can be scrolled must be reachable and have a name."""
    text = json.dumps(example, indent=2, ensure_ascii=False)
    return f'<pre tabindex="0" aria-label="example"><code>{escape(text)}</code></pre>'


def _marked(text: str) -> str:
    """Text in which what stands between backquotes is code."""
    parts = escape(" ".join(text.split())).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
