"""Each page, light and dark: a picture of it, nothing that shuts somebody out, and a phone's width is enough."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from .harness import PICTURES, Site, faults_of, is_live, log_in, scrolls_sideways

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGES = {
    "overview": "/",
    "jobs": "/jobs",
    "job": "/jobs/encode",
    "family": "/jobs/link",
    "dead": "/dead",
    "queues": "/queues",
    "schedules": "/schedules",
    "enqueue": "/enqueue?like=encode",
    "missing": "/jobs/no-such-job",
}


async def look(page: Page, site: Site, name: str, picture: Path) -> None:
    await page.goto(site.url + PAGES[name])
    await expect(page.locator("h1")).to_be_visible()
    await is_live(page)
    await page.screenshot(path=picture, full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_shuts_anybody_out(browser: Browser, stage: Site, scheme: Literal["light", "dark"]) -> None:
    context = await browser.new_context(
        viewport={"width": 1360, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = await context.new_page()
    await page.goto(f"{stage.url}/jobs")
    await expect(page.get_by_label("Token")).to_be_focused()
    await page.screenshot(path=PICTURES / f"login-{scheme}.png")
    faults = {"login": await faults_of(page)}
    await log_in(page, stage)
    for name in PAGES:
        await look(page, stage, name, PICTURES / f"{name}-{scheme}.png")
        faults[name] = await faults_of(page)
    await context.close()
    assert {name: found for name, found in faults.items() if found} == {}


async def test_a_phone_is_wide_enough(browser: Browser, stage: Site) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True, is_mobile=True
    )
    page = await context.new_page()
    await log_in(page, stage)
    wide = []
    for name in PAGES:
        await look(page, stage, name, PICTURES / f"{name}-phone.png")
        if await scrolls_sideways(page):
            wide.append(name)
    await context.close()
    assert wide == []
