"""The verb that adds jobs: a statement for each chunk, and at the end whom they wait for."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from aqueue.model.errors import DuplicateId
from aqueue.model.ids import Ids
from aqueue.model.settings import Settings
from aqueue.model.unique import Enqueued
from aqueue.store import dependencies, unique
from aqueue.store.batch import Chunk
from aqueue.store.statement import Statement, Verb


def enqueue_batch(batch: Iterable[Chunk], settings: Settings, now: float) -> Verb[Enqueued]:
    """Add the jobs of all chunks, all or none, but for those whose unique key an unfinished job has.

    Raises DuplicateId, NoSuchJob for one that they are to wait for, and Cycle, each with the place of a job.
    """
    made = _Made()
    usual = {"usual_retries": settings.max_retries, "usual_timeout": settings.timeout or 0, "now": now}
    for asked in batch:
        sifted = (yield from unique.sifted(asked.keys())) if asked.has_keys else None
        chunk = asked if sifted is None else asked.only(sifted.made)
        ids: Sequence[str] = []
        if chunk.count:
            yield from _check_ids_are_free(chunk, made.first)
            rows = yield chunk.insertion(usual)
            ids = made.add(chunk, sorted([row["seq"] for row in rows]))
        made.answer(asked, ids if sifted is None else sifted.ids(ids), () if sifted is None else sifted.existing)
    cancelled = 0
    if made.waits and made.first is not None:
        cancelled = yield from dependencies.tie_new(made.first, made.last, made.stand_ins, made.place_of, now)
    return Enqueued(made.ids, frozenset(made.existing), cancelled)


class _Made:
    """What has been made so far of a batch, and what was there already."""

    def __init__(self) -> None:
        self.ids = Ids()
        self.existing: dict[int, None] = {}
        self.stand_ins: dict[str, str] = {}
        """The ids of jobs that were not made, with those of the jobs that are there instead."""
        self.first: int | None = None
        self.last = 0
        """The seqs of the first and the last."""
        self._seqs = array("q")
        """The seqs of all of them: others may have added some in between."""
        self.waits = False

    def add(self, chunk: Chunk, seqs: Sequence[int]) -> Sequence[str]:
        """The jobs of a chunk were made, and have these seqs; returns their ids."""
        self.first = seqs[0] if self.first is None else self.first
        self.last = seqs[-1]
        self._seqs.extend(seqs)
        self.waits = self.waits or chunk.waits
        return [job_id or str(seq) for job_id, seq in zip(chunk.ids(), seqs, strict=True)]

    def answer(self, asked: Chunk, ids: Sequence[str], existing: Sequence[int]) -> None:
        """These are the ids for what was asked for."""
        self.ids.add(ids)
        chosen = asked.ids() if existing and asked.has_ids else ()
        for number in existing:
            self.existing[asked.place + number] = None
            if chosen and (job_id := chosen[number]) is not None:
                self.stand_ins[job_id] = ids[number]

    def place_of(self, seq: int) -> int:
        """Which of those that were asked for became the job with this seq."""
        place = bisect_left(self._seqs, seq)
        for existing in self.existing:
            place += existing <= place
        return place


def _check_ids_are_free(chunk: Chunk, first: int | None) -> Verb[None]:
    """Refuse ids that other jobs have; those from the number `first` on are of the same batch."""
    if not chunk.has_ids:
        return
    rows = yield Statement("ids_taken", {"jobs": chunk.jobs})
    taken = {row["id"]: first is not None and row["seq"] >= first for row in rows}
    for number, job_id in enumerate(chunk.ids() if taken else ()):
        if job_id is not None and job_id in taken:
            raise DuplicateId(job_id, at_once=taken[job_id], place=chunk.place_of(number))
