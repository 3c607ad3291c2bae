"""What is counted is what torch multiplies and holds."""

from __future__ import annotations

import torch

from noisecleaner.bench._watch import Watch


def test_a_product_is_counted_forward_and_back() -> None:
    left, right = torch.rand(3, 4), torch.rand(4, 5, requires_grad=True)
    with Watch([left, right]) as seen:
        (left @ right).sum().backward()
    assert seen.operations == 2 * (2 * 3 * 4 * 5)  # a multiplication and an addition each; left asks for no gradient


def test_the_peak_is_what_lives_at_a_time() -> None:
    before = torch.zeros(1_000)
    with Watch([before]) as seen:
        for _ in range(5):
            once = before + 1  # 4,000 bytes; the last one goes as the next has been made
        del once
        before.add_(1)  # new storage is none
    assert seen.peak == 2 * 4_000


def test_attention_on_the_cpu_is_counted_though_torch_leaves_it_out() -> None:
    query, key, value = (torch.rand(2, 3, 4, 8, requires_grad=True) for _ in range(3))
    with Watch([query, key, value]) as forward:
        seen = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    with Watch([query, key, value]) as backward:
        torch.autograd.backward(seen.sum())
    product = 2 * (2 * 3 * 4 * 4 * 8)
    assert (forward.operations, backward.operations) == (2 * product, 5 * product)
