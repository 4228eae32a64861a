"""Other interpreters than the one that runs the server: the system's, another version, a virtual environment."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import LayerReport, SandboxBroken, SandboxPolicy, Session, interpreter

SYSTEM_PYTHON = Path("/usr/bin/python3")


def usable(path: str) -> bool:
    """Whether a program of that name runs; some are scripts that find nothing."""
    return subprocess.run([path, "-I", "-c", ""], capture_output=True, check=False).returncode == 0


def found() -> list[Path]:
    names = [shutil.which(f"python3.{minor}") for minor in range(9, 20) if minor != sys.version_info.minor]
    return [Path(name) for name in names if name and usable(name)]


@pytest.fixture(autouse=True)
def possible(machine: LayerReport) -> None:
    if machine.refusal:
        pytest.skip(machine.refusal)


@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="needs /usr/bin/python3")
async def test_the_interpreter_of_the_system_runs_the_code_with_its_own_packages() -> None:
    async with await Session.open(SandboxPolicy(python=SYSTEM_PYTHON)) as session:
        inside = await session.run("import sys\nsys.prefix, [p for p in sys.path if p.endswith('-packages')]")
    asked = [str(SYSTEM_PYTHON), "-I", "-c", "import sys; print([p for p in sys.path if p.endswith('-packages')])"]
    outside = subprocess.run(asked, capture_output=True, text=True, check=True)  # noqa: ASYNC221 - a moment
    assert inside.value == f"('/usr', {outside.stdout.strip()})"


@pytest.mark.parametrize("python", found() or [None], ids=lambda path: path.name if path else "none")
async def test_another_version_of_python_runs_the_code(python: Path | None) -> None:
    if python is None:
        pytest.skip("this machine has one version of Python only")
    async with await Session.open(SandboxPolicy(python=python)) as session:
        result = await session.run("import sys\nprint('out')\nf'python3.{sys.version_info[1]}'")
        assert (result.value, result.stdout) == (repr(python.name), "out\n")
        assert (await session.run("while True: pass", timeout_s=0.2)).state_lost is False
        assert "ZeroDivisionError" in ((await session.run("1 / 0")).exception or "")
        assert (await session.shell("echo $((6 * 7))")).stdout == "42\n"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with a package of its own."""
    top = tmp_path_factory.mktemp("project") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(top)], check=True)
    (packages,) = top.glob("lib/python*/site-packages")
    (packages / "only_here.py").write_text("value = 'from the environment'\n")
    (top.parent / "secret").write_text("beside it")
    return top


async def test_a_virtual_environment_brings_its_own_packages_and_nothing_beside_it(environment: Path) -> None:
    async with await Session.open(SandboxPolicy(python=environment / "bin" / "python")) as session:
        assert (await session.run("import only_here, sys\nonly_here.value")).value == "'from the environment'"
        assert (await session.run("sys.prefix, sys.prefix != sys.base_prefix")).value == f"({str(environment)!r}, True)"
        asked = 'python -c "import only_here, sys; print(only_here.value, sys.prefix)"'
        assert (await session.shell(asked)).stdout == f"from the environment {environment}\n"
        assert "ModuleNotFoundError" in ((await session.run("import pytest")).exception or "")
        changed = await session.run("open(only_here.__file__, 'a').write('x')")
        assert "OSError" in (changed.exception or "") or "PermissionError" in (changed.exception or "")
        beside = await session.run(f"open({str(environment.parent / 'secret')!r}).read()")
        assert beside.value is None


@pytest.fixture
def in_tmp() -> Iterator[Path]:
    """A virtual environment below /tmp, with a file of 40 MiB."""
    with tempfile.TemporaryDirectory(dir="/tmp") as top:
        folder = Path(top)
        folder.chmod(0o755)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "environment")], check=True)
        (folder / "environment" / "large").write_bytes(bytes(40 << 20))
        yield folder / "environment"


async def test_an_environment_in_tmp_is_no_file_of_the_session(in_tmp: Path) -> None:
    async with await Session.open(SandboxPolicy(python=in_tmp / "bin" / "python", max_disk_mb=20)) as session:
        assert (await session.run("open('small', 'wb').write(bytes(2**20))")).value == "1048576"
        assert (await session.run("sum(range(20_000_000))")).status == "ok"
        too_much = await session.run("import time\nopen('f', 'wb').write(bytes(30 * 2**20))\ntime.sleep(60)")
        assert "20 MiB of files" in (too_much.exception or "")


async def test_a_script_that_finds_an_interpreter_is_as_good_as_that(environment: Path, tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nexec {json.dumps(str(environment / "bin" / "python"))} "$@"\n')
    script.chmod(0o755)
    async with await Session.open(SandboxPolicy(python=script)) as session:
        assert (await session.run("import only_here\nonly_here.value")).value == "'from the environment'"


async def test_an_environment_that_the_code_could_change_is_refused(environment: Path) -> None:
    policy = SandboxPolicy(python=environment / "bin" / "python", workdir=environment.parent)
    python = await interpreter.find(policy.python)
    with pytest.raises(SandboxBroken, match="could change them"):
        interpreter.check_outside(python, environment.parent)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "cannot be run"),
        ("echo no such version >&2; exit 3", "no such version"),
        ("exit 3", "ended with status 3"),
    ],
)
async def test_an_interpreter_that_cannot_run_is_named_with_what_it_said(
    script: str | None, said: str, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    if script is not None:
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    async with await Session.open(SandboxPolicy(python=python)) as session:
        with pytest.raises(SandboxBroken, match=said) as raised:
            await session.run("1")
    assert str(python) in str(raised.value)
