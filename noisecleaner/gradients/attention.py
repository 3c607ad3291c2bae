"""Attention: how it moves, and what larger functions of PyTorch consist of.

A rule of `forward.py` tells how the output of attention moves. `parts_of_…` stand for a function of PyTorch: they take
its arguments, and call functions that have rules; NotImplemented where they do not apply.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.gradients.tangents import Tangents

_Function = Callable[..., Any]
_aten = torch.ops.aten
#: Scores that are held at a time: a derivative needs them, which PyTorch's kernels of attention never write down.
_SCORES = 2**27


class _Options(NamedTuple):
    """What `scaled_dot_product_attention` takes behind query, key and value."""

    attn_mask: Tensor | None = None
    dropout_p: float = 0.0
    is_causal: bool = False
    scale: float | None = None
    enable_gqa: bool = False


class _Moving(NamedTuple):
    """Query, key and value [n, …, tokens, width], or their tangents, None where they stand still."""

    query: Tensor | None
    key: Tensor | None
    value: Tensor | None

    def rows(self, some: slice) -> _Moving:
        """Those of some rows of the batch."""
        return _Moving(*(None if t is None else t[some] for t in self))


def attention(
    tangents: Tangents, func: _Function, query: Tensor, key: Tensor, value: Tensor, *rest: Any, **named: Any
) -> Tensor:
    """`functional.scaled_dot_product_attention` of [n, ..., tokens, width].

    O = P V with P = softmax(S) and S = s Q K^T + mask moves by P' V + P V'.
    P' = P (S' - sum P S') is what the kernel for gradients of the softmax makes of S', as that matrix is symmetric.
    """
    options = _Options(*rest, **named)
    together = query.dim() == key.dim() == value.dim() > 2 and len(query) == len(key) == len(value)
    if options.enable_gqa or options.dropout_p or not together:
        return NotImplemented  # type: ignore[no-any-return]  # as Python wants it
    dmask = tangents.of(options.attn_mask)
    output: Tensor = func(query, key, value, *rest, **named)
    moving = _Moving(*(None if d is None else d.to(output.dtype) for d in map(tangents.of, (query, key, value))))
    with torch.no_grad(), torch.autocast(output.device.type, enabled=False):
        at = _Moving(*(t.to(output.dtype) for t in (query, key, value)))
        size = max(1, _SCORES * len(query) // (query.numel() // query.shape[-1] * key.shape[-2]))
        parts = []
        for first in range(0, len(query), size):
            some = slice(first, first + size)
            masks = (_rows(options.attn_mask, some, query), _rows(dmask, some, query))
            parts.append(_derivative(at.rows(some), moving.rows(some), masks=masks, options=options))
        return tangents.put(output, tangent=parts[0] if len(parts) == 1 else torch.cat(parts))


def _rows(mask: Tensor | None, some: slice, query: Tensor) -> Tensor | None:
    """A mask of some rows of a batch; one that has no rows of its own serves for all."""
    return mask if mask is None or mask.dim() < query.dim() or len(mask) == 1 else mask[some]


def _derivative(
    at: _Moving, moving: _Moving, *, masks: tuple[Tensor | None, Tensor | None], options: _Options
) -> Tensor:
    """P' V + P V' of some rows."""
    query, key, value = at
    assert query is not None  # noqa: S101  # all three are there
    assert key is not None  # noqa: S101  # likewise
    assert value is not None  # noqa: S101  # likewise
    scale = _scale(query, options)
    query = query * scale
    weights = _masked(query @ key.mT, masks[0], causal=options.is_causal).softmax(-1)
    scores = masks[1]
    if moving.query is not None:
        scores = _plus(scores, (moving.query * scale) @ key.mT)
    if moving.key is not None:
        scores = _plus(scores, query @ moving.key.mT)
    moved = None if moving.value is None else weights @ moving.value
    if scores is not None:
        scores = scores.to(weights.dtype).expand_as(weights)
        shifted = _aten._softmax_backward_data(scores, weights, -1, weights.dtype)
        moved = _plus(moved, shifted @ value)
    assert moved is not None  # noqa: S101  # a rule is asked where something moves
    return moved


def _scale(query: Tensor, options: _Options) -> float:
    return 1 / math.sqrt(query.shape[-1]) if options.scale is None else options.scale


def _plus(first: Tensor | None, second: Tensor) -> Tensor:
    return second if first is None else second.add_(first)


def _masked(scores: Tensor, mask: Tensor | None, *, causal: bool) -> Tensor:
    """Scores [..., queries, keys], with what must not be seen at minus infinity."""
    if causal:
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~seen, -math.inf)
    if mask is None:
        return scores
    return scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask.to(scores.dtype)


def parts_of_attention(query: Tensor, key: Tensor, value: Tensor, *rest: Any, **named: Any) -> Any:
    """`functional.scaled_dot_product_attention` of [n, ..., tokens, width], with dropout.

    The fused kernels keep its mask to themselves.
    """
    options = _Options(*rest, **named)
    if options.enable_gqa or not options.dropout_p:
        return NotImplemented
    scores = (query * _scale(query, options)) @ key.transpose(-2, -1)
    weights = _masked(scores, options.attn_mask, causal=options.is_causal).softmax(-1)
    return functional.dropout(weights, options.dropout_p) @ value


class _Block(NamedTuple):
    """What `functional.multi_head_attention_forward` takes behind query, key, value and width."""

    num_heads: int
    in_proj_weight: Tensor | None
    in_proj_bias: Tensor | None
    bias_k: Tensor | None
    bias_v: Tensor | None
    add_zero_attn: bool
    dropout_p: float
    out_proj_weight: Tensor
    out_proj_bias: Tensor | None
    training: bool = True
    key_padding_mask: Tensor | None = None
    need_weights: bool = True
    attn_mask: Tensor | None = None
    use_separate_proj_weight: bool = False
    q_proj_weight: Tensor | None = None
    k_proj_weight: Tensor | None = None
    v_proj_weight: Tensor | None = None
    static_k: Tensor | None = None
    static_v: Tensor | None = None
    average_attn_weights: bool = True
    is_causal: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether tokens look at each other, all of them, and nobody asks for the weights."""
        absent = (self.bias_k, self.bias_v, self.key_padding_mask, self.attn_mask, self.static_k, self.static_v)
        otherwise = self.add_zero_attn or self.need_weights or self.use_separate_proj_weight or self.is_causal
        return self.in_proj_weight is not None and not otherwise and all(part is None for part in absent)


def parts_of_block(query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, *rest: Any, **named: Any) -> Any:
    """`functional.multi_head_attention_forward` of tokens [tokens, n, width] that look at each other."""
    block = _Block(*rest, **named)
    if query.dim() != 3 or not (query is key is value and block.is_plain):
        return NotImplemented
    # samples first, as rules that weigh them want it
    joined = functional.linear(query.transpose(0, 1), block.in_proj_weight, block.in_proj_bias)  # type: ignore[arg-type]  # it is plain
    parts = joined.view(*joined.shape[:2], 3, block.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key, value = parts.unbind(0)
    dropped = block.dropout_p if block.training else 0.0
    seen = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropped)
    mixed = functional.linear(seen.transpose(1, 2).flatten(2), block.out_proj_weight, block.out_proj_bias)
    return mixed.transpose(0, 1), None


PARTS: dict[_Function, _Function] = {
    functional.scaled_dot_product_attention: parts_of_attention,
    functional.multi_head_attention_forward: parts_of_block,
}
