"""What the tests of the pages have in common: a served queue, a browser, and what a page must never do."""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Playwright, Request, expect

import aqueue
from aqueue.model.job import State
from aqueue.model.newjob import NewJob
from aqueue.queue import Queue

PATIENCE = 60.0
"""Seconds until a test gives up on what it waits for."""

TOKEN = "a-token-for-tests"

PICTURES = Path(aqueue.__file__).parents[1] / "build" / "screenshots"
"""Where the pictures of the pages go; CI keeps it."""

HOW_TO_GET_ONE = "no Chromium: `apt-get install chromium` (scripts/test does it where it may), or name one in CHROMIUM"

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"
"""What Chromium ends all loading with, from loopback too, when some interface of the machine comes or goes."""

SERIOUS = {"serious", "critical"}
"""Faults of accessibility that a page must not have."""

expect.set_options(timeout=PATIENCE * 1000)


def find_chromium() -> str | None:
    """The system's browser: playwright's own cannot be had from a package registry."""
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


async def launch(playwright: Playwright, path: str) -> Browser:
    return await playwright.chromium.launch(executable_path=path, args=FLAGS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Site:
    """A queue that is worked on and served, in a process of its own, and its command line."""

    folder: Path
    words: Sequence[str] = ("worker", "--concurrency", "2")
    token: str | None = None
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Serve it, and wait until it answers."""
        where = f"127.0.0.1:{self.port}"
        words = [*self.words, "--http", where] if self.words[0] == "worker" else [*self.words, "--port", str(self.port)]
        self.process = await self._spawn(*words, stdout=asyncio.subprocess.DEVNULL)
        async with asyncio.timeout(PATIENCE):
            while not await self._answers():
                assert self.process.returncode is None, "it has ended"
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            await writer.wait_closed()
            return True
        return False

    async def stop(self) -> None:
        """Stop it, with what still runs."""
        if self.process is None:
            return
        process, self.process = self.process, None
        async with asyncio.timeout(PATIENCE):
            while process.returncode is None:  # the first signal drains, the second ends the jobs
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), 0.2)

    async def run(self, *words: str, stdin: bytes = b"") -> str:
        """Call the command line; returns its stdout."""
        process = await self._spawn(*words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(PATIENCE):
            out, _ = await process.communicate(stdin)
        assert process.returncode == 0, words
        return out.decode().strip()

    def queue(self) -> AbstractAsyncContextManager[Queue]:
        """Its queue, as a program of its own has it."""
        return Queue.open(self.folder / "queue.db")

    async def add(self, *jobs: Mapping[str, Any]) -> None:
        """Enqueue jobs, without a process of the command line."""
        async with self.queue() as queue:
            await queue.enqueue_many([NewJob.parse(job, time.time()) for job in jobs])

    async def clear(self) -> None:
        """End and remove all jobs."""
        async with asyncio.timeout(PATIENCE), self.queue() as queue:
            await queue.select().cancel()
            async for _ in queue.changes():
                if not (await queue.status()).counts[State.PROCESSING]:
                    break
            await queue.select().remove()

    async def _spawn(self, *words: str, **options: Any) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "aqueue", *words, env=self._environ(), cwd=self.folder, **options
        )

    def _environ(self) -> Mapping[str, str]:
        own = {"AQUEUE_DB": str(self.folder / "queue.db"), "PYTHONPATH": str(Path(aqueue.__file__).parents[1])}
        token = {"AQUEUE_TOKEN": self.token} if self.token else {}
        return {**os.environ, **own, **token}


@contextlib.asynccontextmanager
async def serving(folder: Path, *words: str, token: str | None = None) -> AsyncIterator[Site]:
    """A site until the end of the block."""
    site = Site(folder, words or ("worker", "--concurrency", "2"), token)
    await site.start()
    try:
        yield site
    finally:
        await site.stop()


@dataclass
class Watch:
    """What a page did that it must not: complaints on its console, and requests to other hosts."""

    forgiven: re.Pattern[str] | None = None
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    _loading: asyncio.Task[None] | None = None

    def over(self, context: BrowserContext) -> None:
        context.set_default_timeout(PATIENCE * 1000)
        context.on("requestfailed", self._failed)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        told = f"{message.text} {message.location['url']}"
        is_forgiven = NETWORK_CHANGED in told or (self.forgiven and self.forgiven.search(told))
        if message.type in ("error", "warning") and not is_forgiven:
            self.complaints.append(told)

    def _failed(self, request: Request) -> None:
        """Load a page again that could not be loaded."""
        is_idle = self._loading is None or self._loading.done()
        if request.failure == NETWORK_CHANGED and request.resource_type in ("script", "stylesheet") and is_idle:
            self._loading = asyncio.create_task(self._load_again(request.frame.page), name="load again")

    async def _load_again(self, page: Page) -> None:
        with contextlib.suppress(Error):
            await page.reload()

    def _request(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:")):
            self.strangers.append(request.url)


async def log_in(page: Page, site: Site) -> None:
    """Show the token."""
    await page.goto(f"{site.url}/login")
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


async def is_live(page: Page) -> None:
    """Wait until the page is there, and says that it is live."""
    await expect(page.locator("main h1")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()


async def faults_of(page: Page, *rules: str) -> list[str]:
    """What axe finds that is serious, by all its rules or by these, each with the first of the elements concerned."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe())
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = await page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary'][:300]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
    ]


def axe() -> str:
    """The source of axe-core."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


async def scrolls_sideways(page: Page) -> bool:
    wide: bool = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wide
