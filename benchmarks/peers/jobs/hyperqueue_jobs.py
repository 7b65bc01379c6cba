"""HyperQueue as its own package starts it on one machine: a server and a worker in one process."""

import sys
import tempfile

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig


def serve(slots: str) -> None:
    """Submit what comes from stdin, lines of commands parted by tabs, and acknowledge each line."""
    with tempfile.TemporaryDirectory() as folder, LocalCluster(folder, WorkerConfig(cores=int(slots))) as cluster:
        client = cluster.client()
        print("ready", flush=True)
        for line in sys.stdin:
            client.submit(job(line.rstrip("\n").split("\t"), folder))
            print("ready", flush=True)


def job(commands: list[str], folder: str) -> Job:
    """One job of HyperQueue, in which each command is a task.

    What it prints is not kept: that would be two files a task, which its manual advises against where there are many.
    """
    made = Job(default_workdir=folder, max_fails=None)
    for command in commands:
        made.program(["sh", "-c", command], stdout=None, stderr=None)
    return made
