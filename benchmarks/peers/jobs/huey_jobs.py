"""The application that huey's consumer runs: a task that runs a command and keeps how it ended and what it printed."""

import os
import subprocess
import sys

from huey import SqliteHuey

queue = SqliteHuey(filename=os.environ["HUEY_FILE"])


def run(command: str) -> tuple[int, bytes]:
    """Run a command of the shell."""
    done = subprocess.run(
        command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout


task = queue.task()(run)


def ask() -> None:
    """Enqueue what comes from stdin, lines of commands parted by tabs, and acknowledge each line."""
    print("ready", flush=True)
    for line in sys.stdin:
        for command in line.rstrip("\n").split("\t"):
            task(command)
        print("ready", flush=True)
