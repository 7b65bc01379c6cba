"""Figures as Markdown: row by row while they are measured, as a document, and in the README between two marks."""

from collections.abc import Iterable
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.parts import PARTS
from benchmarks.results import Results, figures, found

HEAD = "| what | median | spread | wanted |\n|---|---|---|---|"
BEGIN, END = "<!-- written by scripts/bench --readme -->", "<!-- until here -->"

MAIN = (
    *("throughput.true.8.ratio", "throughput.true.2.ratio", "throughput.sleep.32.ratio", "throughput.true.8.rate"),
    *("others.parallel.line", "others.tsp.times", "others.huey.line", "others.hyperqueue.line"),
    *("pickup.sql.median", "retries.idle.p99", "startup.enqueue.time", "bulk.seconds", "idle.calls"),
    *("idle.aqueue.memory", "crowd.memory", "following.logs.p99", "build.ratio"),
    *("growth.enqueue.10000000", "growth.status.10000000", "growth.claim.10000000"),
)
"""The keys of what the README shows."""


def row(figure: Figure) -> str:
    """One row, with what is wanted of it."""
    judged = {None: "", True: ", met", False: ", **missed**"}[figure.met]
    return f"| {figure.what} | {figure.shown} | {figure.spread} | {figure.wanted}{judged} |"


def document(results: Results) -> str:
    """Everything, part by part."""
    text = ["# How fast", "", "Written by `scripts/bench --readme`; how it is measured is in `benchmarks/`.", ""]
    for part, result in results.items():
        text += [f"## {part}", "", PARTS[part].meaning, "", HEAD, *map(row, result.figures), ""]
        text += [f"{result.version}, {result.date}", ""]
    return "\n".join([*text, _machines(results), ""])


def into_readme(readme: Path, results: Results, picture: str) -> None:
    """Write the main rows between the marks."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    main = found(results, MAIN)
    rows = ["| | median | spread |", "|---|---|---|", *(f"| {one.what} | {one.shown} | {one.spread} |" for one in main)]
    shown = [f"![Jobs a second, and the time to the start of a job, of aqueue and others]({picture})", "", *rows]
    told = "\n".join([BEGIN, "", *shown, "", _versions(results), _machines(results), "", END])
    readme.write_text(f"{before}{told}{after}", encoding="utf-8")


def missed(results: Results) -> list[Figure]:
    """What does not keep its limit."""
    return [figure for figure in figures(results) if figure.met is False]


def _versions(results: Results) -> str:
    return _sentence(f"{one.version}, measured on {one.date}" for one in results.values())


def _machines(results: Results) -> str:
    return _sentence(one.machine for one in results.values())


def _sentence(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts)) + "."
