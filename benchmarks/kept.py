"""What the benchmark keeps between its runs: in `.bench`, not under version control, to be deleted at any time."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
KEPT = REPOSITORY / ".bench"
