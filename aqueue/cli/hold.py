"""`aqueue hold`: keep waiting jobs from running until they are released, all of them or none."""

from aqueue.cli.verbs import verb

hold = verb(
    "hold",
    lambda queue, ids: queue.hold(*ids),
    "Held",
    """Keep waiting jobs from running until they are released, all of them or none.

\b
Example:
  aqueue hold 7
""",
)
