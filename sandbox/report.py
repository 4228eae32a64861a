"""Which layers hold on this machine, in words a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sandbox.policy import Network, SandboxPolicy

Purpose = Literal["files", "network", "processes", "limits", "syscalls"]
PURPOSES: tuple[Purpose, ...] = ("files", "network", "processes", "limits", "syscalls")
_NETWORKS: dict[Network, str] = {
    "none": "There is no network, not even a loopback",
    "loopback": "The network is a private loopback: no internet, and the user's 127.0.0.1 is not reachable",
    "full": "The whole network of this machine can be reached",
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One mechanism of the sandbox, as it was found when it was tried."""

    name: str
    on: bool
    protects: tuple[Purpose, ...]
    """What this layer alone is enough to protect; empty for layers that only strengthen others."""
    detail: str
    """What it does, or why it is off."""
    remedy: str = ""
    """What a person can do to turn it on."""
    stand_in: str = ""
    """The layer that does its work while it is off; then its absence is no gap."""

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Layer:
        """Read what the launcher noted."""
        fields: dict[str, Any] = {**row, "protects": tuple(row["protects"])}
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class LayerReport:
    """Every layer for one policy on this machine."""

    policy: SandboxPolicy
    layers: tuple[Layer, ...]
    breaches: tuple[Purpose, ...] = ()
    """What a test from inside got through to, whatever the layers say."""

    def holds(self, purpose: Purpose) -> bool:
        """Whether at least one layer that is on protects this, and no test from inside got through."""
        return purpose not in self.breaches and any(layer.on and purpose in layer.protects for layer in self.layers)

    @property
    def gaps(self) -> tuple[Layer, ...]:
        """Layers that are off and that no other stands in for."""
        on = {layer.name for layer in self.layers if layer.on}
        return tuple(layer for layer in self.layers if not layer.on and layer.stand_in not in on)

    @property
    def refusal(self) -> str | None:
        """Why code must not run under this policy here; None when it may."""
        if self.policy.mode == "off":
            return None
        if self.policy.mode == "on" and self.gaps:
            listed = "; ".join(_gap_line(layer) for layer in self.gaps)
            return f"sandbox mode 'on' needs every layer, and these are missing: {listed}"
        lost = [purpose for purpose in ("files", "network") if not self.holds(purpose)]
        if self.policy.network == "full" and "network" in lost:
            lost.remove("network")
        if not lost:
            return None
        listed = "; ".join(_gap_line(layer) for layer in self.gaps)
        return (
            f"this machine cannot isolate {' and '.join(lost)} for code execution: {listed}. "
            "Fix that, or turn the sandbox off explicitly to run code with this user's full rights"
        )

    def summary(self) -> str:
        """One line, for people."""
        if self.policy.mode == "off":
            return "sandbox off: code runs with the full rights of this user"
        held = [purpose for purpose in PURPOSES if self.holds(purpose)]
        if self.policy.network == "full":
            held = [purpose for purpose in held if purpose != "network"]
        text = f"sandbox {self.policy.mode}: guards {', '.join(held) or 'nothing'}; network {self.policy.network}"
        missing = [layer.name for layer in self.gaps]
        return text + (f"; missing {', '.join(missing)}" if missing else "")

    def facts(self) -> str:
        """What a model should know before it writes code for here: a few sentences."""
        policy = self.policy
        if policy.mode == "off":
            return "There is no sandbox: this runs with the full rights of the user, on the user's files and network"
        reach: Network = policy.network
        if reach == "loopback" and any(layer.name == "own network" and not layer.on for layer in self.layers):
            reach = "none"
        return (
            f"{_NETWORKS[reach]}. Only the working directory and the temporary directory can be written, and no other "
            f"files of the user can be read. At most {policy.max_memory_mb} MiB of memory, {policy.max_cpu_secs} s of "
            f"CPU time, {policy.max_procs} processes and {policy.max_disk_mb} MiB of new files"
        )

    def table(self) -> str:
        """One row a layer, aligned, with remedies; for people."""
        if not self.layers:
            return self.summary()
        width = max(len(layer.name) for layer in self.layers)
        rows: list[str] = []
        for layer in self.layers:
            rows.append(f"{layer.name:<{width}}  {'on ' if layer.on else 'OFF'}  {layer.detail}")
            if layer.remedy and not layer.on:
                rows.append(f"{'':<{width}}       -> {layer.remedy}")
        return "\n".join(rows)


def _gap_line(layer: Layer) -> str:
    return f"{layer.name} ({layer.detail})" + (f" -> {layer.remedy}" if layer.remedy else "")
