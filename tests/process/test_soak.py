"""The short form of the soak: workers die at random moments and at named points."""

import os
import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).resolve().parents[2] / "scripts" / "soak"


def test_nothing_is_lost_overlaps_or_is_settled_twice_while_workers_are_killed() -> None:
    soaked = subprocess.run(
        [sys.executable, SOAK, "--kills", "25", "--jobs", "400", "--no-clock"],
        env=os.environ | {"AQUEUE_SOAK_HERE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert soaked.returncode == 0, soaked.stdout + soaked.stderr
    told = dict(line.rsplit(maxsplit=1) for line in soaked.stdout.splitlines() if line[:1] != " ")
    assert (told["lost"], told["overlapping"], told["settled twice"]) == ("0", "0", "0")
    assert int(told["kills"]) >= 25
