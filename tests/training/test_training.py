"""The fast forward pass against `transformers` with `peft`, and training that goes on where it stopped."""

from __future__ import annotations

import random

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from training.average import average
from training.base_model import with_adapter
from training.forward import Forward
from training.packing import Example, Row
from training.train import Recipe, Trainer


def tiny(dtype: torch.dtype = torch.float32) -> PeftModel:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=80, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, head_dim=8, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=2,
    )  # fmt: skip
    model = with_adapter(LlamaForCausalLM(config).to(dtype).requires_grad_(False), rank=4)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # begins as zero, which would hide mistakes
            nn.init.normal_(parameter, std=0.3)
    return model


def row(seed: int = 0) -> Row:
    rng = random.Random(seed)
    prefix = tuple(rng.randrange(80) for _ in range(7))
    alone = tuple(rng.randrange(80) for _ in range(5))
    return Row(
        tuple(
            Example(prefix, tuple(rng.randrange(80) for _ in range(n)), ((2, 4), (n - 3, n)), prompts)
            for n, prompts in ((9, ((), ())), (5, (alone, ())), (12, (alone[:3], alone)))
        )
    )


def plain_loss(model: PeftModel, row: Row) -> Tensor:
    """Each conversation alone, whole logits: slow and obvious."""
    total = torch.zeros(())
    for example in row.examples:
        ids = torch.tensor(example.prefix + example.ids)
        logits = model(input_ids=ids[None]).logits[0].float()
        for prompt, span in zip(example.alone, example.spans, strict=True):
            start, end = (len(example.prefix) + edge for edge in span)
            hard = end - 1 if prompt else start
            total = total + nn.functional.cross_entropy(logits[hard - 1 : end - 1], ids[hard:end], reduction="sum")
            if prompt:
                with torch.no_grad(), model.disable_adapter():
                    by_base = model(input_ids=torch.tensor([[*prompt, *ids[start : end - 1]]])).logits[0].float()
                written = nn.functional.one_hot(ids[start : end - 1], by_base.shape[-1])
                wanted = (by_base[len(prompt) - 1 : -1].softmax(-1) + written) / 2
                found = logits[start - 1 : end - 2].log_softmax(-1)
                total = total + nn.functional.kl_div(found, wanted, reduction="sum")
    return total


def gradients(model: PeftModel) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_a_packed_row_has_the_loss_and_gradients_of_its_conversations_one_by_one():
    model = tiny()
    expected = plain_loss(model, row())
    expected.backward()
    wanted = gradients(model)
    model.zero_grad()
    found = Forward(model).loss(row())
    found.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    assert wanted.keys() == gradients(model).keys()
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-3, atol=1e-4, msg=name)


def test_training_lowers_the_loss_and_leaves_the_base_alone():
    model = tiny(torch.bfloat16)
    frozen = {name: p.clone() for name, p in model.named_parameters() if not p.requires_grad}
    trainer = Trainer(model)
    losses = [trainer.learn([row()], 1e-2) for _ in range(30)]
    assert losses[-1] < losses[0] - 0.1  # the frozen head of a model this small allows little more
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            assert torch.equal(parameter, frozen[name])


def test_a_run_goes_on_from_its_checkpoint_as_if_it_had_not_stopped(tmp_path):
    whole, stopped = Trainer(tiny()), Trainer(tiny())
    for step in range(6):
        whole.learn([row(step)], 1e-3)
    for step in range(3):
        stopped.learn([row(step)], 1e-3)
    stopped.save(tmp_path)
    resumed = Trainer(tiny())
    resumed.load(tmp_path)
    assert resumed.step == 3
    for step in range(3, 6):
        resumed.learn([row(step)], 1e-3)
    after = dict(resumed.model.named_parameters())
    for name, parameter in whole.model.named_parameters():
        torch.testing.assert_close(after[name], parameter, msg=name)


def test_a_new_run_begins_from_an_adapter_that_was_saved(tmp_path):
    first, second = Trainer(tiny(torch.bfloat16)), Trainer(tiny(torch.bfloat16))
    for step in range(3):
        first.learn([row(step)], 1e-2)
    first.save(tmp_path)
    second.begin_from(tmp_path / "adapter")
    assert second.step == 0
    after = dict(second.model.named_parameters())
    assert all(torch.equal(after[name], parameter) for name, parameter in first.model.named_parameters())
    assert second.learn([row()], 1e-3) == pytest.approx(first.learn([row()], 1e-3), rel=1e-3)


def test_the_rate_rises_stays_and_falls():
    recipe = Recipe(steps=100, rate=1.0, warmup=10, decay=20, rows_a_step=1, row_tokens=100)
    assert recipe.rate_at(0) == pytest.approx(0.1)
    assert recipe.rate_at(50) == 1.0
    assert recipe.rate_at(90) == pytest.approx(0.5)
    assert recipe.rate_at(99) == pytest.approx(0.05)


def test_adapters_are_averaged_with_their_weights_and_others_are_refused(tmp_path):
    for name, value, rows in (("a", 1.0, 2), ("b", 4.0, 2), ("c", 1.0, 3)):
        (tmp_path / name).mkdir()
        save_file({"x": torch.full((rows, 2), value)}, tmp_path / name / "adapter_model.safetensors")
        (tmp_path / name / "adapter_config.json").write_text("{}")
    average({tmp_path / "a": 2.0, tmp_path / "b": 1.0}, tmp_path / "out")
    assert torch.equal(load_file(tmp_path / "out" / "adapter_model.safetensors")["x"], torch.full((2, 2), 2.0))
    assert (tmp_path / "out" / "adapter_config.json").is_file()
    with pytest.raises(ValueError, match="same matrices"):
        average({tmp_path / "a": 1.0, tmp_path / "c": 1.0}, tmp_path / "out")
