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
    │   └── CannotFinish        waiting for it would never end
    └── StoreError              the place where the jobs are kept
        ├── NotAQueue           a folder, a foreign file, a table of somebody else
        ├── NewerSchema         written by a later version of aqueue
        ├── UnsafePlace         somebody else could put commands into it
        ├── StoreBusy           another process holds the write lock for too long
        └── StoreUnavailable    full, read-only, damaged, gone

The text of each error is one sentence for a person, without a final full stop.
"""


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
    """No job has this id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"no such job: {job_id}")


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


class StoreUnavailable(StoreError):
    """The store cannot be read or written: full, read-only, damaged or gone."""
