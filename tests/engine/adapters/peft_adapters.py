"""Random adapters made and saved by `peft`, the reference for what they do."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from transformers import PreTrainedModel

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "gate_proj", "up_proj", "gate_up_proj", "down_proj"]


@contextmanager
def quiet() -> Generator[None]:
    """`peft` asks `transformers` for what that has deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def save(model: PreTrainedModel, folder: Path, seed: int = 0, dtype: torch.dtype = torch.float32, **changes: Any):
    """A PEFT folder for `model` whose A and B are random; the model is left as it was."""
    settings: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": ALL, "task_type": "CAUSAL_LM"}
    with quiet():
        adapted = get_peft_model(model, LoraConfig(**(settings | changes)))
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            parameter.data = (torch.randn(parameter.shape, generator=generator) * 0.2).to(dtype)
    adapted.save_pretrained(str(folder))
    cast("Any", adapted).unload()


def logits(model: PreTrainedModel, folder: Path, token_ids: list[int]) -> Tensor:
    """(tokens, vocab) float32, of `model` with an adapter."""
    with quiet():
        adapted = PeftModel.from_pretrained(model, str(folder))
    try:
        with torch.inference_mode():
            return adapted.eval()(torch.tensor([token_ids])).logits[0].float()
    finally:
        cast("Any", adapted).unload()
