"""The rules of sampling written down plainly: everything sorted, in float64."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.chat.detokenize import Detokenizer
from engine.chat.stop import StopStrings
from engine.request import Request, SamplingParams
from engine.sampling.sampler import Sampled, Sampler
from engine.sequence import Sequence
from tests.engine.toy import EOS, toy_tokenizer

TOKENIZER = toy_tokenizer()
SAMPLER = Sampler(TOKENIZER, (EOS,))


def sequence(params: SamplingParams, prompt: tuple[int, ...] = (1,), seed: int = 0, index: int = 0) -> Sequence:
    return Sequence(
        request=Request("r", prompt, params),
        index=index,
        arrival=0.0,
        detokenizer=Detokenizer(TOKENIZER),
        stops=StopStrings(()),
        sampling=SAMPLER.state(params, seed, index),
    )


def sample(logits: Tensor, params: SamplingParams, seed: int = 0) -> Sampled | None:
    return SAMPLER.sample(logits.clone()[None], [sequence(params, seed=seed)])[0]


def survivors(logits: Tensor, params: SamplingParams) -> NDArray[np.int64]:
    """Ids that may be drawn, ascending."""
    x = logits.double().numpy()
    weights = weights_of(logits, params)
    ids = np.lexsort((np.arange(len(x)), -x))
    ids = ids[x[ids] > -np.inf]
    if params.top_k:
        ids = ids[: params.top_k]
    if params.top_p < 1:
        before = weights[ids].cumsum() - weights[ids]
        inside = before < params.top_p * weights[ids].sum()
        inside[0] = True
        ids = ids[inside]
    if params.min_p:
        ids = ids[(weights[ids] > params.min_p) | (x[ids] == x.max())]
    return np.sort(ids)


def weights_of(logits: Tensor, params: SamplingParams) -> NDArray[np.float64]:
    x = logits.double().numpy()
    return np.exp((x - x.max()) / params.temperature)


def probabilities(logits: Tensor, params: SamplingParams) -> NDArray[np.float64]:
    """(vocab,) of the draw."""
    ids = survivors(logits, params)
    result = np.zeros(len(logits))
    result[ids] = weights_of(logits, params)[ids]
    return result / result.sum()


def bell_curve(vocab: int, seed: int, spread: float = 3.0) -> Tensor:
    return spread * torch.randn(vocab, generator=torch.Generator().manual_seed(seed))
