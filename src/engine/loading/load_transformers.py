"""Builds a model of the `transformers` library from our sources: plain safetensors through the library, packed or to
be quantised weights ourselves.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.utils import logging as transformers_logging

from engine.errors import CorruptModel, UnsupportedModel
from engine.layers.linear import Embedding
from engine.loading.open_weights import open_weights
from engine.loading.source import ModelSource, Report
from engine.loading.weights import Weights
from engine.models.base import BuildConfig
from engine.models.transformers_model import ATTENTION, OwnLayer, Packed, TransformersDecoder, causal_class


def load_transformers_model(
    source: ModelSource, architecture: str, build: BuildConfig, reason: str, report: Report
) -> TransformersDecoder:
    """Load a model for the broad path; `reason` says why this path was taken.

    Raises: UnsupportedModel for what it cannot run, CorruptModel for missing, left-over or mis-shaped tensors.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    config = _config(source)
    model_class = causal_class(config)
    if source.kind == "gguf" or source.quantize_to is not None:
        model, packed = _from_weights(source, open_weights(source, build, report), config)
    else:
        model, packed = _from_safetensors(source, build, config, model_class), Packed()
    _settle_rope(model, build)
    return TransformersDecoder(architecture, model.eval(), reason, packed, build)


def _config(source: ModelSource) -> PreTrainedConfig:
    settings = dict(source.config)
    model_type = settings.pop("model_type", None)
    if settings.get("auto_map") and not _is_known(model_type):
        raise UnsupportedModel(f"{source.name} needs Python code from its own repository, which is never run.")
    if not _is_known(model_type):
        raise UnsupportedModel(f"{source.name}: the transformers library has no model type {model_type!r}.")
    try:
        return AutoConfig.for_model(str(model_type), **settings)
    except (StrictDataclassError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise CorruptModel(f"{source.name}: config.json is not valid: {error}") from error


def _is_known(model_type: object) -> bool:
    return isinstance(model_type, str) and model_type in CONFIG_MAPPING


def _from_safetensors(
    source: ModelSource, build: BuildConfig, config: PreTrainedConfig, model_class: type[PreTrainedModel]
) -> PreTrainedModel:
    """The library reads tensor by tensor from the mapped files, and knows how old checkpoints name them."""
    try:
        model, report = cast(
            "tuple[PreTrainedModel, dict[str, Any]]",
            model_class.from_pretrained(
                source.weight_files[0].parent,
                config=config,
                dtype=build.dtype,
                attn_implementation=ATTENTION,
                use_safetensors=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                local_files_only=True,
            ),
        )
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise CorruptModel(f"The weights of {source.name} cannot be read: {error}") from error
    for kind, what in (
        ("missing_keys", "lacks tensors"),
        ("unexpected_keys", "has tensors this architecture has no place for"),
        ("mismatched_keys", "has tensors of the wrong shape"),
    ):
        if names := sorted(str(name) for name in report[kind]):
            raise CorruptModel(f"{source.name} {what}: {', '.join(names[:3])}.")
    return cast("Any", model).to(build.device)


def _from_weights(source: ModelSource, weights: Weights, config: PreTrainedConfig) -> tuple[PreTrainedModel, Packed]:
    """Built without memory, then filled: linear layers and embeddings are ours and packed."""
    build = weights.build
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=build.dtype, attn_implementation=ATTENTION)
    _check_fits(source, model, weights)
    embedding: Embedding | None = None
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Embedding):
            table = weights.matrix(f"{name}.weight", module.num_embeddings, module.embedding_dim)
            embedding = Embedding(table, build.dtype)
            scale = getattr(module, "scalar_embed_scale", 1.0)  # Gemma's embeddings are of a class that scales
            model.set_submodule(name, OwnLayer(embedding, module.embedding_dim, scale))
        elif isinstance(module, nn.Linear):
            tied = module is model.get_output_embeddings() and f"{name}.weight" not in weights
            linear = (
                embedding.as_linear(build.matmul_dtype)
                if tied and embedding is not None
                else weights.linear(name, module.out_features, module.in_features, bias=f"{name}.bias" in weights)
            )
            model.set_submodule(name, OwnLayer(linear, module.out_features))
        else:
            for own_name, parameter in list(module.named_parameters(recurse=False)):
                vector = weights.vector(f"{name}.{own_name}", *parameter.shape).to(parameter.dtype)
                setattr(module, own_name, nn.Parameter(vector, requires_grad=False))
    weights.check_all_used(("lm_head.weight",) if embedding is not None else ())
    _compute_buffers(model, build)
    return model, Packed(weights.quantization, weights.num_parameters, weights.nbytes)


def _check_fits(source: ModelSource, model: PreTrainedModel, weights: Weights) -> None:
    """The path fills linear layers, embeddings and vectors, under the names the files give them.

    Raises: UnsupportedModel when the model has something else.
    """
    what = "a GGUF file of it" if source.kind == "gguf" else "quantising it while loading"
    matrices = {
        f"{name}.weight" for name, module in model.named_modules() if isinstance(module, nn.Linear | nn.Embedding)
    }
    for name, parameter in model.named_parameters():
        refusal = None
        if parameter.dim() > 1 and name not in matrices:
            refusal = f"{name} is no linear layer's"
        elif source.kind != "gguf" and name not in weights and name not in model.all_tied_weights_keys:
            refusal = f"the files do not name {name}"
        if refusal is not None:
            raise UnsupportedModel(f"{source.name}: {what} is not possible on the transformers path: {refusal}.")


def _compute_buffers(model: PreTrainedModel, build: BuildConfig) -> None:
    """Buffers follow from the config: the library computes those that were left without memory."""
    for name, buffer in list(model.named_buffers()):
        owner, _, own_name = name.rpartition(".")
        model.get_submodule(owner).register_buffer(
            own_name, torch.empty_like(buffer, device=build.device), persistent=False
        )
    for parameter in model.parameters():
        parameter._is_hf_initialized = True  # pyright: ignore[reportAttributeAccessIssue] - how the library marks them
    model.initialize_weights()


def _settle_rope(model: PreTrainedModel, build: BuildConfig) -> None:
    """Fix frequencies that would change with the longest position of a step: cached keys have turned already."""
    config = model.config.get_text_config()
    context = build.context_tokens or config.max_position_embeddings
    for module in model.modules():
        kind = getattr(module, "rope_type", None)
        if kind in ("longrope", "dynamic"):
            frequencies, factor = ROPE_INIT_FUNCTIONS[kind](config, build.device, seq_len=context)
            rotary = cast("Any", module)  # one of many classes of the library, alike in these attributes
            rotary.inv_freq, rotary.attention_scaling, rotary.rope_type = frequencies, factor, "default"
