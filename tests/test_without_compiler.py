"""A machine without a compiler: the package installs, says what it lacks, and answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("src/mistralrs_agent", "src/engine", "sandbox", "tui")
PROGRAM = "from mistralrs_agent.cli import main; main()"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a checkout has it: nothing compiled."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("pyproject.toml", "hatch_build.py", "README.md"):
        shutil.copy(ROOT / name, folder)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return folder


def run(arguments: list[str], folder: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    """Python where no program can be found, with `path` before everything installed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("CXX", "MISTRALRS_NATIVE")}
    inherited = [environment["PYTHONPATH"]] if "PYTHONPATH" in environment else []
    environment |= {"PATH": str(folder / "nowhere"), "PYTHONPATH": os.pathsep.join([*map(str, path), *inherited])}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_is_built_without_the_library(sources: Path, tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend is a development dependency")
    built = run(["-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], sources)
    assert built.returncode == 0, built.stderr
    assert "Native kernels were not built, torch will be used instead: no C++ compiler found" in built.stderr
    [wheel] = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    names = ZipFile(wheel).namelist()
    assert "engine/kernels/torch_matrix.py" in names
    assert not [name for name in names if name.endswith((".so", ".cpp", ".h"))]


def test_what_is_installed_says_so_and_answers(sources: Path) -> None:
    path = sources / "src", sources
    doctor = run(["-c", PROGRAM, "doctor", "--json"], sources, *path)
    checks = {check["name"]: check for check in json.loads(doctor.stdout)["checks"]}
    assert "torch alone (the native library was not built; install a C++ compiler" in checks["Kernels"]["detail"]
    assert "of the" in checks["Kernel speed"]["detail"]

    question = ["-i", "What is the capital of France?", "--max-seq-len", "128", "--pa-context-len", "128"]
    answered = run(["-c", PROGRAM, "run", *question, "--threads", "1"], sources, *path)
    assert answered.returncode == 0, answered.stderr
    assert "Paris" in answered.stdout
    assert "kernels: torch alone" in answered.stderr
