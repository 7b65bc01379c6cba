"""Each page, light and dark: a picture of it, nothing that shuts somebody out, and a phone's width is enough."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, expect

from .harness import PICTURES, TOKEN, Site, Watch, faults_of, is_live, log_in, scrolls_sideways

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

DESK, PHONE = ViewportSize(width=1360, height=900), ViewportSize(width=390, height=844)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visitor(browser: Browser, stage: Site) -> AsyncIterator[Page]:
    """Somebody who has logged in, and goes from page to page."""
    watch = Watch(forgiven=re.compile("no-such-job|401|422"))  # what was asked for on purpose
    context = await browser.new_context(viewport=DESK, reduced_motion="reduce")
    watch.over(context)
    page = await context.new_page()
    await page.goto(f"{stage.url}/jobs")
    await expect(page.get_by_label("Token")).to_be_focused()
    await look_at(page, "login")
    await log_in(page, stage)
    yield page
    await context.close()
    assert watch.complaints == []
    assert watch.strangers == []


async def look_at(page: Page, name: str) -> None:
    """Look at a page by day, by night, and on a phone."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}-light.png", full_page=True)
    assert await faults_of(page) == []
    await page.emulate_media(color_scheme="dark")
    await page.screenshot(path=PICTURES / f"{name}-dark.png", full_page=True)
    assert await faults_of(page, "color-contrast", "link-in-text-block") == []
    await page.set_viewport_size(PHONE)
    await page.emulate_media(color_scheme="light")
    await page.screenshot(path=PICTURES / f"{name}-phone.png", full_page=True)
    assert not await scrolls_sideways(page)
    await page.set_viewport_size(DESK)


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_shuts_nobody_out(visitor: Page, stage: Site, name: str) -> None:
    await visitor.goto(stage.url + PAGES[name])
    await expect(visitor.locator("h1")).to_be_visible()
    await is_live(visitor)
    await look_at(visitor, name)


async def test_what_the_address_names_is_found_by_keyboard_alone(visitor: Page, stage: Site) -> None:
    await visitor.goto(f"{stage.url}/dead")
    await is_live(visitor)
    await visitor.keyboard.press("Tab")
    await expect(visitor.get_by_role("link", name="Skip to the content")).to_be_focused()
    await visitor.keyboard.press("Enter")
    await expect(visitor.get_by_role("main")).to_be_focused()
    await visitor.keyboard.press("Tab")
    await expect(visitor.get_by_role("button", name="Retry all dead jobs")).to_be_focused()
    await visitor.keyboard.press("Enter")
    dialog = visitor.get_by_role("dialog", name="Retry 9 jobs in the dead letter queue?")
    await expect(dialog).to_be_visible()
    await visitor.keyboard.press("Escape")
    await expect(visitor.get_by_role("button", name="Retry all dead jobs")).to_be_focused()
    await visitor.get_by_role("link", name="Schedules").focus()
    await visitor.keyboard.press("Enter")
    await expect(visitor.get_by_role("heading", name="Schedules")).to_be_focused()


async def test_a_job_is_edited_and_enqueued_again(visitor: Page, stage: Site) -> None:
    await visitor.goto(f"{stage.url}/jobs/notify-3")
    await visitor.get_by_role("link", name="Edit and enqueue again").click()
    command = visitor.get_by_role("textbox", name="Command")
    await expect(command).to_have_value("sleep 0.03; echo told 3")
    await expect(visitor.get_by_label("Queue", exact=True)).to_have_value("notify")
    await command.fill("echo told again")
    await visitor.get_by_label("Id", exact=True).fill("again")
    await visitor.get_by_role("button", name="Enqueue").click()
    await expect(visitor).to_have_url(f"{stage.url}/jobs/again")
    await expect(visitor.locator(".lines")).to_have_text("told again")
    await expect(visitor.locator(".facts")).to_contain_text("notify")


async def test_a_job_for_each_line_is_enqueued(visitor: Page, stage: Site) -> None:
    await visitor.goto(f"{stage.url}/enqueue")
    await visitor.get_by_role("textbox", name="Command").fill("echo one\n\necho two")
    await visitor.get_by_label("A job for each line").check()
    await visitor.get_by_label("Delay").fill("never")
    await visitor.keyboard.press("Enter")
    await expect(visitor.get_by_role("alert").filter(has_text="delay")).to_be_visible()
    await visitor.get_by_label("Delay").fill("1h")
    await visitor.keyboard.press("Enter")
    enqueued = visitor.get_by_role("status").filter(has_text="Enqueued:").get_by_role("link")
    await expect(enqueued).to_have_count(2)
    await enqueued.last.click()
    await expect(visitor.locator("pre.shell")).to_have_text("echo two")


async def test_a_schedule_is_run_now_paused_and_resumed(visitor: Page, stage: Site) -> None:
    await visitor.goto(f"{stage.url}/schedules")
    await visitor.get_by_role("button", name="Pause schedule poll").click()
    card = visitor.get_by_role("listitem").filter(has_text="printf polled")
    await expect(card).to_contain_text("paused")
    await visitor.get_by_role("button", name="Run poll now").click()
    await expect(visitor.get_by_role("status").filter(has_text="of poll is enqueued")).to_be_visible()
    await visitor.get_by_role("button", name="Resume schedule poll").click()
    await expect(visitor.get_by_role("button", name="Pause schedule poll")).to_be_visible()


async def test_a_login_leads_to_no_other_host(browser: Browser, stage: Site) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{stage.url}/login?next=//evil.example/jobs")
    await page.get_by_label("Token").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("That is not the token.")).to_be_visible()
    await page.get_by_label("Token").fill(TOKEN)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{stage.url}/")
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_label("Token")).to_be_visible()
    await context.close()


async def test_without_a_token_nothing_offers_to_enqueue(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/enqueue")
    await expect(page.get_by_text("only where the server has a token")).to_be_visible()
    await expect(page.get_by_role("link", name="Enqueue")).to_have_count(0)


async def test_where_nothing_may_be_changed_no_verb_is_offered(page: Page, site: Site) -> None:
    await site.add({"id": "held", "command": "true", "hold": True})
    only_reads = {"login": False, "token": False, "may_enqueue": False, "may_change": False, "read_only": True}
    await page.route("**/api/session", lambda route: route.fulfill(json={**only_reads, "version": "1"}))
    for path in ("/", "/jobs", "/jobs/held", "/queues"):
        await page.goto(site.url + path)
        await expect(page.locator("h1")).to_be_visible()
        await expect(page.get_by_text("read-only")).to_be_visible()
        verbs = page.locator("main").get_by_role("button", name=re.compile("Cancel|Remove|Retry|Hold|Pause|Limits"))
        await expect(verbs).to_have_count(0)
