"""What goes wrong over HTTP, as RFC 9457 problem documents. They tell nothing of the inside."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aqueue.model.errors import (
    AqueueError,
    InvalidInput,
    InvalidSource,
    NoSuchJob,
    NoSuchSchedule,
    Refused,
    StoreBusy,
    StoreError,
)
from aqueue.web.answers import Json

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that is not granted. `more` are members of the document beside the usual ones."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    def answer(self) -> Json:
        """It as an answer."""
        document = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            **self.more,
        }
        return Json(document, self.status, headers=self.headers, media_type=MEDIA_TYPE)


def problem_of(error: AqueueError) -> Problem:
    """The problem that an error of ours is to a caller."""
    text = str(error)
    match error:
        case InvalidInput() | InvalidSource() | NoSuchJob(place=int()):
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, text)
        case NoSuchJob() | NoSuchSchedule():
            return Problem(HTTPStatus.NOT_FOUND, text)
        case Refused():
            return Problem(HTTPStatus.CONFLICT, text)
        case StoreBusy():
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, text, {"Retry-After": "1"})
        case StoreError():
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, text)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; the log of the server tells more")
