"""Loads the named statements of a .sql file."""

from collections.abc import Mapping
from pathlib import Path

_MARK = "-- name: "


def load(path: Path) -> Mapping[str, str]:
    """The statements of a file by their names, each without its mark and without comments above the first."""
    statements = {}
    for block in path.read_text(encoding="utf-8").split(_MARK)[1:]:
        name, _, text = block.partition("\n")
        statements[name.strip()] = text.strip().removesuffix(";")
    return statements
