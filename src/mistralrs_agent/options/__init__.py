"""Every option of the product, declared once; `Options` holds what was chosen, section by section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from mistralrs_agent.options.agent import Agent, Sandbox
from mistralrs_agent.options.benchmark import Benchmark
from mistralrs_agent.options.engine import PagedAttention, Runtime, Speculation
from mistralrs_agent.options.evaluation import Evaluation
from mistralrs_agent.options.model import Adapters, Device, Format, Model, Multimodal, Quantization, Template
from mistralrs_agent.options.section import Flag, Section
from mistralrs_agent.options.surface import Chat, General, Server
from mistralrs_agent.options.user_keys import read_user_keys

__all__ = ["BENCH", "ENGINE", "EVAL", "RUN", "SECTIONS", "SERVE", "Flag", "Options", "Section"]


@dataclass(frozen=True, slots=True)
class Options:
    """What a person chose; a section that was not asked about holds its defaults."""

    model: Model = field(default_factory=Model)
    format: Format = field(default_factory=Format)
    template: Template = field(default_factory=Template)
    server: Server = field(default_factory=Server)
    chat: Chat = field(default_factory=Chat)
    agent: Agent = field(default_factory=Agent)
    sandbox: Sandbox = field(default_factory=Sandbox)
    runtime: Runtime = field(default_factory=Runtime)
    paged_attn: PagedAttention = field(default_factory=PagedAttention)
    device: Device = field(default_factory=Device)
    quantization: Quantization = field(default_factory=Quantization)
    adapters: Adapters = field(default_factory=Adapters)
    multimodal: Multimodal = field(default_factory=Multimodal)
    speculation: Speculation = field(default_factory=Speculation)
    benchmark: Benchmark = field(default_factory=Benchmark)
    evaluation: Evaluation = field(default_factory=Evaluation)
    general: General = field(default_factory=General)

    def secrets(self) -> tuple[str, ...]:
        """Every value that was given for an option declared `secret`, and every user's key.

        Raises: ConfigError.
        """
        sections: list[Section] = [getattr(self, item.name) for item in fields(self)]
        given = (value for section in sections for value in section.secrets())
        return (*given, *read_user_keys(self.server.user_keys))


def _section_type(factory: Any) -> type[Section]:
    return factory


SECTIONS: Mapping[str, type[Section]] = {item.name: _section_type(item.default_factory) for item in fields(Options)}
"""The sections by their name in `Options`, in the order of `--help`."""
ENGINE = tuple(
    name for name in SECTIONS if name not in {"server", "chat", "agent", "sandbox", "benchmark", "evaluation"}
)
SERVE = tuple(name for name in SECTIONS if name not in {"chat", "benchmark", "evaluation"})
RUN = tuple(name for name in SECTIONS if name not in {"server", "benchmark", "evaluation"})
BENCH = ("benchmark", *ENGINE)
EVAL = ("evaluation", *ENGINE)
