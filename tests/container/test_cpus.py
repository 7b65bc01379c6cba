"""How many jobs run at a time when nobody says: what the cgroups allow, in trees of files as containers have them."""

import os
from pathlib import Path

import pytest

from aqueue.engine.cpus import quotas, usable_cpus
from aqueue.engine.hierarchy import memberships

V2 = "31 23 0:27 {shown} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw"
V1 = "33 32 0:29 {shown} /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct"
OTHER = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw"


class Tree:
    """A root of files, in which `/proc` says where this process is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "proc/self").mkdir(parents=True)

    def says(self, cgroup: str, *mounts: str) -> None:
        (self.root / "proc/self/cgroup").write_text(f"{cgroup}\n")
        (self.root / "proc/self/mountinfo").write_text("\n".join([OTHER, *mounts]) + "\n")

    def v2(self, folder: str, quota: str) -> None:
        path = self.root / "sys/fs/cgroup" / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "cpu.max").write_text(f"{quota}\n")

    def v1(self, folder: str, quota: int, period: int = 100_000) -> None:
        path = self.root / "sys/fs/cgroup/cpu,cpuacct" / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (path / "cpu.cfs_period_us").write_text(f"{period}\n")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture(autouse=True)
def _eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.parametrize(
    ("quota", "slots"),
    [
        *(("max 100000", 8), ("100000 100000", 1), ("50000 100000", 1), ("150000 100000", 2), ("200000 100000", 2)),
        *(("1000 1000000", 1), ("6400000 100000", 8), ("nonsense", 8), ("", 8)),
    ],
)
def test_a_quota_of_version_2_is_rounded_up_and_never_more_than_the_affinity(
    tree: Tree, quota: str, slots: int
) -> None:
    tree.says("0::/", V2.format(shown="/"))
    tree.v2(".", quota)
    assert usable_cpus(tree.root) == slots


def test_of_nested_cgroups_the_smallest_quota_counts(tree: Tree) -> None:
    tree.says("0::/kubepods/pod1/app", V2.format(shown="/"))
    tree.v2("kubepods", "max 100000")
    tree.v2("kubepods/pod1", "250000 100000")
    tree.v2("kubepods/pod1/app", "400000 100000")
    assert list(quotas(tree.root)) == [4.0, 2.5]
    assert usable_cpus(tree.root) == 3


def test_what_is_above_the_mount_is_not_looked_at(tree: Tree) -> None:
    tree.says("0::/docker/abc/part", V2.format(shown="/docker/abc"))
    tree.v2(".", "300000 100000")
    tree.v2("part", "max 100000")
    (tree.root / "cpu.max").write_text("100000 100000\n")
    assert list(quotas(tree.root)) == [3.0]


@pytest.mark.parametrize("path", ["/docker/other", "/../elsewhere", "/dockerabc"])
def test_where_the_own_cgroup_cannot_be_seen_the_mount_counts(tree: Tree, path: str) -> None:
    tree.says(f"0::{path}", V2.format(shown="/docker/abc"))
    tree.v2(".", "200000 100000")
    (one,) = memberships("cpu", tree.root)
    assert not one.is_exact
    assert usable_cpus(tree.root) == 2


def test_version_1_has_its_quota_in_two_files_and_is_nested_too(tree: Tree) -> None:
    tree.says("9:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc", V1.format(shown="/docker/abc"))
    tree.v1(".", 150_000)
    assert usable_cpus(tree.root) == 2
    tree.v1(".", -1)
    assert usable_cpus(tree.root) == 8
    tree.says("9:cpu,cpuacct:/a/b", V1.format(shown="/"))
    tree.v1("a", 50_000, 25_000)
    tree.v1("a/b", 400_000)
    assert list(quotas(tree.root)) == [4.0, 2.0]


def test_a_machine_with_both_versions_is_looked_at_in_both(tree: Tree) -> None:
    unified = V2.format(shown="/").replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
    tree.says("3:cpu,cpuacct:/a\n0::/a", V1.format(shown="/"), unified)
    tree.v1("a", 300_000)
    assert usable_cpus(tree.root) == 3


def test_a_mount_with_a_space_in_its_name_is_found(tree: Tree) -> None:
    tree.says("0::/", V2.format(shown="/").replace("/sys/fs/cgroup", r"/sys/fs/c\040group"))
    (tree.root / "sys/fs/c group").mkdir(parents=True)
    (tree.root / "sys/fs/c group/cpu.max").write_text("100000 100000")
    assert usable_cpus(tree.root) == 1


@pytest.mark.parametrize("cgroup", ["", "nonsense", "0::/", "4:memory:/a"])
def test_where_there_is_nothing_to_see_the_affinity_counts(tree: Tree, cgroup: str) -> None:
    tree.says(cgroup)
    assert usable_cpus(tree.root) == 8
    assert usable_cpus(tree.root / "nowhere") == 8
