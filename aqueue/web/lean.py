"""What the libraries for serving import and nobody here uses: four MiB of the sixty that a worker with pages may have.

A package's own module is its front: it imports all that somebody might want of it, a command line with its supervisors,
or an HTTP server of its own. Its other modules do not need that. So the front is put off until somebody asks it for
something.
"""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any, cast


def put_off(package: str, **elsewhere: str) -> None:
    """Execute this package's own module only when something of it is asked for that is not `elsewhere`.

    `elsewhere` has the modules of the package that have those of its names which its other modules ask for.
    """
    spec = None if package in sys.modules else importlib.util.find_spec(package)
    if spec is None or spec.loader is None:
        return
    loader, front = spec.loader, importlib.util.module_from_spec(spec)

    def look_up(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in elsewhere:
            return getattr(importlib.import_module(elsewhere[name]), name)
        del front.__dict__["__getattr__"]
        loader.exec_module(front)
        return getattr(front, name)

    front.__dict__["__getattr__"] = look_up
    sys.modules[package] = front


def do_without(module: str) -> None:
    """Let importing this module fail, as where there is none."""
    sys.modules.setdefault(module, cast("ModuleType", None))


def be_lean() -> None:
    """Leave out what is not needed to serve."""
    put_off("uvicorn", Config="uvicorn.config")
    put_off("prometheus_client")
    do_without("pydantic.v1")  # FastAPI would look whether any of our types is one of its models
