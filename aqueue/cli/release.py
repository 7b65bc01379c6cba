"""`aqueue release`: let held or scheduled jobs run now, all of them or none."""

from aqueue.cli.verbs import verb

release = verb(
    "release",
    lambda queue, ids: queue.release(*ids),
    "Released",
    """Let held or scheduled jobs run now, all of them or none.

\b
Example:
  aqueue release 7
""",
)
