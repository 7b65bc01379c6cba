"""Getting the peers, and where those lie that are Python packages: in an environment of their own, not in ours."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Impossible
from benchmarks.kept import KEPT

PYTHON = KEPT / "peers" / "bin" / "python"
"""An interpreter that has the peers."""

JOBS = Path(__file__).with_name("jobs")
"""What that interpreter runs."""

DEBIAN = ("parallel", "task-spooler", "nq", "strace")
PYPI = ("huey", "hyperqueue", "procrastinate", "psycopg[binary]", "pgqueuer", "asyncpg")


def install() -> None:
    """Get all peers that can be got, from Debian and from PyPI. What cannot be got is said by apt and pip."""
    apt = ["apt-get", "install", "-y", "--no-install-recommends", *DEBIAN]
    if os.geteuid() == 0:
        subprocess.run(apt, check=False)
    else:
        print(f"To be done as root: {' '.join(apt)}", file=sys.stderr)
    KEPT.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", PYTHON.parents[1]], check=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PYPI], check=False)


def version_of(package: str) -> str:
    """The version of a Python package among the peers. Raises Impossible if it is not there."""
    asked = f"from importlib.metadata import version; print(version({package!r}))"
    try:
        return subprocess.run([PYTHON, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        raise Impossible(f"{package} is not installed") from None
