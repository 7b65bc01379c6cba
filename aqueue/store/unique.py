"""The verbs about unique keys: who has them."""

import json
from collections.abc import Iterable, Mapping, Sequence

from aqueue.model import unique as model
from aqueue.model.errors import KeyHeld
from aqueue.model.unique import Claim, Sifted, sift
from aqueue.store.statement import Statement, Verb


def sifted(keys: Sequence[str | None]) -> Verb[Sifted]:
    """Which of the jobs that are asked for with these keys are to be made."""
    return sift(keys, (yield from _holders(keys)))


def check(claims: Sequence[Claim]) -> Verb[None]:
    """Raise KeyHeld if finished jobs cannot come back with their keys, or an unfinished one cannot get one."""
    if reasons := (yield from held(claims)):
        raise KeyHeld(reasons)


def held(claims: Sequence[Claim]) -> Verb[Mapping[str, str]]:
    """Why some of the jobs that were asked for cannot come back with their keys, by their ids."""
    return model.held(claims, (yield from _holders(claim.key for claim in claims)))


def _holders(keys: Iterable[str | None]) -> Verb[Mapping[str, str]]:
    """The ids of the unfinished jobs that have these keys, by key."""
    distinct = list({key for key in keys if key is not None})
    if not distinct:
        return {}
    rows = yield Statement("key_holders", {"keys": json.dumps(distinct)})
    return {row["unique_key"]: row["id"] for row in rows}
