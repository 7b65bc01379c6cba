"""What has been measured, part by part, kept so that one part can be measured again without the others."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.figures import Figure
from benchmarks.kept import KEPT

FILE = KEPT / "results.json"


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one part: on which machine, of which version of aqueue, and when."""

    machine: str
    version: str
    date: str
    figures: tuple[Figure, ...]


Results = dict[str, Result]


def today() -> str:
    """The date, as results tell it."""
    return time.strftime("%Y-%m-%d")


def load(machine: str) -> Results:
    """What is kept of this machine. What another machine has measured does not belong beside it."""
    try:
        kept: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found = {part: _result(told) for part, told in kept.items()}
    return {part: result for part, result in found.items() if result.machine == machine}


def save(results: Results) -> None:
    """Keep these."""
    KEPT.mkdir(exist_ok=True)
    text = json.dumps({part: asdict(result) for part, result in results.items()}, indent=1)
    FILE.write_text(f"{text}\n", encoding="utf-8")


def figures(results: Results) -> Iterator[Figure]:
    """All figures."""
    for result in results.values():
        yield from result.figures


def found(results: Results, keys: Sequence[str]) -> list[Figure]:
    """The figures with these keys, as far as there are any."""
    known = {figure.key: figure for figure in figures(results)}
    return [known[key] for key in keys if key in known]


def _result(told: dict[str, Any]) -> Result:
    return Result(told["machine"], told["version"], told["date"], tuple(Figure(**one) for one in told["figures"]))
