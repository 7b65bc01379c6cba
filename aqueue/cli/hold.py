"""`aqueue hold`: keep jobs from running until they are released."""

from aqueue.cli.verbs import Deed, Words, verb
from aqueue.queue import Queue, Selection

hold = verb(
    Deed(
        words=Words("hold", "Held", "Holding", "held"),
        by_id=Queue.hold,
        on_all=Selection.hold,
    ),
    """Keep waiting jobs from running until they are released.

Jobs that are named are all held, or none is. Of a selection, those that cannot be are passed over and counted.

A blocked one waits for its jobs as before, and is held then.

\b
Examples:
  aqueue hold 7
  aqueue hold --all -q mail
""",
    of_all="All that wait",
)
