"""`aqueue retry`: a fresh set of attempts."""

from aqueue.cli.verbs import Deed, Words, verb
from aqueue.queue import Queue, Selection

RETRYING = Deed(
    words=Words("retry", "Retrying", "Retrying", "retried"),
    by_id=Queue.retry,
    on_all=Selection.retry,
)

retry = verb(
    RETRYING,
    """Give jobs a fresh set of attempts, now: dead, cancelled, completed or failed ones.

Jobs that are named are all retried, or none is. Of a selection, those that cannot be are passed over and counted.
Without --state, a selection means the dead ones and those that wait for a retry.

What was cancelled because of them waits for them again. One that waits itself for a dead or cancelled job is refused:
retry that one.

\b
Examples:
  aqueue retry 7
  aqueue retry --all --tag nightly
  aqueue retry --state completed --search "make docs"
""",
    of_all="All that are dead or failed",
)
