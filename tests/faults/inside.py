"""What these tests run in processes of their own: a worker that tells its events as JSON lines, and small clients.

    inside.py worker DB '{"concurrency": 2, "set": {"committer.PATIENCE": 0.1}}'
    inside.py enqueue DB '[{"command": "true"}]'      the ids, a line each
    inside.py backup DB '"copy.db"'
    inside.py jobs DB                                 {"1": {"state": "completed", …}}

With AS_USER in the environment, it is done as that user, who may not even be able to read this file. As in `aqueue`
itself, what cannot be done ends with `Error: …` on stderr and exit code 1.
"""

import asyncio
import dataclasses
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from aqueue.engine import loop
from aqueue.engine.events import Event, Settled, Started
from aqueue.engine.node import Node, Options
from aqueue.model.errors import AqueueError
from aqueue.model.newjob import NewJob
from aqueue.queue import Queue
from aqueue.store import open_store, sqlite

assert sqlite  # imported before the user changes, who may not be able to read it


async def worker(database: str, options: Mapping[str, Any]) -> None:
    for where, value in options.get("set", {}).items():
        module, _, name = where.rpartition(".")
        setattr(importlib.import_module(f"aqueue.{module if '.' in module else f'engine.{module}'}"), name, value)
    store = await open_store(database, worker=True)
    try:
        own = {name: options[name] for name in ("concurrency", "burst", "queues") if name in options}
        node = Node(store, Options(**own), _tell)
        running = asyncio.get_running_loop()
        running.add_signal_handler(signal.SIGTERM, node.drain)
        running.add_signal_handler(signal.SIGINT, node.interrupt)
        await node.run()
    finally:
        await store.close()


def _tell(event: Event) -> None:
    facts: dict[str, Any] = {}
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        facts[field.name] = value if isinstance(value, int | float | str) else str(value)
    if isinstance(event, Started | Settled):
        facts["job"] = event.job.id
        facts["run"] = event.job.run
    if isinstance(event, Settled):
        facts["state"] = event.transition.state
        facts["attempts"] = event.transition.attempts
    os.write(1, json.dumps({"event": type(event).__name__, **facts}).encode() + b"\n")


async def enqueue(database: str, documents: Any) -> None:
    async with Queue.open(database) as queue:
        enqueued = await queue.enqueue_many([NewJob.parse(document, time.time()) for document in documents])
        for job_id in enqueued.ids:
            os.write(1, f"{job_id}\n".encode())


async def jobs(database: str, _: Any) -> None:
    async with Queue.open(database) as queue:
        wanted = ("state", "attempts", "run", "error", "command")
        found = {job.id: {name: getattr(job, name) for name in wanted} for job in await queue.list()}
    os.write(1, json.dumps(found).encode())


async def backup(database: str, target: str) -> None:
    async with Queue.open(database) as queue:
        await queue.backup(target)


VERBS: dict[str, Callable[[str, Any], Coroutine[Any, Any, None]]] = {
    "worker": worker,
    "enqueue": enqueue,
    "jobs": jobs,
    "backup": backup,
}


def main(what: str, database: str, argument: str = "null") -> int:
    if "AS_USER" in os.environ:
        user = int(os.environ["AS_USER"])
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    try:
        loop.run(VERBS[what](database, json.loads(argument)))
    except AqueueError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
