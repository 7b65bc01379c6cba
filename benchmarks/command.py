"""`scripts/bench`: measure what is asked for, and tell it."""

import argparse
import importlib.util
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import results, table
from benchmarks.figures import Figure, Impossible, absent
from benchmarks.kept import REPOSITORY
from benchmarks.machine import machine, version
from benchmarks.parts import PARTS
from benchmarks.peers.installing import install
from benchmarks.plan import Plan, TooLong, at_most_seconds

PICTURE, DOCUMENT = Path("docs/bench.png"), Path("docs/bench.md")
"""Where the README looks for them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the words ask for."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # and so end all that was started
    try:
        parser = _parser()
        asked = parser.parse_args(arguments)
        if asked.quick and asked.readme:
            parser.error("what --quick finds is not for the README")
        return _do(asked)
    except KeyboardInterrupt:
        return 130


def _do(asked: argparse.Namespace) -> int:
    if asked.install_peers:
        install()
        return 0
    if asked.picture or asked.readme:
        _get_matplotlib()
    here = machine()
    known = results.load(here)
    if not asked.again:
        _measure(asked.parts or list(PARTS), Plan(asked.rounds, asked.quick), here, known)
    _write(asked, known)
    return 0


def _parser() -> argparse.ArgumentParser:
    parts = "\n".join(f"  {name:12}{part.meaning}" for name, part in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures aqueue with real commands, and others beside it in the same run.",
        epilog=f"parts, all of them if none is named:\n{parts}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", choices=[[], *PARTS], help="what to measure")
    parser.add_argument("--rounds", type=_positive, default=5, metavar="N", help="pairs of each comparison (5)")
    parser.add_argument("--quick", action="store_true", help="little of everything: whether it works, not how fast")
    parser.add_argument(
        "--again", action="store_true", help="measure nothing; take what was measured last on this machine"
    )
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="write everything there")
    parser.add_argument("--picture", type=Path, metavar="PATH", help="draw it there, as a PNG")
    parser.add_argument("--readme", action="store_true", help=f"write the README's section, {DOCUMENT} and {PICTURE}")
    parser.add_argument(
        "--install-peers", action="store_true", help="get the other tools from Debian and PyPI, and end"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _measure(parts: Sequence[str], plan: Plan, here: str, known: results.Results) -> None:
    """Measure these parts, print row by row, and keep each part that is done."""
    of = version()
    print(f"{here}, {of}, {results.today()}\n\n{table.HEAD}", flush=True)
    for part in parts:
        found = []
        for figure in _figures(part, plan):
            print(table.row(figure), flush=True)
            found.append(figure)
        known[part] = results.Result(here, of, results.today(), tuple(found))
        if not plan.quick:
            results.save(known)


def _figures(part: str, plan: Plan) -> Iterator[Figure]:
    """The figures of a part. One that cannot be measured, or takes too long, does not keep the others from it."""
    try:
        with at_most_seconds(PARTS[part].limit):
            yield from PARTS[part].measure(plan)
    except (Impossible, TooLong, OSError, sqlite3.Error, subprocess.SubprocessError) as why:
        yield absent(f"{part}.failed", part, why)


def _write(asked: argparse.Namespace, known: results.Results) -> None:
    known = {part: known[part] for part in PARTS if part in known}
    document, picture = asked.markdown, asked.picture
    if asked.readme:
        document, picture = document or REPOSITORY / DOCUMENT, picture or REPOSITORY / PICTURE
        table.into_readme(REPOSITORY / "README.md", known, str(PICTURE))
    if document:
        document.write_text(table.document(known), encoding="utf-8")
    if picture:
        from benchmarks.picture import draw

        draw(known, picture)


def _get_matplotlib() -> None:
    """Pictures need it, and nothing else does."""
    if importlib.util.find_spec("matplotlib") is None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--editable", f"{REPOSITORY}[bench]"], check=True)
        importlib.invalidate_caches()
