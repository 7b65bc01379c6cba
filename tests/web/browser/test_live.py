"""What happens is on the page without a reload, and a page that cannot know says so."""

import re

import pytest
from faults.harness import Gate
from playwright.async_api import Page, expect

from .harness import Site, Watch, is_live

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_job_of_the_command_line_appears_without_a_reload(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/jobs")
    await is_live(page)
    await expect(page.get_by_text("There is no job yet.")).to_be_visible()
    await site.run("enqueue", "--id", "hello", "echo hello")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="hello"))
    await expect(row).to_contain_text("completed")
    await expect(page.get_by_role("navigation", name="States").get_by_role("link", name="completed")).to_contain_text(
        "1"
    )


async def test_the_overview_shows_what_each_slot_runs_now(page: Page, site: Site, gate: Gate) -> None:
    await page.goto(site.url)
    await is_live(page)
    await expect(page.get_by_text("0 of 2 slots busy")).to_be_visible()
    await site.add({"id": "slow", "command": f"echo '::progress 40 half'; {gate.pass_}"})
    await expect(page.get_by_text("1 of 2 slots busy")).to_be_visible()
    await expect(page.locator(".slot", has_text="slow")).to_contain_text("40 % · half")
    await expect(page.get_by_role("link", name="processing")).to_contain_text("1")
    await gate.open()
    await expect(page.get_by_text("0 of 2 slots busy")).to_be_visible()
    await expect(page.get_by_role("link", name="completed")).to_contain_text("1")
    await expect(page.locator(".chart").first).to_contain_text("runs")


async def test_output_is_seen_while_it_is_printed(page: Page, site: Site, gate: Gate) -> None:
    says = f"echo first; {gate.pass_}; echo second; {gate.pass_}; echo third >&2; exit 3"
    await site.add({"id": "talk", "command": says})
    await page.goto(f"{site.url}/jobs/talk")
    output = page.get_by_role("region", name="What it printed")
    await expect(output).to_contain_text("first")
    await is_live(page)
    await gate.open()
    await expect(output).to_contain_text("second")
    await expect(page.get_by_text("still running")).to_be_visible()
    await gate.open()
    await expect(output.locator(".stderr")).to_have_text("third")
    await expect(page.get_by_role("cell", name="exit code 3")).to_be_visible()
    await expect(page.get_by_text("Why it is not running")).to_be_visible()


async def test_rows_do_not_move_under_the_pointer(page: Page, site: Site) -> None:
    await site.add({"id": "first", "command": "true", "hold": True})
    await page.goto(f"{site.url}/jobs")
    await is_live(page)
    await page.get_by_role("link", name="first").hover()
    await site.add({"id": "second", "command": "true", "hold": True})
    await expect(page.get_by_role("button", name="1 more")).to_be_visible()
    await expect(page.get_by_role("link", name="second")).to_have_count(0)
    await page.get_by_role("heading", name="Jobs").hover()
    await expect(page.get_by_role("link", name="second")).to_be_visible()


async def test_a_page_that_is_not_live_says_so_and_comes_back(page: Page, site: Site, watch: Watch) -> None:
    watch.forgiven = re.compile("WebSocket|Failed to load resource")
    await site.add({"id": "before", "command": "true", "hold": True})
    await page.goto(f"{site.url}/jobs")
    await is_live(page)
    await site.stop()
    await expect(
        page.get_by_role("alert").filter(has_text=re.compile(r"Not live since \d\d:\d\d:\d\d"))
    ).to_be_visible()
    await site.add({"id": "meanwhile", "command": "true", "hold": True})
    await site.start()
    await is_live(page)
    await expect(page.get_by_role("link", name="meanwhile")).to_be_visible()
    await expect(page.get_by_text("Not live")).to_be_hidden()
