"""The pages: one file for all of them, and what it needs.

The files are read when the server starts, and only what was there then is served: no path can lead anywhere else.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aqueue.web.access import Caller
from aqueue.web.problems import Problem

FOLDER = Path(__file__).with_name("static")

PAGES = ("/", "/jobs", "/jobs/{job_id}", "/dead", "/queues", "/schedules", "/enqueue", "/login")
"""The pages, which are all the same file: its script looks at the address."""

INDEX = "index.html"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
"""What is served, by the ends of the names."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that is served."""

    data: bytes
    type: str
    etag: str

    @classmethod
    def of(cls, path: Path) -> "File":
        """What is in the file at a path."""
        data = path.read_bytes()
        return cls(data, TYPES[path.suffix], f'"{hashlib.sha256(data).hexdigest()[:32]}"')

    def answer(self, request: Request, status: HTTPStatus = HTTPStatus.OK) -> Response:
        """It as an answer; not again to those who have it."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache"}
        if status is HTTPStatus.OK and self._is_known(request.headers.get("if-none-match", "")):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(self.data, status, headers, self.type)

    def _is_known(self, tags: str) -> bool:
        return any(tag.strip().removeprefix("W/") == self.etag for tag in tags.split(","))


class Files:
    """The files of a folder, by their names."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = _read(folder)

    def routes(self) -> list[Route]:
        """Where they are served."""
        pages = [Route(path, self._page, include_in_schema=False) for path in PAGES]
        return [*pages, Route("/static/{name:path}", self._file, include_in_schema=False)]

    async def _page(self, request: Request) -> Response:
        """The page. It is no secret, but whoever has not shown the token is told so: its script then asks for it."""
        caller: Caller = request.state.caller
        is_open = caller.is_known or request.scope["path"] == "/login"
        return self._found(INDEX).answer(request, HTTPStatus.OK if is_open else HTTPStatus.UNAUTHORIZED)

    async def _file(self, request: Request) -> Response:
        return self._found(request.path_params["name"]).answer(request)

    def _found(self, name: str) -> File:
        if name not in self._files:
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such file")
        return self._files[name]


def _read(folder: Path) -> Mapping[str, File]:
    return {
        path.relative_to(folder).as_posix(): File.of(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in TYPES and path.is_file()
    }
