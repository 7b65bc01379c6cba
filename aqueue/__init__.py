"""aqueue: a job queue for shell commands. Importing it costs nothing; its names come when they are asked for."""

TYPE_CHECKING = False  # as typing has it; importing that costs more than all that `aqueue enqueue` does
if TYPE_CHECKING:
    from aqueue.model.job import Job
    from aqueue.model.selection import Filter
    from aqueue.queue import Queue

__version__ = "0.1.0"
__all__ = ["Filter", "Job", "Queue", "__version__"]


def __getattr__(name: str) -> object:
    if name == "Queue":
        from aqueue.queue import Queue

        return Queue
    if name == "Filter":
        from aqueue.model.selection import Filter

        return Filter
    if name == "Job":
        from aqueue.model.job import Job

        return Job
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
