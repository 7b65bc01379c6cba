"""The ideas of the pages that need no server: each module is asked by itself."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

import aqueue

from .harness import Site

STATIC = Path(aqueue.__file__).parent / "web" / "static"


in_browser = pytest.mark.asyncio(loop_scope="session")


async def ask(page: Page, module: str, program: str) -> Any:
    """What a program comes to that has the names of a module as `m`."""
    return await page.evaluate(f"import('/static/{module}').then((m) => {{ {program} }})")


@in_browser
async def test_lines_stay_whole_when_two_streams_write_at_once(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/login")
    program = """
        const lines = new m.Lines(3);
        const say = (stream, start, text) => lines.push({ stream, at: "", start, end: start + text.length, text });
        say("stdout", 0, "half ");
        say("stderr", 5, "oops\\n");
        say("stdout", 10, "and half\\n\\n10%\\r20%");
        say("stdout", 99, "end");
        return lines.all.map(({ stream, text }) => [stream, text]);
    """
    assert await ask(page, "lines.js", program) == [
        ["stdout", "half and half"],
        ["stderr", "oops"],
        ["stdout", ""],
        ["stdout", "10%\r"],
        ["stdout", "20%"],
        ["gap", "… 72 B left out …"],
        ["stdout", "end"],
    ]


@in_browser
async def test_only_the_newest_lines_are_kept(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/login")
    program = """
        const lines = new m.Lines(1000);
        const text = Array.from({ length: 100000 }, (_, n) => n).join("\\n");
        lines.push({ stream: "stdout", at: "", start: 0, end: text.length, text });
        lines.push({ stream: "stdout", at: "", start: text.length, end: text.length + 9000, text: "x".repeat(9000) });
        return [lines.all.length <= 1500, lines.dropped + lines.all.length, lines.all.at(-1).text.length];
    """
    assert await ask(page, "lines.js", program) == [True, 100_003, 9000 - 2 * 4096]


@in_browser
async def test_a_list_knows_what_a_change_means_for_it(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/login")
    program = """
        const job = (id, state = "pending", at = `2026-01-01T00:00:0${id}Z`) =>
            ({ id: String(id), state, queue: "default", tags: [], command: "true", error: null, created_at: at });
        const view = { state: "pending", queue: "", tag: "", search: "", sort: "newest", cursor: "", limit: 3 };
        const rows = [job(3), job(2), job(1)];
        const after = (change, part = {}) => {
            const { rows: now, stale } = m.merge(rows, { jobs: [], removed: [], ...change }, { ...view, ...part });
            return now.map(({ id }) => id).join("") + (stale ? "?" : "");
        };
        return [
            after({ jobs: [job(4)] }),
            after({ jobs: [job(2, "processing")] }),
            after({ jobs: [job(2, "processing")] }, { state: "" }),
            after({ removed: ["3"] }),
            after({ jobs: [job(4)] }, { queue: "mail" }),
            after({ jobs: [job(4)] }, { cursor: "x" }),
            after({ jobs: [job(0)] }),
        ];
    """
    assert await ask(page, "listing.js", program) == ["432", "31?", "321", "21?", "?", "321?", "321?"]


@in_browser
async def test_what_is_heard_while_a_page_is_opened_is_not_lost(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/login")
    program = """
        const heard = [];
        let opened;
        const opening = new Promise((resolve) => (opened = resolve));
        const aPage = { title: "", update: (change) => heard.push(change), refresh: () => heard.push("again") };
        const router = new m.Router([{ name: "", path: /^/, open: () => opening }], () => heard.push("shown"));
        const started = router.start();
        router.hear("first", true);
        router.hear("second", false);
        opened(aPage);
        return started.then(() => (router.hear("third", false), heard));
    """
    assert await ask(page, "router.js", program) == ["first", "again", "second", "shown", "third"]


@in_browser
async def test_the_hour_moves_on_while_nothing_happens(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/login")
    program = """
        const minutes = [0, 1, 2].map((n) => ({ at: `2026-01-01T00:0${n}:00Z`, completed: n, failed: 0, dead: 0 }));
        const now = m.turned(minutes, Date.parse("2026-01-01T00:03:59Z"));
        const same = m.turned(minutes, Date.parse("2026-01-01T00:02:59Z"));
        return [now.map((one) => one.completed), now.at(-1).at, same.length];
    """
    assert await ask(page, "hour.js", program) == [[1, 2, 0], "2026-01-01T00:03:00.000Z", 3]


def test_no_page_builds_markup_out_of_text() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser")
    assert [(name, word) for name, source in sources.items() for word in forbidden if word in source] == []


def test_no_module_is_too_long_to_be_read_at_once() -> None:
    assert [path.name for path in STATIC.glob("*.js") if path.read_text(encoding="utf-8").count("\n") > 300] == []
