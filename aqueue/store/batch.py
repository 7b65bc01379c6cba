"""A batch of new jobs on its way into the store, however large it is.

It is first collected and only then written: whoever produces the jobs may take his time, and the write lock is not held
meanwhile. A large batch waits in a file without a name, so that it takes no memory. It is cut into chunks, each of
which is one statement, and what the jobs of a chunk have in common is told once for all of them: a job that has nothing
of its own but its command costs SQLite a third less.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, Self

from aqueue.model.errors import DuplicateId, Refused, StoreUnavailable
from aqueue.model.job import State
from aqueue.model.newjob import Alike, NewJob, OfKinds
from aqueue.store.statement import Statement

JOBS_OF_A_CHUNK = 1000
CHARACTERS_OF_A_CHUNK = 256 * 1024
"""What a chunk holds at most, and of commands; one that is longer has a chunk of its own."""

CHARACTERS_IN_MEMORY = 8 * 1024**2
"""How much of a batch is kept in memory. What is more goes to a file."""

ORDINARY, ALIKE, EACH = "enqueue_ordinary", "rows_alike", "rows_each"
"""The forms of a chunk: commands alone, where there is nothing unusual; commands alone; or of each job its id, its
command, and what else is its own."""

_USUAL = ("queue", "priority", "max_retries", "timeout", "run_at", "tags", "cwd")
_UNUSUAL = (
    *("hold", "env", "backoff_base", "backoff_max", "no_retry_on", "defer_on", "cron", "hook_of"),
    *("unique", "after", "after_any", "nice", "memory"),
)
_OWN = (*_USUAL, *_UNUSUAL)
"""What a job says of itself beside its id and its command; most say nothing of the unusual."""

_NOTHING_UNUSUAL = attrgetter(*_UNUSUAL)(NewJob(command="true"))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some jobs of a batch, ready for one statement. `place` is that of the first of them in the batch."""

    place: int
    count: int
    has_ids: bool
    form: str
    common: str
    """What all of its jobs have in common, as JSON."""
    jobs: str
    """The jobs, as JSON in the form that `form` names."""
    has_keys: bool = False
    waits: bool = False
    """Whether some of its jobs come after others."""
    numbers: Sequence[int] | None = None
    """Where its jobs stand behind `place`, if not one after the other."""

    def ids(self) -> Sequence[str | None]:
        """The ids that were chosen, job by job."""
        return [row[0] for row in json.loads(self.jobs)] if self.has_ids else [None] * self.count

    def insertion(self, usual: Mapping[str, Any]) -> Statement:
        """The statement that adds its jobs; `usual` are the values for what they leave to the settings."""
        given = {"jobs": self.jobs, "common": self.common, **usual}
        return Statement(ORDINARY, given) if self.form == ORDINARY else Statement("enqueue", given, rows=self.form)

    def keys(self) -> Sequence[str | None]:
        """Their unique keys, job by job."""
        common = json.loads(self.common).get("unique")
        own = [row[2] for row in json.loads(self.jobs)] if self.form == EACH else [None] * self.count
        return [(of_one or {}).get("unique", common) for of_one in own]

    def only(self, numbers: Sequence[int]) -> "Chunk":
        """Those of its jobs that have these numbers, the first of all being 0."""
        jobs = json.loads(self.jobs)
        return replace(self, count=len(numbers), jobs=_json([jobs[number] for number in numbers]), numbers=numbers)

    def place_of(self, number: int) -> int:
        """The place in the batch of the job with this number among those that are here."""
        return self.place + (number if self.numbers is None else self.numbers[number])


class Batch:
    """New jobs that are to be enqueued, all or none. Not for several threads at a time.

    `folder` is where its file is, if it needs one; without that, where the system keeps its temporary files.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._chunks: list[Chunk] = []
        self._characters = 0
        self._file: IO[str] | None = None
        self._files = ExitStack()
        self._count = 0
        self.waits = False
        """Whether some of its jobs come after others."""
        self._is_given_up = False
        self.is_begun = False
        """Whether a transaction has begun to write it."""

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_up()
        self._files.close()

    def add(self, jobs: Iterable[NewJob | Alike | OfKinds], now: float) -> None:
        """Add jobs at the end. Raises DuplicateId as far as it is seen, StoreUnavailable, and what the jobs raise."""
        some: list[NewJob] = []
        characters = 0
        for job in jobs:
            if not isinstance(job, NewJob):
                self._add_some(some, now)
                self._add_several(job, now)
                some, characters = [], 0
                continue
            some.append(job)
            characters += len(job.command) + (sum(map(len, job.env.values())) if job.env else 0)
            if len(some) == JOBS_OF_A_CHUNK or characters >= CHARACTERS_OF_A_CHUNK:
                self._add_some(some, now)
                some, characters = [], 0
        self._add_some(some, now)

    def give_up(self) -> None:
        """Let whoever is writing it fail with Refused, as soon as possible. Any thread may call this."""
        self._is_given_up = True

    def __iter__(self) -> Iterator[Chunk]:
        self.is_begun = True
        for chunk in self._kept():
            self._check_is_wanted()
            yield chunk
        self._check_is_wanted()

    def watched(self, tell: Callable[[int], object]) -> Iterator[Chunk]:
        """The same chunks; `tell` hears how many jobs have been written, in the thread that goes through them."""
        for chunk in self:
            yield chunk
            tell(chunk.place + chunk.count)

    def _check_is_wanted(self) -> None:
        if self._is_given_up:
            raise Refused("it was given up")

    def _add_several(self, several: Alike | OfKinds, now: float) -> None:
        if isinstance(several, Alike):
            self._add_alike(several, now)
        else:
            self._add_of_kinds(several, now)

    def _add_alike(self, alike: Alike, now: float) -> None:
        assert alike.job.id is None
        for commands in _slices(alike.commands) if alike.commands else ():
            self._keep(_alike(self._count, alike.job, commands, now))

    def _add_of_kinds(self, mixed: OfKinds, now: float) -> None:
        common, own = _told_apart(mixed.kinds, now)
        owns = [_nth(own, number) for number in range(len(mixed.kinds))]
        which = iter(mixed.which)
        for commands in _slices(mixed.commands) if mixed.commands else ():
            rows = _json([[None, command, owns[next(which)]] for command in commands])
            self._keep(Chunk(self._count, len(commands), False, EACH, common, rows, *_ties(mixed.kinds)))

    def _add_some(self, jobs: Sequence[NewJob], now: float) -> None:
        if not jobs:
            return
        _check_ids_differ(jobs, self._count)
        common, own = _told_apart(jobs, now)
        has_ids = any(job.id is not None for job in jobs)
        if not own and not has_ids:
            self._keep(_alike(self._count, jobs[0], [job.command for job in jobs], now))
            return
        rows = _json([[job.id, job.command, _nth(own, number)] for number, job in enumerate(jobs)])
        self._keep(Chunk(self._count, len(jobs), has_ids, EACH, common, rows, *_ties(jobs)))

    def _keep(self, chunk: Chunk) -> None:
        self.waits = self.waits or chunk.waits
        self._count += chunk.count
        self._characters += len(chunk.jobs)
        self._chunks.append(chunk)
        if self._characters > CHARACTERS_IN_MEMORY:
            self._put_away()

    def _put_away(self) -> None:
        import tempfile  # few batches need it, and to import it takes a tenth of what a small one does

        try:
            if self._file is None:
                file = tempfile.TemporaryFile("w+", dir=self.folder, encoding="utf-8", newline="\n")  # noqa: SIM115
                self._file = self._files.enter_context(file)
            self._file.writelines(_json(astuple(chunk)) + "\n" for chunk in self._chunks)
            self._file.flush()
        except OSError as error:
            where = self.folder or tempfile.gettempdir()
            raise StoreUnavailable(f"cannot keep so many jobs in {where}: {error.strerror}") from error
        self._chunks, self._characters = [], 0

    def _kept(self) -> Iterator[Chunk]:
        if self._file is not None:
            try:
                self._file.seek(0)
                for line in self._file:
                    yield Chunk(*json.loads(line))
            except ValueError:  # it was closed meanwhile
                self._check_is_wanted()
                raise
        yield from self._chunks


def _told_apart(jobs: Sequence[NewJob], now: float) -> tuple[str, Mapping[str, Sequence[Any]]]:
    """What these have in common, as JSON, and of all else what each of them has."""
    values: dict[str, list[Any]] = {"state": [_state(job, now) for job in jobs]}
    values |= {name: list(map(attrgetter(name), jobs)) for name in _OWN}
    own = {name: column for name, column in values.items() if column.count(column[0]) < len(jobs)}
    return _json({name: column[0] for name, column in values.items() if name not in own}), own


def _alike(place: int, job: NewJob, commands: Sequence[str], now: float) -> Chunk:
    state = _state(job, now)
    common = _json({"state": state} | {name: getattr(job, name) for name in _OWN})
    is_ordinary = state is State.PENDING and attrgetter(*_UNUSUAL)(job) == _NOTHING_UNUSUAL
    form = ORDINARY if is_ordinary else ALIKE
    return Chunk(place, len(commands), False, form, common, _json(commands), *_ties([job]))


def _check_ids_differ(jobs: Sequence[NewJob], place: int) -> None:
    seen: set[str] = set()
    for number, job in enumerate(jobs, start=place):
        if job.id is None:
            continue
        if job.id in seen:
            raise DuplicateId(job.id, at_once=True, place=number)
        seen.add(job.id)


def _ties(jobs: Iterable[NewJob]) -> tuple[bool, bool]:
    """Whether some have unique keys, and whether some come after others."""
    return any(job.unique is not None for job in jobs), any(job.waits for job in jobs)


def _state(job: NewJob, now: float) -> State:
    if job.waits:
        return State.BLOCKED
    return State.SCHEDULED if job.hold or (job.run_at is not None and job.run_at > now) else State.PENDING


def _nth(columns: Mapping[str, Sequence[Any]], number: int) -> Mapping[str, Any] | None:
    return {name: column[number] for name, column in columns.items()} or None


def _slices(commands: Sequence[str]) -> Iterator[Sequence[str]]:
    start, characters = 0, 0
    for place, command in enumerate(commands):
        if place - start == JOBS_OF_A_CHUNK or characters >= CHARACTERS_OF_A_CHUNK:
            yield commands[start:place]
            start, characters = place, 0
        characters += len(command)
    yield commands[start:]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
