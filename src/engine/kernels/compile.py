"""Builds the native library beside this file: once for every instruction set, in one shared object.

Run by the package build (`hatch_build.py`), or by hand as `python -m engine.kernels.compile`. Standard library only.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARY = FOLDER / "libengine_kernels.so"

_FLAGS = [
    "-std=c++17",
    "-O2",
    "-fPIC",
    "-fvisibility=hidden",
    "-ffp-contract=off",  # where a fused multiply-add is meant, it is written
    "-fno-math-errno",
    "-fno-trapping-math",
]
_AVX2 = ["-mavx2", "-mfma", "-mf16c"]
_X86_VARIANTS = {
    "baseline": [],
    "avx2": _AVX2,
    "avxvnni": [*_AVX2, "-mavxvnni"],
    "avx512": [*_AVX2, "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni"],
}


def compile_library(output: Path = LIBRARY) -> str | None:
    """Write the shared library to `output`; return None, or one line saying why it could not be built.

    An older library at `output` stays until then and is gone afterwards either way: a stale one must not be loaded.
    """
    failure = _build(output)
    if failure is not None:
        output.unlink(missing_ok=True)
    return failure


def _build(output: Path) -> str | None:
    compiler = find_compiler()
    if compiler is None:
        return "no C++ compiler found (looked for $CXX, g++, clang++, c++)"
    is_x86 = platform.machine() in ("x86_64", "AMD64")
    variants = _X86_VARIANTS if is_x86 else {"baseline": []}
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:  # so that the library can be moved in one go
        objects = Path(folder)
        commands = [
            [
                compiler,
                *_FLAGS,
                *flags,
                f"-DENGINE_ISA={isa}",
                "-c",
                f"{name}.cpp",
                "-o",
                str(objects / f"{name}_{isa}.o"),
            ]
            for isa, flags in variants.items()
            for name in ("kernels", "quantize")
        ]
        commands += [
            [compiler, *_FLAGS, "-c", f"{name}.cpp", "-o", str(objects / f"{name}.o")]
            for name in ("api", "decoder", "experts", "pool")
        ]
        linked = objects / output.name
        link = [compiler, "-shared", "-pthread", "-o", str(linked)]
        failure = _run_all(commands) or _run_all([[*link, *(command[-1] for command in commands)]])
        if failure is None:
            linked.replace(output)
        return failure


def find_compiler() -> str | None:
    """The C++ compiler to use: $CXX when set, else the first usual name on the path."""
    candidates = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++", "c++"]
    return next((name for name in candidates if shutil.which(name)), None)


def _run_all(commands: list[list[str]]) -> str | None:
    """Run the commands side by side; the first line of the first failure, or None."""
    running = [
        subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    errors = [(process.communicate()[1], process.returncode) for process in running]
    for text, code in errors:
        if code != 0:
            first = next((line for line in text.splitlines() if "error" in line), text.strip() or "no message")
            return f"the C++ compiler failed: {first}"
    return None


if __name__ == "__main__":
    raise SystemExit(compile_library())
