"""Unique keys: at most one unfinished job has a key. Who asks for another one gets that job instead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aqueue.model.ids import Ids


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The ids of the jobs that were asked for, in that order.

    `existing` are the places of those for which none was made: there the id is that of the unfinished job that has the
    same unique key. `cancelled` is how many were cancelled at once, because what they were to wait for has ended badly.
    """

    ids: Ids
    existing: frozenset[int] = frozenset()
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class Sifted:
    """Which of some jobs are made, by their places among them, and for which that is not so.

    `answers` says for each where its id comes from: the place among those that are made, or the id of the unfinished
    one that has its key.
    """

    made: Sequence[int]
    existing: Sequence[int]
    answers: Sequence[int | str]

    def ids(self, made: Sequence[str]) -> Sequence[str]:
        """The id for each, when those that were made have these."""
        return [made[one] if isinstance(one, int) else one for one in self.answers]


def sift(keys: Sequence[str | None], holders: Mapping[str, str]) -> Sifted:
    """Leave out the jobs whose key an unfinished job has, one of these included; ``holders`` has their ids by key."""
    made: list[int] = []
    existing: list[int] = []
    answers: list[int | str] = []
    known: dict[str, int | str] = dict(holders)
    for place, key in enumerate(keys):
        answer = len(made) if key is None else known.setdefault(key, len(made))
        (made if answer == len(made) else existing).append(place)
        answers.append(answer)
    return Sifted(made, existing, answers)


@dataclass(frozen=True, slots=True)
class Claim:
    """A finished job that would come back with its key, because a person asked that of this job or of one above it."""

    job_id: str
    key: str
    asked: str


def held(claims: Sequence[Claim], holders: Mapping[str, str]) -> Mapping[str, str]:
    """Which of the jobs that were asked for cannot come back, and why: an unfinished one has the key, or one of these.

    ``holders`` has the ids of the unfinished ones by key.
    """
    known = dict(holders)
    lost = [claim for claim in claims if known.setdefault(claim.key, claim.job_id) != claim.job_id]
    return {claim.asked: _reason(claim, known[claim.key]) for claim in lost}


def _reason(claim: Claim, holder: str) -> str:
    whose = claim.job_id if claim.job_id == claim.asked else f"{claim.job_id}, which would come back with it"
    return f"job {holder}, which is not finished, has the unique key {claim.key!r} of job {whose}"
