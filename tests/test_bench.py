"""The benchmark works; what it measures is not judged here."""

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from benchmarks.figures import MS, absent, at_least, at_most, median, one, percentile
from benchmarks.parts import PARTS
from benchmarks.plan import Plan
from benchmarks.results import Result
from benchmarks.table import BEGIN, END, document, into_readme, row

REPOSITORY = Path(__file__).parents[1]


def bench(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


@pytest.mark.long
def test_a_part_runs_and_every_row_has_a_figure() -> None:
    done = bench("--quick", "--rounds", "1", "startup", "crowd")
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")][2:]
    assert (done.returncode, done.stderr) == (0, "")
    assert len(rows) >= 12
    assert all(re.search(r"\| [\d,.]+( ms| times| MiB| s)? \|", line) for line in rows if "not installed" not in line)


@pytest.mark.long
def test_every_part_says_what_it_measures_and_ends_by_itself() -> None:
    assert all(part.meaning and part.limit < 3600 for part in PARTS.values())
    assert all(name in bench("--help").stdout for name in PARTS)


def test_an_unknown_part_is_refused() -> None:
    done = bench("nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr


def test_a_median_has_its_spread_and_is_judged() -> None:
    figure = median("key", "what", [3.0, 1.0, 2.0], MS, at_most(2))
    assert row(figure) == "| what | 2.0 ms | 1.0 ms to 3.0 ms, of 3 | ≤ 2, met |"
    assert row(one("key", "what", 0.5, MS, at_least(1))).endswith("| ≥ 1, **missed** |")


def test_a_percentile_is_not_exceeded_by_so_many() -> None:
    figure = percentile("key", "what", [float(number) for number in range(200)], 99, MS)
    assert (figure.value, figure.spread) == (198.0, "worst 199.0 ms, of 200")


def test_who_begins_changes_from_round_to_round() -> None:
    order: list[str] = []

    def measured(name: str) -> float:
        order.append(name)
        return float(len(order))

    found = Plan(rounds=3).in_turns({name: partial(measured, name) for name in "ab"})
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert found == {"a": [1.0, 4.0, 5.0], "b": [2.0, 3.0, 6.0]}


@pytest.fixture
def result() -> Result:
    figures = (one("pickup.sql.median", "pick-up", 2.5, MS, at_most(4)), absent("x", "other", "it is not here"))
    return Result("a machine", "aqueue 1", "2026-01-01", figures)


def test_the_readme_is_written_between_the_marks_only(tmp_path: Path, result: Result) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    into_readme(readme, {"pickup": result}, "bench.png")
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "| pick-up | 2.5 ms |" in text
    assert "old" not in text
    into_readme(readme, {"pickup": result}, "bench.png")
    assert readme.read_text(encoding="utf-8") == text


def test_the_readme_has_the_marks() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1


def test_the_document_says_what_could_not_be_measured(result: Result) -> None:
    assert "| other | not measured | it is not here |  |" in document({"pickup": result})
