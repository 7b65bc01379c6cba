import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from network import network_stays
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from .harness import HOW_TO_GET_ONE, TOKEN, Site, Watch, find_chromium, launch, serving
from .stage import set_the_stage


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests; what each of them does stays in a context of its own."""
    path = find_chromium()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(HOW_TO_GET_ONE)
        pytest.skip(HOW_TO_GET_ONE)
    async with async_playwright() as playwright:
        browser = await launch(playwright, path)
        yield browser
        await browser.close()


@pytest.fixture(scope="module", autouse=True)
def _undisturbed() -> Iterator[None]:
    with network_stays():
        yield


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, watch: Watch, site: Site) -> AsyncIterator[BrowserContext]:
    """A fresh browser, closed before the site is cleared.

    At its end it must have had nothing to complain of, and have asked no other host.
    """
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    watch.over(context)
    yield context
    await context.close()
    assert watch.complaints == []
    assert watch.strangers == []


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> Page:
    return await context.new_page()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def worker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A worker with two slots that serves its queue, without a token."""
    async with serving(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def site(worker: Site) -> AsyncIterator[Site]:
    """The same, without any job."""
    yield worker
    await worker.clear()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A queue with something of everything, behind a token."""
    async with serving(tmp_path_factory.mktemp("stage"), "worker", "--concurrency", "4", token=TOKEN) as site:
        await set_the_stage(site)
        yield site
