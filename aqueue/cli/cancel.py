"""`aqueue cancel`: stop jobs that are not finished."""

from aqueue.cli.verbs import Deed, Words, verb
from aqueue.queue import Queue, Selection

cancel = verb(
    Deed(
        words=Words("cancel", "Cancelled", "Cancelling", "cancelled"),
        by_id=Queue.cancel,
        on_all=Selection.cancel,
    ),
    """Stop jobs that are not finished.

Jobs that are named are all stopped, or none is. Of a selection, those that cannot be are passed over and counted. A
running job gets TERM, and KILL after kill_after; it is processing until nothing of it
runs any more. What was enqueued with --after one of them is cancelled with it, and comes back when that is retried.

\b
Examples:
  aqueue cancel 7 8
  aqueue cancel --all -q mail
  aqueue cancel --state pending --search ffmpeg --dry-run
""",
    of_all="All that are not finished",
)
