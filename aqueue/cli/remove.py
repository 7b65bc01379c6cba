"""`aqueue remove`: delete jobs with their history, all of them or none. A running one is refused."""

from aqueue.cli.verbs import verb

remove = verb(
    "remove",
    lambda queue, ids: queue.remove(*ids),
    "Removed",
    """Delete jobs with their history, all of them or none. A running one is refused.

\b
Example:
  aqueue remove 7 8
""",
)
