"""`aqueue remove`: delete jobs with their history. A running one is refused."""

from aqueue.cli.verbs import Deed, Words, verb
from aqueue.queue import Queue, Selection

REMOVING = Deed(
    words=Words("remove", "Removed", "Removing", "removed"),
    by_id=Queue.remove,
    on_all=Selection.remove,
    asks=True,
)

remove = verb(
    REMOVING,
    """Delete jobs with their history.

A running one is refused, and one that a blocked job comes after which is not removed with it.

Jobs that are named are all removed, or none is. Of a selection, those that cannot be are passed over and counted.
Before more than 100 are removed, a question is asked; scripts give --yes.

\b
Examples:
  aqueue remove 7 8
  aqueue remove --state completed -q mail --yes
  aqueue remove --all --dry-run
""",
    of_all="All that do not run",
)
