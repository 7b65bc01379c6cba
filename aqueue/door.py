"""The console entry: every `aqueue …` comes in here."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from aqueue.cli.main import main as long_way
    except KeyboardInterrupt:  # Ctrl-C while the program still comes into memory
        sys.exit(INTERRUPTED)
    long_way()
