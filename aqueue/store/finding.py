"""What an examination of a queue finds."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What is to be thought of a finding."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what, whether it is as it should be, and what was seen."""

    what: str
    verdict: Verdict
    seen: str
