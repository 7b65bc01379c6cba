"""The demo is the first thing that a person sees: it must work anywhere, and must not claim what did not happen."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

import aqueue

MARKS = ("success:", "retry:", "priority:", "dead letter:")


async def demo(tmp_path: Path, **environ: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "aqueue",
        "demo",
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "TMPDIR": str(tmp_path),
            "PYTHONPATH": str(Path(aqueue.__file__).parents[1]),
            **environ,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 15)
    return process.returncode, out.decode(), err.decode()


async def test_the_demo_shows_success_retry_priority_and_a_dead_letter_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    code, out, err = await demo(tmp_path)
    assert (code, err) == (0, "")
    assert all(f"✓ {mark}" in out for mark in MARKS)
    assert "flaky failed: exit code 1; retry 2 of 3 in 2.25 s" in out
    assert "report is dead after 2 attempts" in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
async def test_the_demo_is_not_disturbed_by_settings_or_by_a_poor_terminal(tmp_path: Path) -> None:
    own = tmp_path / "own.db"
    code, out, _ = await demo(tmp_path, PYTHONIOENCODING="ascii", AQUEUE_DB=str(own), AQUEUE_BACKOFF_BASE="1000")
    assert code == 0
    assert all(f"ok {mark}" in out for mark in MARKS)
    assert not own.exists()
