"""What people and models are told about the walls."""

from __future__ import annotations

import asyncio

import pytest

from sandbox import LayerReport, SandboxPolicy, describe
from sandbox.report import Layer

MISSING = Layer("landlock", False, (), "no Landlock", "a newer kernel")
OWN_ROOT = Layer("own root", True, ("files",), "x")


def test_the_report_says_what_is_missing_and_how_to_get_it() -> None:
    report = LayerReport(SandboxPolicy(mode="on", network="full"), (MISSING, OWN_ROOT))
    assert report.refusal is not None
    assert "landlock (no Landlock) -> a newer kernel" in report.refusal
    assert "missing landlock" in report.summary()
    assert report.table() == "landlock  OFF  no Landlock\n               -> a newer kernel\nown root  on   x"
    assert LayerReport(SandboxPolicy(network="full"), report.layers).refusal is None
    assert "network" in str(LayerReport(SandboxPolicy(network="none"), report.layers).refusal)


def test_a_layer_that_another_stands_in_for_is_no_gap() -> None:
    group = Layer("control group", False, (), "not delegated", "delegate it", stand_in="watchdog")
    walls = (Layer("all", True, ("files", "network"), "x"), group)
    watched = LayerReport(SandboxPolicy(mode="on"), (*walls, Layer("watchdog", True, (), "x")))
    assert (watched.gaps, watched.refusal) == ((), None)
    assert "-> delegate it" in watched.table()
    alone = LayerReport(SandboxPolicy(mode="on"), (*walls, Layer("watchdog", False, (), "x")))
    assert "control group (not delegated)" in str(alone.refusal)


def test_a_breach_counts_whatever_the_layers_say() -> None:
    layers = (Layer("own root", True, ("files", "network"), "x"),)
    report = LayerReport(SandboxPolicy(), layers, breaches=("files",))
    assert "cannot isolate files" in str(report.refusal)


def test_mode_off_says_loudly_what_it_means() -> None:
    report = asyncio.run(describe(SandboxPolicy(mode="off")))
    assert report.refusal is None
    assert report.summary() == report.table() == "sandbox off: code runs with the full rights of this user"
    assert report.facts().startswith("There is no sandbox")


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (SandboxPolicy(), "the user's 127.0.0.1 is not reachable"),
        (SandboxPolicy(network="none"), "no network, not even a loopback"),
        (SandboxPolicy(network="full"), "whole network"),
        (
            SandboxPolicy(max_memory_mb=7, max_cpu_secs=8, max_procs=9, max_disk_mb=10),
            "At most 7 MiB of memory, 8 s of",
        ),
        (SandboxPolicy(max_procs=9, max_disk_mb=10), "9 processes and 10 MiB of new files"),
    ],
)
def test_a_model_is_told_what_it_can_reach_and_use(policy: SandboxPolicy, words: str) -> None:
    assert words in LayerReport(policy, (OWN_ROOT,)).facts()


def test_a_model_is_not_told_of_a_loopback_that_is_not_there() -> None:
    layers = (OWN_ROOT, Layer("own network", False, (), "no namespaces"))
    assert "not even a loopback" in LayerReport(SandboxPolicy(network="loopback"), layers).facts()
