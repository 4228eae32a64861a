"""From a model's files to a decoder, by the path that suits it."""

from __future__ import annotations

from typing import cast

from engine.errors import UnsupportedModel
from engine.loading.gguf import read_gguf
from engine.loading.gguf_weights import GGUFWeights
from engine.loading.safetensors import SafetensorsWeights
from engine.loading.source import ModelSource
from engine.loading.weights import WeightFiles, Weights
from engine.models.base import BuildConfig, Decoder
from engine.models.config import ModelConfig
from engine.models.decoder import NativeDecoder
from engine.models.registry import FAMILIES


def load_model(source: ModelSource, build: BuildConfig) -> Decoder:
    """Read the weights, each once and packed as they came, and build the decoder that runs them.

    Raises: CorruptModel for missing, left-over or mis-shaped tensors and wrong configs, UnsupportedModel for what
    neither path can run.
    """
    architecture = _architecture(source, build)
    if build.arch != "transformers" and architecture in FAMILIES:
        spec = FAMILIES[architecture](ModelConfig(source.config), build.context_tokens)
        return NativeDecoder(architecture, spec, Weights(_files(source), build))
    raise UnsupportedModel(architecture)


def _files(source: ModelSource) -> WeightFiles:
    if source.kind == "gguf":
        return GGUFWeights([read_gguf(path) for path in source.weight_files], source.config)
    return SafetensorsWeights(source.weight_files)


def _architecture(source: ModelSource, build: BuildConfig) -> str:
    (architecture,) = cast("list[str]", source.config["architectures"])
    return architecture
