"""A C project to build: its compile commands and its link command, as make would run them."""

import getpass
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kept import KEPT
from benchmarks.processes import needed

DEBIAN = "libtomcrypt"
FILES = 100
"""How many files a project of our own has, where no source can be had."""


@dataclass(frozen=True, slots=True)
class Project:
    """Where it is, and the commands of the shell that build it there."""

    name: str
    folder: Path
    compiles: tuple[str, ...]
    link: str

    def clean(self) -> None:
        """Take away what was built."""
        for built in [*self.folder.rglob("*.o"), *self.folder.rglob("*.a")]:
            built.unlink()


def project(*, real: bool) -> Project:
    """libtomcrypt from Debian's sources, or a project of our own. Raises Impossible if there is no compiler."""
    for program in ("cc", "ar", "make"):
        needed(program)
    folder = KEPT / DEBIAN
    if real and not folder.exists():
        _fetch(folder)
    if real and folder.exists():
        told = subprocess.run(["make", "-nB", "V=1", "library"], cwd=folder, capture_output=True, text=True, check=True)
        lines = [line for line in told.stdout.splitlines() if line and not line.startswith("make")]
        compiles = tuple(line for line in lines if " -c " in line)
        return Project(DEBIAN, folder, compiles, " && ".join(line for line in lines if " -c " not in line))
    return _generated(KEPT / "generated")


def _fetch(folder: Path) -> None:
    """Get the source by apt, with lists of sources of its own: the system's need not have any."""
    apt = KEPT / "apt"
    for name in ("lists", "cache", "parts"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    _write_sources(apt / "parts")
    options = {"sourcelist": "/dev/null", "sourceparts": apt / "parts"}
    words = [f"-oDir::Etc::{name}={value}" for name, value in options.items()]
    words += [
        f"-oDir::State::lists={apt}/lists",
        f"-oDir::Cache={apt}/cache",
        f"-oAPT::Sandbox::User={getpass.getuser()}",
    ]
    for verb in (("update",), ("source", "--download-only", DEBIAN)):
        subprocess.run(["apt-get", "-qq", *words, *verb], cwd=apt, stdout=subprocess.DEVNULL, check=False)
    for archive in apt.glob(f"{DEBIAN}_*.orig.tar.*"):
        folder.mkdir(exist_ok=True)
        subprocess.run(["tar", "-xf", archive, "-C", folder, "--strip-components=1"], check=True)
    shutil.rmtree(apt)


def _write_sources(parts: Path) -> None:
    """The system's own archives, asked for sources."""
    etc = Path("/etc/apt")
    for found in [*etc.glob("sources.list"), *etc.glob("sources.list.d/debian.*")]:
        text = found.read_text(encoding="utf-8").replace("Types: deb\n", "Types: deb-src\n")
        lines = [f"deb-src {line[4:]}" if line.startswith("deb ") else line for line in text.splitlines()]
        name = "debian.list" if found.name == "sources.list" else found.name
        (parts / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _generated(folder: Path) -> Project:
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"part{number}" for number in range(FILES)]
    for number, name in enumerate(names):
        functions = (
            f"int {name}_{place}(int n) {{ return n < {place} ? {number} : n * {place}; }}" for place in range(40)
        )
        (folder / f"{name}.c").write_text("\n".join(functions) + "\n", encoding="ascii")
    compiles = tuple(f"cc -O2 -c {name}.c -o {name}.o" for name in names)
    return Project("a generated project", folder, compiles, f"ar r all.a {' '.join(f'{name}.o' for name in names)}")
