"""`aqueue retry`: a fresh set of attempts."""

from aqueue.cli.verbs import verb

retry = verb(
    "retry",
    lambda queue, ids: queue.retry(*ids),
    "Retrying",
    """Give jobs a fresh set of attempts, now: dead, cancelled, completed or failed ones, all of them or none.

\b
Example:
  aqueue retry 7
""",
)
