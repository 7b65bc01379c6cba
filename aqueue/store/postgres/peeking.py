"""A look into a queue on a server from outside: see `aqueue.store.peek`."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import asyncpg

from aqueue.model.errors import AqueueError
from aqueue.store.postgres.address import Address
from aqueue.store.postgres.driving import Drive
from aqueue.store.postgres.explaining import LOST
from aqueue.store.postgres.link import connect
from aqueue.store.statement import Ask

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds for which somebody who has pressed Tab is kept waiting."""


def peek(url: str, ask: Ask[T]) -> T | None:
    """What a verb that only reads finds there; None if there is no queue, or none that answers soon."""
    try:
        with ThreadPoolExecutor(1) as thread:  # whoever asks may be in a loop already
            return thread.submit(lambda: asyncio.run(asyncio.wait_for(_look(url, ask), PATIENCE))).result()
    except (*LOST, AqueueError, asyncpg.PostgresError, ValueError):
        return None


async def _look(url: str, ask: Ask[T]) -> T:
    connection = await connect(Address.parse(url), {})
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await Drive(connection, locks=False).run(ask)
    finally:
        connection.terminate()
