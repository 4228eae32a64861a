"""The model's forward pass for training, written for few passes over memory on processors.

Against `transformers` with `peft`: projections that share their input are one product, adapters are added into its
result, gradients of frozen weights are never made, and every conversation of a row attends only to what it sees.
`tests/training/test_training.py` holds both to the same gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional

from training.packing import Row

BLOCK = 256
"""Queries of a conversation that meet keys together: what lies behind them is not computed."""
AT_ONCE = 128
"""Rows of logits."""


class _Norm(torch.autograd.Function):
    """x / rms(x) * weight, in f32 inside."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        wide = x.float()
        inverse = torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(x, weight, inverse)
        return (wide * inverse).to(x.dtype) * weight

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        x, weight, inverse = ctx.saved_tensors
        normed, inner = x.float() * inverse, (gradient * weight).float()
        along = (inner * normed).mean(-1, keepdim=True)
        return ((inner - normed * along) * inverse).to(x.dtype), None, None


class _Adapted(torch.autograd.Function):
    """x W' + (x A') B': W is frozen."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, down: Tensor, up: Tensor) -> Tensor:
        narrow = x @ down.T
        ctx.save_for_backward(x, weight, down, up, narrow)
        return (x @ weight.T).addmm_(narrow, up.T)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        x, weight, down, up, narrow = ctx.saved_tensors
        back = gradient @ up
        to_x = (gradient @ weight).addmm_(back, down) if ctx.needs_input_grad[0] else None
        return to_x, None, back.T @ x, gradient.T @ narrow


class _Rotated(torch.autograd.Function):
    """Rotary positions on (T, heads, D)."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _rotate(x, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        cos, sin = ctx.saved_tensors
        return _rotate(gradient, cos, -sin), None, None


class _Gated(torch.autograd.Function):
    """silu(gate) * up of (T, 2 I)."""

    @staticmethod
    def forward(ctx: FunctionCtx, both: Tensor) -> Tensor:
        ctx.save_for_backward(both)
        gate, up = both.chunk(2, dim=-1)
        return functional.silu(gate).mul_(up)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        (both,) = ctx.saved_tensors
        gate, up = both.chunk(2, dim=-1)
        out = torch.empty_like(both)
        to_gate, to_up = out.chunk(2, dim=-1)
        torch.mul(gradient, functional.silu(gate), out=to_up)
        to_gate.copy_(torch.ops.aten.silu_backward(gradient * up, gate))
        return out


class _Attended(torch.autograd.Function):
    """softmax(q k' / √D) v of (H, R, D), (H, K, D) and (H, K, D). `hidden` (R, L) is -inf where a row does not see one of the last L keys."""

    @staticmethod
    def forward(ctx: FunctionCtx, q: Tensor, k: Tensor, v: Tensor, hidden: Tensor) -> Tensor:
        scale = q.shape[-1] ** -0.5
        weights = torch.bmm(q * scale, k.transpose(1, 2))
        weights[..., -hidden.shape[1] :] += hidden
        weights = weights.softmax(-1)
        seen = torch.bmm(weights, v)
        ctx.save_for_backward(q, k, v, weights, seen)
        return seen

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        q, k, v, weights, seen = ctx.saved_tensors
        scale = q.shape[-1] ** -0.5
        to_v = torch.bmm(weights.transpose(1, 2), gradient)
        along = (gradient * seen).sum(-1, keepdim=True)
        to_scores = torch.bmm(gradient, v.transpose(1, 2)).sub_(along).mul_(weights)
        to_q, to_k = torch.bmm(to_scores, k).mul_(scale), torch.bmm(to_scores.transpose(1, 2), q).mul_(scale)
        return to_q, to_k, to_v, None


class _HeadLoss(torch.autograd.Function):
    """A loss of x (N, hidden) behind the head, whose gradient the forward pass has made already: logits are large."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        (to_x,) = ctx.saved_tensors
        return to_x * gradient, *[None] * (len(ctx.needs_input_grad) - 1)


class _CrossEntropy(_HeadLoss):
    """Summed over rows of x (N, hidden) and the head (vocabulary, hidden), some rows at a time: logits are large."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        loss, gradients = torch.zeros(()), []
        for rows, wanted in zip(x.split(AT_ONCE), targets.split(AT_ONCE), strict=True):
            logits = (rows @ head.T).float()
            largest = logits.amax(-1, keepdim=True)
            right = logits.gather(1, wanted[:, None])
            shares = logits.sub_(largest).exp_()
            total = shares.sum(-1, keepdim=True)
            loss += (total.log() + largest - right).sum()
            shares /= total
            shares[torch.arange(len(wanted)), wanted] -= 1
            gradients.append(shares.to(x.dtype) @ head)
        ctx.save_for_backward(torch.cat(gradients))
        return loss


class _Unlikeness(_HeadLoss):
    """Kullback-Leibler divergence of what x (N, hidden) says from half what y (N, hidden) says and half `written`, summed."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, y: Tensor, written: Tensor, head: Tensor) -> Tensor:
        loss, gradients = torch.zeros(()), []
        for rows, theirs, tokens in zip(x.split(AT_ONCE), y.split(AT_ONCE), written.split(AT_ONCE), strict=True):
            found = (rows @ head.T).float().log_softmax(-1)
            wanted = (theirs @ head.T).float().softmax(-1).mul_(0.5)
            wanted[torch.arange(len(tokens)), tokens] += 0.5
            loss += (torch.xlogy(wanted, wanted) - wanted * found).sum()
            gradients.append(found.exp_().sub_(wanted).to(x.dtype) @ head)
        ctx.save_for_backward(torch.cat(gradients))
        return loss


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


@dataclass(frozen=True, slots=True)
class _Group:
    """Linear layers with the same input as one: their frozen weights stacked, and the adapter matrices of each."""

    weight: Tensor
    down: tuple[Tensor, ...]
    up: tuple[Tensor, ...]
    scale: float

    @classmethod
    def of(cls, layers: Sequence[nn.Module]) -> _Group:
        weight = torch.cat([layer.base_layer.weight for layer in layers])
        down = tuple(layer.lora_A["default"].weight for layer in layers)
        up = tuple(layer.lora_B["default"].weight for layer in layers)
        return cls(weight, down, up, layers[0].scaling["default"])

    def __call__(self, x: Tensor, adapted: bool) -> Tensor:
        if not adapted:
            return x @ self.weight.T
        down = torch.cat(self.down) if len(self.down) > 1 else self.down[0]
        up = torch.block_diag(*self.up) if len(self.up) > 1 else self.up[0]
        return _Adapted.apply(x, self.weight, down, up * self.scale)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class _Layer:
    norm_before: Tensor
    qkv: _Group
    out: _Group
    norm_after: Tensor
    gate_up: _Group
    down: _Group


class Forward:
    """Hidden states of rows, with the adapter of a `peft` model whose base is a Llama."""

    def __init__(self, model: PeftModel) -> None:
        llama = model.get_base_model()
        config = llama.config
        self._heads, self._kv_heads, self._eps = (
            config.num_attention_heads,
            config.num_key_value_heads,
            config.rms_norm_eps,
        )
        self._dim = config.head_dim
        self._embedding, self._norm, self._head = (
            llama.model.embed_tokens.weight,
            llama.model.norm.weight,
            llama.lm_head.weight,
        )
        self._rotary = llama.model.rotary_emb
        self._layers = [
            _Layer(
                layer.input_layernorm.weight,
                _Group.of([layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj]),
                _Group.of([layer.self_attn.o_proj]),
                layer.post_attention_layernorm.weight,
                _Group.of([layer.mlp.gate_proj, layer.mlp.up_proj]),
                _Group.of([layer.mlp.down_proj]),
            )
            for layer in llama.model.layers
        ]

    def loss(self, row: Row) -> Tensor:
        """Summed over the tokens to learn: cross entropy, and for those of the base model how unlike it the model is.

        What it says without adapter to the bare question is what is to be said with it, among tools: half its
        probabilities, which tell more than one token (Hinton et al. 2015, arXiv:1503.02531), and half the token that
        it wrote, which was chosen: where answers often go astray none of these does.
        """
        states, targets = self._states(row, adapted=True)
        which, alone = row.by_base()
        loss = _CrossEntropy.apply(states[~which], self._head, targets[~which])
        if alone is not None:
            with torch.no_grad():
                theirs, written = self._states(alone, adapted=False)
            loss = loss + _Unlikeness.apply(states[which], theirs, written, self._head)
        return loss  # type: ignore[no-any-return]

    def _states(self, row: Row, *, adapted: bool) -> tuple[Tensor, Tensor]:
        """What the head makes a token to learn of (N, hidden), and that token (N)."""
        ids, positions, places, targets = row.tokens_and_targets()
        x = self._embedding[ids]
        cos, sin = self._angles(positions, x)
        sizes = [len(row.examples[0].prefix), *(len(example.ids) for example in row.examples)]
        hidden = torch.full((BLOCK, BLOCK), -torch.inf, dtype=x.dtype).triu(1)
        for layer in self._layers:
            qkv = layer.qkv(_Norm.apply(x, layer.norm_before, self._eps), adapted)
            x = x + layer.out(self._attention(qkv, cos, sin, sizes, hidden), adapted)
            gated = _Gated.apply(layer.gate_up(_Norm.apply(x, layer.norm_after, self._eps), adapted))
            x = x + layer.down(gated, adapted)
        return _Norm.apply(x[places], self._norm, self._eps), targets

    def _angles(self, positions: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        cos, sin = self._rotary(x[None], positions[None])
        half = self._dim // 2
        return cos[0, :, None, :half], sin[0, :, None, :half]

    def _attention(self, qkv: Tensor, cos: Tensor, sin: Tensor, sizes: list[int], hidden: Tensor) -> Tensor:
        """(T, heads of q, k and v) → (T, heads of q). The query heads of one key head are rows of one matrix."""
        heads, kv_heads, dim = self._heads, self._kv_heads, self._dim
        group = heads // kv_heads
        shaped = qkv.view(len(qkv), heads + 2 * kv_heads, dim)
        rotated, value = _Rotated.apply(shaped[:, : heads + kv_heads], cos, sin), shaped[:, heads + kv_heads :]
        query, key = rotated.split((heads, kv_heads), dim=1)
        results: list[Tensor] = []
        first: tuple[Tensor, ...] = ()
        for q, own_key, own_value in zip(query.split(sizes), key.split(sizes), value.split(sizes), strict=True):
            keys, values = own_key.transpose(0, 1), own_value.transpose(0, 1)
            before = 0
            if first:
                before = first[0].shape[1]
                keys, values = torch.cat((first[0], keys), 1), torch.cat((first[1], values), 1)
            else:
                first = (keys, values)
            for start in range(0, len(q), BLOCK):
                part = q[start : start + BLOCK]
                size = len(part)
                end = before + start + size
                rows = part.unflatten(1, (kv_heads, group)).permute(1, 2, 0, 3).reshape(kv_heads, -1, dim)
                unseen = hidden[:size, :size].repeat(group, 1)
                seen = _Attended.apply(rows, keys[:, :end], values[:, :end], unseen)
                results.append(seen.unflatten(1, (group, -1)).permute(2, 0, 1, 3).reshape(-1, heads * dim))
        return torch.cat(results)
