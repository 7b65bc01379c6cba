"""Whatever a job says is text."""

import pytest
from playwright.async_api import Page, expect

from .harness import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = [
    "<script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    '"><svg onload=alert(1)>',
    "</pre></td></table><h1>taken</h1>",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)} `alert(1)` &lt;b&gt;",
    "\x1b[2J\x1b[H\x1b]0;taken\x07\x1b[31mred\x1b[0m",
    "\u202etxt.exe\u2066 \u200f reversed",
    "\x00\x01\x08\x7f\x9b31m",
    "<style>*{display:none}</style><base href=//evil.example>",
    "<iframe srcdoc='<script>parent.document.title=1</script>'></iframe>",
]
CHUNKS = [f"{number}: {HOSTILE[number % len(HOSTILE)]}" for number in range(200)]


async def test_hostile_output_and_commands_are_shown_as_text(page: Page, site: Site) -> None:
    (site.folder / "chunks").write_bytes("\n".join(CHUNKS).encode())
    texts = [text.replace("\x00", "") for text in HOSTILE]
    jobs = [{"id": f"h{n}", "command": f": {text}", "hold": True, "unique": text} for n, text in enumerate(texts)]
    says = "sed -u '' chunks; tail -n 4 chunks | head -n 1 >&2; exit 1"  # a write for each line
    await site.add(*jobs, {"id": "loud", "max_retries": 0, "command": says})
    await page.goto(f"{site.url}/jobs/loud")
    lines = page.locator(".line.stdout")
    await expect(lines).to_have_count(len(CHUNKS))
    shown = await lines.all_text_contents()
    assert shown[0] == CHUNKS[0]
    assert shown[7] == "7: ␛[2J␛[H␛]0;taken␇red"
    assert shown[8] == "8: \\u202etxt.exe\\u2066 \\u200f reversed"
    assert shown[9] == "9: ␀␁␈␡\\u009b31m"
    for path in ("/jobs", "/dead", "/", "/jobs/h0", "/jobs/h7", "/jobs/h8", "/jobs/h11"):
        await page.goto(site.url + path)
        await expect(page.locator("h1")).to_be_visible()
        assert await page.locator("main script, main iframe, main style, main img, main base").count() == 0
        assert "taken" not in await page.title()
        assert "taken" not in await page.locator("h1").all_text_contents()
    await expect(page.locator("pre.shell")).to_contain_text("<iframe srcdoc=")


async def test_more_output_than_a_page_can_hold_does_not_hold_it_up(page: Page, site: Site) -> None:
    await site.add({"id": "many", "command": "seq 100000"})
    await page.goto(f"{site.url}/jobs/many")
    await expect(page.locator(".line").last).to_have_text("100000")
    await expect(page.get_by_text("lines before this are not shown any more")).to_be_visible()
    assert await page.locator(".line").count() <= 5500
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Download").click()
    download = await waiting.value
    assert (await download.path()).read_text() == "".join(f"{number}\n" for number in range(1, 100001))
