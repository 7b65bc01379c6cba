"""The console entry: every `aqueue …` comes in here."""


def main() -> None:
    """Run the command line and exit with its code."""
    from aqueue.cli.main import main as long_way

    long_way()
