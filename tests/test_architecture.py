"""The floors: each imports only what is below it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import aqueue

PACKAGE = Path(aqueue.__file__).parent
ROOT = PACKAGE.parent

JOINT = "aqueue.web.serving"
"""All of the web that a command knows, and imports when it is to serve."""

ALLOWED = {
    "model": {"aqueue.model", "cronsim"},
    "store": {"aqueue.model", "aqueue.store", "aiosqlite", "asyncpg"},
    "queue.py": {
        *("aqueue.model", "aqueue.store", "aqueue.schedules", "aqueue.selection", "aqueue.status", "aqueue.waiting"),
        "aqueue.views",
    },
    "documents.py": {"aqueue.model", "aqueue.store", "aqueue.status"},
    "status.py": {"aqueue.model", "aqueue.store"},
    "schedules.py": {"aqueue.model", "aqueue.store"},
    "selection.py": {"aqueue.model", "aqueue.store", "aqueue.waiting"},
    "views.py": {"aqueue.model", "aqueue.store", "aqueue.status"},
    "waiting.py": {"aqueue.model", "aqueue.store"},
    "engine": {"aqueue.model", "aqueue.store", "aqueue.engine"},
    "cli": {
        *("aqueue.model", "aqueue.store", "aqueue.queue", "aqueue.schedules", "aqueue.engine", "aqueue.cli"),
        "aqueue.documents",
        "aqueue.__version__",
        "asyncclick",
        JOINT,
    },
    "web": {
        *("aqueue.model", "aqueue.store", "aqueue.queue", "aqueue.schedules", "aqueue.views", "aqueue.documents"),
        *("aqueue.status", "aqueue.web", "aqueue.__version__"),
        "aqueue.engine.tally",  # of a worker in the same process: numbers alone
        *("fastapi", "prometheus_client", "starlette", "uvicorn", "wsproto", "pydantic"),
    },
    "door.py": {"aqueue.cli", "aqueue.store"},
}
"""What the floors may import beside the standard library."""

LONGEST_MODULE = 420
"""Lines: more is more than one idea."""

MODEL_NEVER = {"asyncio", "sqlite3", "socket", "threading", "subprocess", "time", "os", "pathlib", "random"}
"""The model has no I/O, no clock and no dice of its own."""


def modules(floor: str) -> list[Path]:
    path = PACKAGE / floor
    return [path] if path.suffix else sorted(path.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module that is imported anywhere in a file, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                # `from aqueue import cli` imports aqueue.cli; of other packages the package is enough to know.
                yield from (f"{module}.{alias.name}" for alias in node.names) if module == "aqueue" else (module,)
            case ast.ImportFrom():
                raise AssertionError(f"{path}: relative imports hide which floor they come from")


def imports_of(floor: str) -> set[str]:
    return {name for path in modules(floor) for name in imports(path)}


def is_within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("floor", ALLOWED)
def test_a_floor_imports_only_what_is_below_it(floor: str) -> None:
    names = imports_of(floor)
    foreign = {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}
    assert names
    assert {name for name in foreign if not is_within(name, ALLOWED[floor])} == set()


def test_the_model_neither_reads_nor_writes_nor_looks_at_a_clock() -> None:
    assert {name for name in imports_of("model") if name.split(".")[0] in MODEL_NEVER} == set()


@pytest.mark.parametrize(("face", "other"), [("cli", "web"), ("web", "cli")])
def test_the_faces_never_import_each_other_but_for_the_joint(face: str, other: str) -> None:
    assert {name for name in imports_of(face) if is_within(name, {f"aqueue.{other}"})} - {JOINT} == set()


def test_one_module_of_the_command_line_knows_the_joint() -> None:
    assert [path.name for path in modules("cli") if JOINT in set(imports(path))] == ["serving.py"]


def test_only_the_store_knows_a_database() -> None:
    knows = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        for name in imports(path)
        if is_within(name, {"sqlite3", "aiosqlite", "asyncpg"})
    }
    assert knows - {"door.py"} == {"store"}


def loaded_by(statement: str) -> set[str]:
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_importing_aqueue_costs_nothing() -> None:
    heavy = {"asyncio", "sqlite3", "aiosqlite", "dataclasses", "json", "pathlib", "asyncclick", "rich"}
    more = loaded_by("import aqueue") - loaded_by("")
    assert more & heavy == set()
    assert {name for name in more if name.startswith("aqueue.")} == set()


def test_a_client_does_not_load_the_engine_or_a_face() -> None:
    loaded = loaded_by("from aqueue import Queue")
    assert "aqueue.store" in loaded
    assert {name for name in loaded if is_within(name, {"aqueue.engine", "aqueue.cli", "aqueue.web"})} == set()


def test_the_model_loads_nothing_of_the_other_floors() -> None:
    loaded = loaded_by("import aqueue.model.lifecycle, aqueue.model.newjob, aqueue.model.document, aqueue.model.intake")
    floors = {name.split(".")[1] for name in loaded if name.startswith("aqueue.")}
    assert floors == {"model"}
    assert {"asyncio", "sqlite3"} & loaded == set()


def test_every_floor_has_its_rule() -> None:
    floors = {path.name for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert floors - {"__init__.py", "__main__.py"} == set(ALLOWED)


MODULES = [path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob("*.py"))]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_for(module: str) -> None:
    assert ast.get_docstring(ast.parse((PACKAGE / module).read_text(encoding="utf-8")))


@pytest.mark.parametrize("module", MODULES)
def test_no_module_is_too_long_to_be_read_at_once(module: str) -> None:
    with (PACKAGE / module).open(encoding="utf-8") as lines:
        assert sum(1 for _ in lines) <= LONGEST_MODULE
