"""`aqueue cancel`: stop jobs that are not finished, all of them or none."""

from aqueue.cli.verbs import verb

cancel = verb(
    "cancel",
    lambda queue, ids: queue.cancel(*ids),
    "Cancelled",
    """Stop jobs that are not finished, all of them or none.

A running job gets TERM, and KILL after kill_after; it is processing until nothing of it runs any more.

\b
Example:
  aqueue cancel 7 8
""",
)
