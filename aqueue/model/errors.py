"""What can go wrong, as one tree.

    AqueueError
    ├── InvalidInput            what was asked makes no sense, whatever the store holds
    │   └── InvalidSetting      … as a setting
    ├── InvalidSource           what was read from a file or from stdin makes no sense
    ├── Refused                 it makes sense, but not now: nothing was changed
    │   ├── NoSuchJob
    │   ├── NoSuchSchedule
    │   ├── DuplicateId
    │   ├── WrongState          the verb does not fit the state of the job
    │   ├── Cycle               jobs would wait for one another
    │   ├── Entangled           it depends on other jobs, which stand against it
    │   │   ├── ParentEnded     one that it waits for has ended, and not as it must
    │   │   ├── Awaited         one that is not removed waits for it
    │   │   └── KeyHeld         one that is not finished has its unique key
    │   └── CannotFinish        waiting for it would never end
    └── StoreError              the place where the jobs are kept
        ├── NotAQueue           a folder, a foreign file, a table of somebody else
        ├── NewerSchema         written by a later version of aqueue
        ├── UnsafePlace         somebody else could put commands into it, or jobs would be lost there
        ├── StoreBusy           another process holds the write lock for too long
        ├── LeaseLost           the others take this worker for dead
        └── StoreUnavailable    full, read-only, damaged, gone

The text of each error is one sentence for a person, without a final full stop.
"""

from collections.abc import Mapping, Sequence

MOST_NAMED = 8
"""How many jobs of a cycle are named."""


class AqueueError(Exception):
    """The root of everything that aqueue raises on purpose."""


class InvalidInput(AqueueError):
    """What was asked makes no sense, whatever the store holds."""


class InvalidSetting(InvalidInput):
    """A setting has an unknown key or an impossible value."""


class InvalidSource(AqueueError):
    """What was read from a file or from stdin makes no sense; the text says where."""


class Refused(AqueueError):
    """The request makes sense, but cannot be granted now; nothing was changed."""


class NoSuchJob(Refused):
    """No job has this id. `place` is which of the jobs that are asked for at once is to wait for it."""

    def __init__(self, job_id: str, place: int | None = None) -> None:
        super().__init__(f"no such job: {job_id}")
        self.job_id = job_id
        self.place = place


class NoSuchSchedule(Refused):
    """No schedule has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no such schedule: {name}")


class DuplicateId(Refused):
    """A job with this id exists already, or is asked for twice at once.

    `place` is which of the jobs that are asked for at once wants it, the first being 0.
    """

    def __init__(self, job_id: str, *, at_once: bool = False, place: int = 0) -> None:
        super().__init__(f"the id {job_id} is there twice" if at_once else f"a job with the id {job_id} exists already")
        self.place = place


class WrongState(Refused):
    """The verb does not fit the state of the job."""


class Cycle(Refused):
    """Some jobs would wait for one another: each of `ids` for the next, and the last for the first.

    `place` is which of the jobs that are asked for at once is the first of them.
    """

    def __init__(self, ids: Sequence[str], place: int = 0) -> None:
        named, more = ", ".join(ids[:MOST_NAMED]), len(ids) - MOST_NAMED
        super().__init__(
            f"job {ids[0]} would wait for itself"
            if len(ids) == 1
            else f"jobs would wait for one another: {named}{f' and {more} others' if more > 0 else ''}"
        )
        self.ids = ids
        self.place = place


class Entangled(Refused):
    """Other jobs stand against it. `reasons` are by the ids of the jobs that cannot be had; the rest could be."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(next(iter(reasons.values())))
        self.reasons = reasons


class ParentEnded(Entangled):
    """A job would have to wait for one that has ended, and not as it must."""


class Awaited(Entangled):
    """Another job, which is not to be removed, waits for the job."""


class KeyHeld(Entangled):
    """Another job, which is not finished, has the unique key of the job, or of one that would come back with it."""


class CannotFinish(Refused):
    """Waiting for the job would never end."""


class StoreError(AqueueError):
    """The place where the jobs are kept does not serve."""


class NotAQueue(StoreError):
    """The path or the file is something else than a queue of ours."""


class NewerSchema(StoreError):
    """The file was written by a later version of aqueue."""


class UnsafePlace(StoreError):
    """Somebody else can write the queue, and so run commands as its user."""


class StoreBusy(StoreError):
    """Another process has held the write lock for longer than the caller wants to wait."""


class LeaseLost(StoreError):
    """A worker could not show in time that it lives: its jobs belong to the others."""


class StoreUnavailable(StoreError):
    """The store cannot be read or written: full, read-only, damaged or gone."""
