"""Architectures whose attention is not ours to replace are refused by name, before any text is computed."""

from __future__ import annotations

import pytest
import transformers

from engine.errors import UnsupportedModel
from engine.models.transformers_model import causal_class

REFUSED = {
    "FalconForCausalLM": "FalconConfig",
    "BloomForCausalLM": "BloomConfig",
    "StableLmForCausalLM": "StableLmConfig",
    "GPTJForCausalLM": "GPTJConfig",
    "MptForCausalLM": "MptConfig",
    "MambaForCausalLM": "MambaConfig",
    "Llama4ForCausalLM": "Llama4TextConfig",
    "T5ForConditionalGeneration": "T5Config",
}


@pytest.mark.parametrize("architecture", REFUSED)
def test_an_architecture_that_does_not_fit_is_refused_by_name(architecture: str):
    config = getattr(transformers, REFUSED[architecture])(architectures=[architecture])
    with pytest.raises(UnsupportedModel, match=architecture):
        causal_class(config)
