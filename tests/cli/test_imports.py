"""What a command imports is what its caller waits for."""

import subprocess
import sys

import pytest

from .harness import PATIENCE, Shell

LOOK = """
import sys
from aqueue.cli.main import run
code = run(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def imported_by(shell: Shell, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *words],
        env=shell.environ(),
        capture_output=True,
        timeout=PATIENCE,
        check=True,
        encoding="utf-8",
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "words",
    [["enqueue", "true"], ["status"], ["list"], ["show", "1"], ["dlq", "list"], ["config", "list"], ["--help"]],
    ids=" ".join,
)
def test_only_a_worker_imports_the_engine_and_nobody_anything_of_the_web(shell: Shell, words: list[str]) -> None:
    shell.ok("enqueue", "true")
    modules = imported_by(shell, *words)
    assert "aqueue.cli.main" in modules
    packages = {".".join(name.split(".")[:2]) for name in modules} | {name.split(".")[0] for name in modules}
    assert not packages & {"aqueue.engine", "aqueue.web", "rich", "fastapi", "starlette", "uvicorn"}


def test_enqueue_imports_no_other_command(shell: Shell) -> None:
    modules = imported_by(shell, "enqueue", "true")
    assert not {f"aqueue.cli.{name}" for name in ("list", "worker", "table", "ends", "present")} & modules


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import aqueue; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=PATIENCE)
    assert not {name for name in done.stdout.split() if name.startswith(("aqueue.", "asyncio", "sqlite3"))}
