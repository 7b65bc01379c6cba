"""`aqueue release`: let held or scheduled jobs run now."""

from aqueue.cli.verbs import Deed, Words, verb
from aqueue.queue import Queue, Selection

release = verb(
    Deed(
        words=Words("release", "Released", "Releasing", "released"),
        by_id=Queue.release,
        on_all=Selection.release,
    ),
    """Let held or scheduled jobs run now; a blocked one as soon as the jobs let it that it waits for.

Jobs that are named are all released, or none is. Of a selection, those that cannot be are passed over and counted.
Without --state, a selection means the held ones.

\b
Examples:
  aqueue release 7
  aqueue release --all
  aqueue release --state scheduled --tag nightly
""",
    of_all="All that are held",
)
