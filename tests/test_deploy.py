"""What the files for containers, Kubernetes and systemd promise, as far as that shows without running them.

`scripts/image-test` builds the image and runs it, and looks at the others with the tools and schemas that they are for.
"""

import configparser
import json
import re
import shlex
from pathlib import Path
from typing import Any

import asyncclick as click
import pytest
import yaml

from aqueue.cli.main import cli
from aqueue.cli.worker import worker
from aqueue.model.text import parse_duration

ROOT = Path(__file__).parents[1]
LAST = 2.0
"""Seconds that a worker takes at most after its grace."""


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, each with its words."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, words) for name, _, words in (line.partition(" ") for line in lines)]


def test_the_image_has_two_stages_on_the_same_base() -> None:
    assert [words.split()[0] for name, words in instructions() if name == "FROM"] == ["${BASE}", "${BASE}"]


def test_the_image_runs_the_program_itself_without_rights_and_on_a_volume() -> None:
    second = instructions()[[name for name, _ in instructions()].index("FROM") + 1 :]
    last = dict(second)
    assert json.loads(last["ENTRYPOINT"]) == ["aqueue"], "no shell and no init before it: it is PID 1"
    assert json.loads(last["CMD"]) == ["worker"], "a default that needs no token"
    assert json.loads(last["HEALTHCHECK"].partition("CMD ")[2]) == ["aqueue", "health"]
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert last["VOLUME"] == "/data"
    assert "AQUEUE_DB=/data/queue.db" in last["ENV"]
    user, group = last["USER"].split(":")
    assert int(user) > 0 < int(group), "by number: else Kubernetes cannot tell that it is not root"
    names = [name for name, _ in second]
    assert names.index("VOLUME") > names.index("USER"), "what is changed behind a VOLUME is lost"


def test_the_build_sees_what_it_needs_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "*"
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert kept == {"aqueue", "pyproject.toml", "README.md", "LICENSE"}
    assert all((ROOT / name).exists() for name in kept)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return document


@pytest.fixture(scope="module")
def kubernetes() -> dict[str, dict[str, Any]]:
    """The objects by their kinds."""
    return {found["kind"]: found for found in yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text())}


async def options_of(words: list[str]) -> dict[str, Any]:
    """The words of a worker, as the command understands them. Raises ClickException."""
    assert words[0] == "worker"
    program = click.Context(cli, **cli.context_settings)
    async with await worker.make_context("worker", words[1:], parent=program) as ctx:
        return ctx.params


class Unit(configparser.ConfigParser):
    """A unit file of systemd: the case of its names counts."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


async def test_compose_shares_the_folder_between_a_worker_and_an_application(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {tuple(service["volumes"]) for service in services.values()} == {("queue:/data",)}
    assert services["app"]["command"][0] == "enqueue"
    one = services["worker"]
    assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
    assert parse_duration(one["stop_grace_period"]) > (await options_of(one["command"]))["grace"] + LAST
    assert all(port.startswith("127.0.0.1:") for port in one["ports"])
    assert "AQUEUE_TOKEN" in one["environment"], "it listens elsewhere than on loopback"


async def test_kubernetes_probes_it_gives_it_time_and_takes_its_rights(kubernetes: dict[str, dict[str, Any]]) -> None:
    pod = kubernetes["StatefulSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["terminationGracePeriodSeconds"] > (await options_of(container["args"]))["grace"] + LAST
    paths = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["fsGroup"]
    assert {"name": "AQUEUE_SHARE", "value": "group"} in container["env"], "fsGroup makes the files the group's"


def test_kubernetes_never_has_two_pods_on_one_volume(kubernetes: dict[str, dict[str, Any]]) -> None:
    spec = kubernetes["StatefulSet"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert (spec["replicas"], claim["spec"]["accessModes"]) == (1, ["ReadWriteOncePod"])
    assert spec["serviceName"] == kubernetes["Service"]["metadata"]["name"]
    assert spec["selector"]["matchLabels"] == kubernetes["Service"]["spec"]["selector"]


async def test_the_unit_waits_for_the_worker_to_take_jobs_and_lets_it_drain() -> None:
    unit = Unit(interpolation=None)
    unit.read(ROOT / "deploy" / "aqueue.service")
    service = unit["Service"]
    assert (service["Type"], service["KillMode"], service["OOMPolicy"]) == ("notify", "mixed", "continue")
    words = shlex.split(service["ExecStart"])
    assert words[0].endswith("/aqueue")
    assert parse_duration(service["TimeoutStopSec"]) > (await options_of(words[1:]))["grace"] + LAST


async def test_words_that_a_worker_does_not_know_would_be_found() -> None:
    with pytest.raises(click.ClickException):
        await options_of(["worker", "--no-such-option"])
