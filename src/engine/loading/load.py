"""From a model's files to a decoder, by the path that suits it."""

from __future__ import annotations

from typing import cast

from engine.errors import UnsupportedModel
from engine.loading.allocator import large_pieces_given_back
from engine.loading.open_weights import open_weights
from engine.loading.source import ModelSource, Report
from engine.models.base import BuildConfig, Decoder
from engine.models.config import ModelConfig
from engine.models.decoder import NativeDecoder
from engine.models.registry import ARCH_NAMES, FAMILIES


def load_model(source: ModelSource, build: BuildConfig, report: Report = lambda _: None) -> Decoder:
    """Read the weights, each once, packed as they came or quantised, and build the decoder that runs them.

    Raises: CorruptModel for missing, left-over or mis-shaped tensors and wrong configs, UnsupportedModel for what
    neither path can run.
    """
    with large_pieces_given_back():
        return _load(source, build, report)


def _load(source: ModelSource, build: BuildConfig, report: Report) -> Decoder:
    architecture = _architecture(source, build.arch)
    if method := _quantization_method(source):
        raise UnsupportedModel(
            f"{source.name} has weights quantised by {method!r}; use a plain or a GGUF version of it."
        )
    if build.arch != "transformers" and architecture in FAMILIES:
        spec = FAMILIES[architecture](ModelConfig(source.config), build.context_tokens)
        return NativeDecoder(architecture, spec, open_weights(source, build, report))
    from engine.loading.load_transformers import load_transformers_model  # noqa: PLC0415 - a second and 100 MB

    reason = "asked for" if build.arch == "transformers" else f"{architecture} is not a native family"
    return load_transformers_model(source, architecture, build, reason, report)


def _architecture(source: ModelSource, asked: str | None) -> str:
    """Class name of the model, from `--arch` or its config."""
    if asked is None or asked == "transformers":
        (architecture,) = cast("list[str]", source.config["architectures"])
        return architecture
    if asked not in ARCH_NAMES:
        raise UnsupportedModel(f"--arch {asked!r} is not known; known: {', '.join(ARCH_NAMES)}, transformers.")
    return ARCH_NAMES[asked]


def _quantization_method(source: ModelSource) -> object:
    """What a checkpoint says its weights were quantised by, if they were."""
    settings = source.config.get("quantization_config")
    return cast("dict[str, object]", settings).get("quant_method", "unknown") if isinstance(settings, dict) else None
