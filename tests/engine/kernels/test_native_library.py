"""Building, finding and choosing the native library, and what happens without it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import kernels
from engine.kernels.compile import compile_library, find_compiler
from engine.kernels.matrix import NativeMatrix
from engine.layers.linear import Linear
from engine.quant.base import GGMLType, PackedTensor
from tests.engine.packing import random_packed

needs_library = pytest.mark.skipif(kernels.native() is None, reason="the native library was not built")


def describe_in_a_fresh_process(**environment: str) -> str:
    code = "from engine import kernels; print(kernels.describe(), kernels.native() is None)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.skipif("MISTRALRS_NATIVE" in os.environ, reason="the library is turned off on purpose")
def test_where_there_is_a_compiler_the_library_was_built_and_fits_its_sources() -> None:
    """Else everything that needs it would be skipped in silence."""
    assert kernels.native() is not None or find_compiler() is None, kernels.describe()


def test_the_environment_turns_the_library_off() -> None:
    said = describe_in_a_fresh_process(MISTRALRS_NATIVE="0")
    assert said == "torch alone (turned off by MISTRALRS_NATIVE=0) True"


def test_without_a_compiler_the_build_says_so_and_leaves_no_stale_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    stale = tmp_path / "library.so"
    stale.touch()
    assert find_compiler() is None
    assert compile_library(stale) == "no C++ compiler found (looked for $CXX, g++, clang++, c++)"
    assert not stale.exists()


def test_a_compiler_that_fails_is_reported_with_its_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken-compiler"
    broken.write_text("#!/bin/sh\necho 'error: no space for objects' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    assert compile_library(tmp_path / "library.so") == "the C++ compiler failed: error: no space for objects"
    assert not (tmp_path / "library.so").exists()


@needs_library
def test_the_description_names_instruction_set_and_threads() -> None:
    before = kernels.native().threads()
    try:
        kernels.set_threads(1)
        assert kernels.describe().startswith("native ")
        assert kernels.describe().endswith("1 thread")
        kernels.set_threads(3)
        assert kernels.describe().endswith("3 threads")
    finally:
        kernels.set_threads(before)
    assert not kernels.select("mmx")


@needs_library
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_threads_and_of_callers_gives_the_same_result(threads: int) -> None:
    layer = Linear(random_packed(GGMLType.Q4_K, rows=700, columns=512, seed=1))
    inputs = [torch.randn(tokens, 512) for tokens in (1, 3, 20, 40)] * 8
    before = kernels.native().threads()
    try:
        kernels.set_threads(1)
        expected = [layer(x) for x in inputs]
        kernels.set_threads(threads)
        with ThreadPoolExecutor(4) as callers:
            results = list(callers.map(layer, inputs))
    finally:
        kernels.set_threads(before)
    assert all(torch.equal(ours, reference) for ours, reference in zip(results, expected, strict=True))


@needs_library
def test_weights_may_come_from_a_read_only_memory_map() -> None:
    packed = random_packed(GGMLType.Q4_1, rows=32, columns=64, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights"
        file.write_bytes(packed.data.numpy().tobytes())
        mapped = np.memmap(file, np.uint8, "c", shape=tuple(packed.data.shape))
        layer = Linear(PackedTensor(packed.type, torch.from_numpy(mapped), packed.shape))
        x = torch.randn(1, 64)
        ours = layer(x)
        del layer, mapped
    assert torch.allclose(ours, x @ packed.dequantize().T, atol=1e-3)


@needs_library
@pytest.mark.parametrize("type", list(GGMLType), ids=lambda t: t.name)
def test_every_row_of_an_interleaved_matrix_decodes_as_it_was(type: GGMLType) -> None:
    packed = random_packed(type, rows=37, columns=768, seed=4)
    matrix = NativeMatrix.of(packed)
    assert matrix is not None
    assert torch.equal(matrix.rows(torch.arange(37)), packed.dequantize())
    assert matrix.nbytes == packed.nbytes


@needs_library
def test_a_row_that_does_not_exist_is_refused() -> None:
    matrix = NativeMatrix.of(random_packed(GGMLType.Q8_0, rows=4, columns=32, seed=4))
    assert matrix is not None
    with pytest.raises(IndexError, match=r"outside 0 … 3"):
        matrix.rows(torch.tensor([4]))


@needs_library
def test_widths_the_library_does_not_take_stay_with_torch() -> None:
    assert NativeMatrix.of(torch.randn(4, 40)) is None
    assert NativeMatrix.of(torch.randn(4, 32).double()) is None
    assert NativeMatrix.of(torch.randn(4, 32)) is not None
