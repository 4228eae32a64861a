"""Greedy replies of the default model beside `transformers` on the same, dequantised weights.

    python bench/parity.py [--tokens 64] [--dtype f32|auto|bf16] [--adapter FOLDER|random]

Reports for each of the prompts where the two part, if they do, and how far apart the two best logits were there: a
tiny gap means rounding decided, a large one means an error. Dequantisation and name mapping of the reference side are
done here with the `gguf` package, not with our loader. With an adapter, every second prompt is answered with it, in the
same batch, and `peft` applies it on the reference's side.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import nullcontext
from pathlib import Path

import gguf
import torch
from adapters import write_random_adapter
from models import built_in_model
from peft import PeftModel
from transformers import LlamaConfig, LlamaForCausalLM

from engine.engine import Engine
from engine.loading.source import resolve
from engine.loading.tokenizer import load_tokenizer
from engine.options import ModelOptions
from engine.plan import build_engine
from engine.request import Request, SamplingParams

PROMPTS = [
    "What is the capital of France?", "Write a haiku about the sea.", "Explain photosynthesis to a child.",
    "List five prime numbers.", "Who wrote Hamlet?", "Translate 'good morning' to Spanish.", "What is 12 times 9?",
    "Give me a recipe for pancakes.", "Why is the sky blue?", "Name three European rivers.",
    "Write a Python function that reverses a string.", "What does HTTP stand for?", "Tell me a story about a fox.",
    "How do vaccines work?", "What is the largest planet?", "Summarise the water cycle in two sentences.",
    "Suggest a name for a bakery.", "What is the difference between a virus and a bacterium?",
    "How many days are in a leap year?", "Describe the colour red to someone who cannot see.",
    "What is a black hole?", "Write an email asking for a day off.", "What are the benefits of exercise?",
    "Convert 10 kilometres to miles.",
]  # fmt: skip


def reference_model() -> LlamaForCausalLM:
    """SmolLM2 in `transformers`, float32, from the GGUF file's dequantised tensors."""
    reader = built_in_model()
    field = {name: value.contents() for name, value in reader.fields.items()}
    heads, kv_heads = field["llama.attention.head_count"], field["llama.attention.head_count_kv"]
    config = LlamaConfig(
        vocab_size=field["llama.vocab_size"],
        hidden_size=field["llama.embedding_length"],
        intermediate_size=field["llama.feed_forward_length"],
        num_hidden_layers=field["llama.block_count"],
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=field["llama.context_length"],
        rms_norm_eps=field["llama.attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_type": "default", "rope_theta": field["llama.rope.freq_base"]},
        tie_word_embeddings=True,
    )
    names = {
        "token_embd": "model.embed_tokens", "output_norm": "model.norm", "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    }  # fmt: skip
    state: dict[str, torch.Tensor] = {}
    for tensor in reader.tensors:
        weight = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy())
        *layer, part, _ = tensor.name.split(".")
        rotated = {"attn_q": heads, "attn_k": kv_heads}.get(part)
        if rotated:  # GGUF interleaves the two halves that RoPE rotates
            weight = weight.view(rotated, -1, 2, weight.shape[-1]).transpose(1, 2).reshape(weight.shape)
        prefix = f"model.layers.{layer[1]}." if layer else ""
        state[f"{prefix}{names[part]}.weight"] = weight
    model = LlamaForCausalLM(config)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and missing == ["lm_head.weight"], (missing, unexpected)
    model.tie_weights()
    return model.eval()


def greedy(engine: Engine, prompts: list[tuple[int, ...]], count: int, adapter: str | None) -> list[list[int]]:
    """Our replies, all prompts batched together, every second one with the adapter."""
    sampling = SamplingParams(temperature=0.0, max_tokens=count, ignore_eos=True)
    for i, prompt in enumerate(prompts):
        engine.add(Request(str(i), prompt, sampling, adapter=adapter if i % 2 else None))
    replies: list[list[int]] = [[] for _ in prompts]
    while engine.has_work:
        for delta in engine.step():
            replies[int(delta.request_id)] += delta.token_ids
    return replies


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--dtype", default="f32", choices=("auto", "f32", "bf16"))
    parser.add_argument("--adapter", help="a PEFT folder, or `random`")
    given = parser.parse_args()
    options = ModelOptions(dtype=given.dtype)
    source = resolve(options, print)
    engine, _ = build_engine(options, source, print)
    reference: torch.nn.Module = reference_model()
    without = nullcontext
    if given.adapter:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(given.adapter)
            if given.adapter == "random":
                folder = Path(scratch) / "adapter"
                write_random_adapter(folder, engine.adapters.modules(), rank=16, seed=0)
            engine.adapters.load("adapter", folder)
            reference = PeftModel.from_pretrained(reference, str(folder)).eval()
            without = reference.disable_adapter
    tokenizer = load_tokenizer(source)
    prompts = [
        tuple(
            tokenizer.encode(f"<|im_start|>user\n{p}<|im_end|>\n<|im_start|>assistant\n", add_special_tokens=False).ids
        )
        for p in PROMPTS
    ]
    ours = greedy(engine, prompts, given.tokens, "adapter" if given.adapter else None)
    equal = 0
    for i, (text, prompt, reply) in enumerate(zip(PROMPTS, prompts, ours, strict=True)):
        # teacher forcing: one pass gives the reference's choice after every prefix of our reply
        with nullcontext() if i % 2 else without():
            logits = reference(torch.tensor([prompt + tuple(reply)])).logits[0, len(prompt) - 1 : -1]
        part = next(
            (i for i, (row, token) in enumerate(zip(logits, reply, strict=True)) if int(row.argmax()) != token), None
        )
        if part is None:
            equal += 1
            continue
        best = logits[part].topk(2).values
        print(f"parts at token {part + 1} of {len(reply)}, gap of the two best logits {best[0] - best[1]:.4f}: {text}")
    print(f"{equal} of {len(prompts)} replies of {given.tokens} tokens equal ({given.dtype})")


if __name__ == "__main__":
    main()
