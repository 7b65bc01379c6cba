"""Writing bytes to our own stdout and stderr as fast as they are read, and never so that Ctrl-C could not end it.

A write that blocks would hold up the loop until somebody reads, and with it the signal.
"""

import asyncio
import os
import select
from typing import TextIO

from aqueue.cli.lines import CHUNK


async def pour(data: bytes, stream: TextIO) -> None:
    """Write all of it. Raises BrokenPipeError when nobody reads any more, and OSError where it cannot be written."""
    stream.flush()
    descriptor, left = stream.fileno(), memoryview(data)
    while left:
        if not select.select([], [descriptor], [], 0)[1]:
            await _until_writable(descriptor)
        left = left[os.write(descriptor, left[:CHUNK]) :]


async def _until_writable(descriptor: int) -> None:
    loop, writable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(descriptor, writable.set)
    try:
        await writable.wait()
    finally:
        loop.remove_writer(descriptor)
