"""The default model as `peft` trains it: its packed weights, unpacked once, frozen, with the adapter's matrices beside them."""

from __future__ import annotations

import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from engine.loading.gguf_weights import GGUFWeights
from engine.loading.source import resolve
from engine.options import ModelOptions
from engine.quant.base import PackedTensor

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def frozen_base() -> LlamaForCausalLM:
    """The weights that are served (unpacked from their four bits), in bf16: an adapter learns to sit beside these."""
    source = resolve(ModelOptions(), print)
    model = LlamaForCausalLM(LlamaConfig(**source.config, attn_implementation="sdpa")).to(torch.bfloat16)
    weights = GGUFWeights(source.gguf_files, source.config)
    state = {}
    for name in weights.names():
        tensor = weights.read(name)
        state[name] = (tensor.dequantize() if isinstance(tensor, PackedTensor) else tensor).to(torch.bfloat16)
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model.load_state_dict(state)
    return model.requires_grad_(False).eval()


def with_adapter(model: LlamaForCausalLM, *, rank: int = 16, alpha: int = 32, seed: int = 0) -> PeftModel:
    """`model` with fresh matrices on every linear layer; only these learn."""
    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(TARGETS), lora_dropout=0.0, task_type="CAUSAL_LM")
    with warnings.catch_warnings():  # peft asks transformers under a name that is going away
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(model, config, autocast_adapter_dtype=False)
