"""Control groups: what is looked for and written, on a tree of plain files; joined and removed, on the kernel's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import LayerReport, SandboxPolicy, Session, cgroup

MOUNTS = "30 23 0:26 / /proc rw - proc proc rw\n35 24 0:29 {top} {point} rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"


class Tree:
    """A machine of plain files: `/proc/self` and a cgroup2 mount."""

    def __init__(self, path: Path, own: str, top: str = "/", point: str = "/sys/fs/cgroup") -> None:
        self.root, self.proc = path, path / "proc"
        self.proc.mkdir()
        (self.proc / "cgroup").write_text(f"9:name=systemd:/x\n0::{own}\n")
        (self.proc / "mountinfo").write_text(MOUNTS.format(top=top, point=point))
        self.directory = path / point.lstrip("/") / own.removeprefix(top).lstrip("/")
        self.directory.mkdir(parents=True)
        for name, text in (("controllers", "cpuset cpu io memory pids"), ("subtree_control", ""), ("procs", "")):
            (self.directory / f"cgroup.{name}").write_text(text)

    def find(self) -> cgroup.Delegation:
        return cgroup.find(self.proc, self.root)


def test_at_the_top_of_a_container_the_controllers_are_handed_down(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "/")
    assert tree.find() == cgroup.Delegation(tree.directory)
    assert (tree.directory / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


def test_a_tree_seen_from_below_its_top_is_found_too(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "/docker/abc", top="/docker/abc", point="/sys/fs/cgroup/unified")
    (tree.proc / "cgroup").write_text("0::/docker/abc\n")
    assert (tmp_path / "sys/fs/cgroup/unified") == tree.directory
    found = tree.find()
    assert found.directory == tree.directory or "not delegated" in found.reason  # root needs the mark of systemd


def test_controllers_that_are_handed_down_already_are_left_alone(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "/")
    (tree.directory / "cgroup.subtree_control").write_text("memory io pids cpu")
    assert tree.find().directory == tree.directory
    assert (tree.directory / "cgroup.subtree_control").read_text() == "memory io pids cpu"


def test_without_the_controllers_there_is_no_group_and_the_reason_names_them(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "/")
    (tree.directory / "cgroup.controllers").write_text("hugetlb cpu")
    assert tree.find().reason == "cgroup v2 has no memory, pids controller here"
    assert tree.find().layer().stand_in == "watchdog"


def test_without_cgroup_v2_there_is_no_group(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "/")
    (tree.proc / "mountinfo").write_text("30 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
    assert tree.find().reason == "no cgroup v2 tree is mounted"
    (tree.proc / "cgroup").write_text("4:memory:/\n")
    assert tree.find().directory is None


def test_a_group_that_nobody_gave_us_is_left_alone(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "/system.slice/x.service")
    if os.geteuid() != 0:
        tree.directory.chmod(0o500)
    assert "is not delegated to this server" in tree.find().reason
    assert (tree.directory / "cgroup.subtree_control").read_text() == ""
    tree.directory.chmod(0o700)


def test_a_session_gets_a_group_with_the_limits_of_its_policy_that_goes_with_it(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "/")
    tree.find()
    group = cgroup.Group.create(tree.directory, SandboxPolicy(max_memory_mb=300, max_procs=20), cpus=2)
    assert {path.name: path.read_text() for path in group.path.iterdir()} == {
        "memory.max": str(300 * 2**20),
        "memory.swap.max": "0",
        "pids.max": "23",
        "cpu.max": "200000 100000",
    }
    assert not group.out_of_memory()
    (group.path / "memory.events").write_text("low 0\noom 1\noom_kill 2\n")
    assert group.out_of_memory()
    for path in group.path.iterdir():  # the kernel's files go with their directory
        path.unlink()
    group.path.rmdir()
    group.remove()


def test_groups_of_servers_that_were_killed_are_removed(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "/")
    nobody = 2**22 + 1  # above every pid
    for name in (f"mistralrs-{nobody}-ab", f"mistralrs-{os.getpid()}-cd", "mistralrs-server", "other"):
        (tree.directory / name).mkdir()
    tree.find()
    left = {path.name for path in tree.directory.iterdir() if path.is_dir()} - {"proc", "sys"}
    assert left == {f"mistralrs-{os.getpid()}-cd", "mistralrs-server", "other"}


def kernel_tree() -> Path | None:
    """Where the kernel's cgroup2 tree is mounted."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line:
            return Path(line.split()[4])
    return None


def groups_in(directory: Path) -> list[Path]:
    return [path for path in directory.iterdir() if path.is_dir()]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A group of the kernel's own tree, given to us; without controllers, which other hierarchies may hold."""
    top = kernel_tree()
    if top is None or not os.access(top / "cgroup.procs", os.W_OK):
        pytest.skip("needs a cgroup2 tree that this user may write to")
    directory = top / f"mistralrs-test-{os.getpid()}"
    try:
        directory.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made: {error.strerror}")
    monkeypatch.setattr(cgroup, "delegation", lambda: cgroup.Delegation(directory))
    yield directory
    for path in [*directory.glob("mistralrs-*"), directory]:
        path.rmdir()


async def test_a_session_is_in_its_group_from_its_first_instruction_and_the_group_goes_with_it(
    given: Path, machine: LayerReport
) -> None:
    if machine.refusal:
        pytest.skip(machine.refusal)
    async with await Session.open() as session:
        begun = await session.run(
            "import os\nchild = os.popen('sleep 1000 & echo $!')\nopen('/proc/self/cgroup').read()"
        )
        (group,) = groups_in(given)
        assert len((group / "cgroup.procs").read_text().split()) >= 3  # supervisor, interpreter, what it started
        assert "0::/\\n" in str(begun.value)  # all it can see is its own group
        report = await session.report()
        assert "control group" in [layer.name for layer in report.layers if layer.on]
        await session.reset()
        assert not group.exists()
        assert (await session.run("1")).value == "1"
    assert groups_in(given) == []


async def test_a_group_that_cannot_be_joined_is_told_and_the_watchdog_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: LayerReport
) -> None:
    if machine.refusal:
        pytest.skip(machine.refusal)
    (tmp_path / "cgroup.subtree_control").touch()
    monkeypatch.setattr(cgroup, "delegation", lambda: cgroup.Delegation(tmp_path))
    monkeypatch.setattr(cgroup.Group, "create", classmethod(lambda cls, *_, **__: cls(tmp_path / "gone" / "away")))
    async with await Session.open() as session:
        assert (await session.run("1")).value == "1"
        (row,) = (layer for layer in (await session.report()).layers if layer.name == "control group")
    assert (row.on, row.stand_in) == (False, "watchdog")
    assert "cannot be joined" in row.detail
