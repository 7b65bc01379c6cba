"""Hosts: network namespaces with a cable each to this one, which can be pulled out."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from network import network_changes


@dataclass(frozen=True)
class Host:
    """A machine as far as the network is concerned. `here` is our end of its cable."""

    name: str
    here: str
    cable: str

    @property
    def inside(self) -> list[str]:
        """How to get there."""
        return ["ip", "netns", "exec", self.name]

    def pull_out(self) -> None:
        """Nothing gets through, and nobody is told."""
        _ip("link", "set", self.cable, "down")

    def plug_in(self) -> None:
        """Everything gets through again."""
        _ip("link", "set", self.cable, "up")


@contextlib.contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many of them; passed over where the machine allows none."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    with network_changes(), contextlib.ExitStack() as stack:
        made = []
        for number in range(count):
            name, cable = f"aq{os.getpid()}-{number}", f"aq{os.getpid() % 100000}v{number}"
            host = Host(name, f"10.99.{number}.1", cable)
            try:
                _ip("netns", "add", name)
            except subprocess.CalledProcessError:
                pytest.skip("this machine allows no network namespaces")
            stack.callback(_ip, "netns", "del", name)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("addr", "add", f"{host.here}/30", "dev", cable)
            _ip("link", "set", cable, "up")
            _ip("-n", name, "addr", "add", f"10.99.{number}.2/30", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")
            made.append(host)
        yield made


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL, capture_output=True)
