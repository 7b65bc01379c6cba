"""The list of jobs: what the address asks for, page by page, and verbs on many."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from .harness import Site, is_live

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def enqueue(site: Site, number: int) -> None:
    await site.add(*({"id": f"n-{n}", "command": f"echo {n}", "queue": "mail", "hold": True} for n in range(number)))


async def test_filters_stand_in_the_address_and_back_takes_them_back(page: Page, site: Site) -> None:
    mail = {"id": "mail-1", "command": "true", "queue": "mail", "tags": ["news"], "hold": True}
    video = {"id": "video-1", "command": "true", "queue": "video", "hold": True}
    await site.add(mail, video, {"id": "broken", "command": "cat /no/such/file", "max_retries": 0})
    await page.goto(f"{site.url}/")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()  # the first page does not take the focus
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Jobs", exact=True).click()
    await expect(page.get_by_role("heading", name="Jobs")).to_be_focused()
    await expect(page.get_by_role("row")).to_have_count(4)
    await page.get_by_label("Queue", exact=True).select_option("mail")
    await expect(page).to_have_url(re.compile(r"/jobs\?queue=mail$"))
    await expect(page.get_by_role("row")).to_have_count(2)
    await page.get_by_label("Queue", exact=True).select_option("")
    await page.get_by_label("Search in command").press_sequentially("no/such")
    await expect(page).to_have_url(re.compile(r"search=no%2Fsuch"))
    await expect(page.get_by_role("link", name="broken")).to_be_visible()
    await expect(page.get_by_role("row")).to_have_count(2)
    await page.go_back()
    await expect(page.get_by_role("row")).to_have_count(4)
    await expect(page.get_by_label("Search in command")).to_have_value("")
    await page.go_back()
    await expect(page).to_have_url(re.compile(r"\?queue=mail$"))
    await expect(page.get_by_role("row")).to_have_count(2)
    await page.goto(f"{site.url}/jobs?tag=news&state=scheduled")
    await expect(page.get_by_role("row")).to_have_count(2)
    await expect(page.get_by_label("Tag")).to_have_value("news")


async def test_many_jobs_come_page_by_page(page: Page, site: Site) -> None:
    await enqueue(site, 120)
    await page.goto(f"{site.url}/jobs")
    await expect(page.get_by_role("link", name="n-119", exact=True)).to_be_visible()
    for first in ("n-69", "n-19"):
        await page.get_by_role("link", name="Next page").click()
        await expect(page.get_by_role("link", name=first, exact=True)).to_be_visible()
    await expect(page.get_by_role("link", name="Next page")).to_be_hidden()
    await page.go_back()
    await expect(page.get_by_role("link", name="n-69", exact=True)).to_be_visible()
    await page.get_by_role("link", name="Newest").click()
    await expect(page.get_by_role("link", name="n-119", exact=True)).to_be_visible()
    await page.get_by_label("Order").select_option("oldest")
    await expect(page.get_by_role("row").nth(1)).to_contain_text("echo 0")


async def test_verbs_on_what_is_chosen_and_on_all_that_match_name_the_number(page: Page, site: Site) -> None:
    await enqueue(site, 60)
    await page.goto(f"{site.url}/jobs?queue=mail")
    await page.get_by_label("Select job n-59").check()
    await page.get_by_label("Select job n-56").click(modifiers=["Shift"])
    await expect(page.get_by_text("4 jobs chosen")).to_be_visible()
    bar = page.get_by_role("group", name="Chosen jobs")
    await bar.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading")).to_have_text("Cancel 4 jobs?")
    await dialog.get_by_role("button", name="Cancel 4 jobs").click()
    await expect(page.get_by_text("4 jobs are cancelled.")).to_be_visible()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("cancelled")

    await page.get_by_label("Select all jobs of this page").check()
    await page.get_by_role("button", name="Select all that match").click()
    await bar.get_by_role("button", name="Remove").click()
    await expect(dialog.get_by_role("heading")).to_have_text("Remove 60 jobs that match?")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await bar.get_by_role("button", name="Remove").click()
    await dialog.get_by_role("button", name="Remove 60 jobs").click()
    await expect(page.get_by_text("No job matches.")).to_be_visible()


async def test_a_dead_job_is_retried_from_the_dead_letters(page: Page, site: Site, tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    await page.goto(f"{site.url}/dead")
    await is_live(page)
    await expect(page.get_by_text("No job is dead.")).to_be_visible()
    await site.add({"id": "report", "command": f"cat {report}", "max_retries": 0})
    group = page.get_by_role("listitem").filter(has_text="No such file")
    await expect(group).to_be_visible()
    report.write_text("all is well")
    await group.get_by_role("button", name="Retry").click()
    await expect(page.get_by_text("No job is dead.")).to_be_visible()
    await page.goto(f"{site.url}/jobs/report")
    await expect(page.get_by_role("heading", name="Job report")).to_be_visible()
    await expect(page.locator(".title .state")).to_have_text("completed")
    await expect(page.locator(".lines")).to_have_text("all is well")


async def test_a_paused_queue_starts_nothing_until_it_is_resumed(page: Page, site: Site) -> None:
    await site.add({"id": "first", "command": "true", "queue": "mail"})
    await page.goto(f"{site.url}/queues")
    await page.get_by_role("button", name="Pause queue mail").click()
    await expect(page.get_by_role("row").filter(has_text="mail")).to_contain_text("paused")
    await site.add({"id": "second", "command": "true", "queue": "mail"})
    await page.goto(f"{site.url}/jobs/second")
    await expect(page.get_by_text("its queue mail is paused")).to_be_visible()
    await is_live(page)
    await site.run("queue", "resume", "mail")
    await expect(page.locator(".title .state")).to_have_text("completed")
