"""The weights of a model, whatever kind of files they are in."""

from __future__ import annotations

from engine.loading.gguf_weights import GGUFWeights
from engine.loading.safetensors import SafetensorsWeights
from engine.loading.source import ModelSource, Report
from engine.loading.weights import Weights
from engine.models.base import BuildConfig
from engine.quant.base import GGMLType


def open_weights(source: ModelSource, build: BuildConfig, report: Report) -> Weights:
    """Raises: CorruptModel for damaged files, UnsupportedModel for tensors of a type we do not have."""
    if source.kind == "gguf":
        files = GGUFWeights(source.gguf_files, source.config)
    else:
        files = SafetensorsWeights(source.weight_files)
    quantize_to = GGMLType[source.quantize_to] if source.quantize_to is not None else None
    return Weights(files, build, quantize_to, report)
