from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.embedding import EmbeddingModel, _find
from engine.errors import CorruptModel, ModelNotFound, UnsupportedModel


@pytest.fixture(scope="module")
def minilm() -> EmbeddingModel:
    return EmbeddingModel.load("minilm")


def test_vectors_are_unit_length_and_meaning_decides_their_distance(minilm):
    vectors = minilm.embed(["A cat sleeps on the sofa.", "The kitten naps on a couch.", "Stocks fell on Monday."])
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors[0] @ vectors[1] > 0.5 > 0.2 > vectors[0] @ vectors[2]


def test_a_text_has_the_same_vector_alone_and_in_a_batch_of_other_lengths(minilm):
    texts = [f"word {n} " * (1 + n) for n in range(8)]
    together = minilm.embed(texts)
    np.testing.assert_allclose(minilm.embed(texts[3:4])[0], together[3], atol=1e-5)


def test_text_beyond_the_limit_is_ignored_and_nothing_gives_nothing(minilm):
    start = "lighthouse " * 300
    np.testing.assert_allclose(minilm.embed([start]), minilm.embed([start + "stock market " * 50]), atol=1e-6)
    assert len(minilm.embed([])) == 0


def add_dense(folder, name: str, weight: torch.Tensor, activation: str) -> dict[str, str]:
    (folder / name).mkdir()
    save_file({"linear.weight": weight}, folder / name / "model.safetensors")
    (folder / name / "config.json").write_text(json.dumps({"activation_function": activation}))
    return {"path": name, "type": "sentence_transformers.models.Dense"}


@pytest.fixture
def copied(tmp_path):
    """The MiniLM folder as links, to change parts of it."""
    for entry in _find("minilm").iterdir():
        if entry.name != "modules.json":
            (tmp_path / entry.name).symlink_to(entry)
    return tmp_path


def test_dense_layers_and_prompts_of_a_folder_are_applied(copied, minilm):
    weight = torch.randn(8, 384, generator=torch.Generator().manual_seed(0))
    first = add_dense(copied, "2_Dense", weight, "torch.nn.modules.linear.Identity")
    second = add_dense(copied, "3_Dense", torch.eye(8) * 3, "torch.nn.modules.activation.Tanh")
    (copied / "modules.json").write_text(json.dumps([first, second]))
    (copied / "config_sentence_transformers.json").unlink()
    (copied / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "query: "}}))
    model = EmbeddingModel.load(str(copied))

    vector = model.embed(["a cat"], "query")
    np.testing.assert_allclose(vector, model.embed(["query: a cat"]), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vector, axis=1), 1, rtol=1e-5)
    # without the last layer the map is linear, so MiniLM's own unit vectors give the same directions
    (copied / "modules.json").write_text(json.dumps([first]))
    linear = EmbeddingModel.load(str(copied)).embed(["a cat"], "query")
    expected = minilm.embed(["query: a cat"]) @ weight.numpy().T
    np.testing.assert_allclose(linear, expected / np.linalg.norm(expected), atol=1e-5)
    assert not np.allclose(vector, linear, atol=1e-3)


def test_a_layer_that_is_not_known_is_refused(copied):
    module = add_dense(copied, "2_Dense", torch.eye(384), "torch.nn.modules.activation.Mish")
    (copied / "modules.json").write_text(json.dumps([module]))
    with pytest.raises(UnsupportedModel, match="'Mish'"):
        EmbeddingModel.load(str(copied))


def test_a_folder_that_is_no_model_and_a_name_nobody_has_are_said(tmp_path):
    with pytest.raises(CorruptModel, match="not a whole embedding model"):
        EmbeddingModel.load(str(tmp_path))
    with pytest.raises(ModelNotFound, match="'nobody/nothing'"):
        EmbeddingModel.load("nobody/nothing")
