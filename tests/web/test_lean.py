"""What is left out of a process that serves, and that it is there for whoever asks for it."""

import json
import subprocess
import sys

import pytest

HEAVY = {"uvicorn.main", "click", "multiprocessing", "prometheus_client.exposition", "wsgiref", "pydantic.v1.fields"}


def printed_by(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_serving_imports_nothing_that_nobody_needs() -> None:
    modules = json.loads(printed_by("import aqueue.web.serving, json, sys; print(json.dumps([*sys.modules]))"))
    assert "uvicorn.server" in modules
    assert HEAVY & set(modules) == set()


@pytest.mark.parametrize("name", ["uvicorn.main.run", "prometheus_client.exposition.start_http_server"])
def test_what_is_put_off_is_there_for_whoever_asks(name: str) -> None:
    package, function = name.split(".")[0], name.split(".")[-1]
    assert printed_by(f"import aqueue.web, {package}; print({package}.{function}.__name__)") in {
        function,
        "start_wsgi_server",
    }
    assert printed_by(f"import {package}, aqueue.web; print({package}.__name__)") == package
