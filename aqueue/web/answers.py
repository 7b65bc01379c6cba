"""Answers in JSON."""

import json
from typing import Any

from starlette.responses import JSONResponse


def text_of(document: Any) -> str:
    """The document as JSON. ASCII alone: what plain SQL put into a job need not be UTF-8."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


class Json(JSONResponse):
    """An answer in JSON."""

    def render(self, content: Any) -> bytes:
        """The document as bytes."""
        return text_of(content).encode("ascii")
