"""A job's page: its attempts, what each printed, its relatives, and its command for the clipboard."""

import re

import pytest
from playwright.async_api import BrowserContext, Page, expect

from .harness import Site, Watch, is_live

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_each_attempt_has_its_own_output_which_can_be_searched(page: Page, site: Site) -> None:
    says = 'echo "attempt $AQUEUE_ATTEMPT"; echo needle; echo hay; echo "a needle" >&2; test "$AQUEUE_ATTEMPT" -ge 2'
    await site.add({"id": "flaky", "command": says, "backoff_base": 0.01})
    await page.goto(f"{site.url}/jobs/flaky")
    await is_live(page)
    lines, output = page.locator(".line"), page.locator("section.output")
    await expect(page.locator(".title .state")).to_have_text("completed")
    await expect(lines.first).to_have_text("attempt 2")
    await output.get_by_label("Search in the output").fill("NEEDLE")
    await expect(output.get_by_text("1 of 2")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(output.get_by_text("2 of 2")).to_be_visible()
    await expect(page.locator(".line.now")).to_contain_text("needle")
    await output.get_by_label("Stream").select_option("stderr")
    await expect(lines.filter(visible=True)).to_have_text(["a needle"])
    await page.get_by_role("button", name="Show the output of run 1").click()
    await expect(lines.first).to_have_text("attempt 1")
    await expect(output.get_by_label("Run")).to_have_value("1")
    await expect(page.locator(".stays li")).to_have_count(5)  # pending, processing, failed, processing, completed


async def test_relatives_are_links_and_follow_their_states(page: Page, site: Site) -> None:
    compile_ = {"id": "compile", "command": "true", "hold": True}
    await site.add(compile_, {"id": "link", "command": "true", "after": ["compile"]})
    await page.goto(f"{site.url}/jobs/link")
    await is_live(page)
    parent = page.get_by_role("list", name="Comes after").get_by_role("link")
    await expect(parent).to_contain_text("scheduled")
    await expect(page.get_by_text("it waits for job compile")).to_be_visible()
    await parent.click()
    await expect(page.get_by_role("heading", name="Job compile")).to_be_focused()
    child = page.get_by_role("list", name="Before", exact=True).get_by_role("link")
    await expect(child).to_contain_text("blocked")
    await page.get_by_role("button", name="Release").click()
    await expect(child).to_contain_text("completed")


async def test_the_command_can_be_copied(context: BrowserContext, page: Page, site: Site) -> None:
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    await site.add({"id": "quoted", "command": "printf \"%s\\n\" 'a  b'\ntrue", "hold": True})
    await page.goto(f"{site.url}/jobs/quoted")
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_text("Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "printf \"%s\\n\" 'a  b'\ntrue"


async def test_a_job_that_is_removed_meanwhile_says_so(page: Page, site: Site, watch: Watch) -> None:
    watch.forgiven = re.compile("/jobs/gone")  # where it is just being read again
    await site.add({"id": "gone", "command": "true", "hold": True})
    await page.goto(f"{site.url}/jobs/gone")
    await expect(page.get_by_role("heading", name="Job gone")).to_be_visible()
    await is_live(page)
    async with site.queue() as queue:
        await queue.remove("gone")
    await expect(page.get_by_text("This job was removed.")).to_be_visible()
