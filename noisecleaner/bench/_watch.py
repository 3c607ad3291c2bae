"""What a piece of work multiplies, and what it holds in memory at a time."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

#: Kernels of attention that torch does not count -> their matrix products; the second makes some of the first's anew.
_ATTENTION = {
    "_scaled_dot_product_flash_attention_for_cpu": 2,
    "_scaled_dot_product_flash_attention_for_cpu_backward": 5,
}


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Counts multiplications, and the bytes that new tensors hold, in forward and backward pass.

    Args:
        kept: tensors that were there before, which do not count.

    Attributes:
        operations: multiplications and additions of matrix products and convolutions so far, as torch counts them.
        peak: the most bytes that new tensors held at a time.
    """

    def __init__(self, kept: list[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
        self.peak = self.operations = 0
        self._before = {_weak(tensor).cdata for tensor in kept}
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do what was asked for, and count what lives."""
        result = func(*args, **(kwargs or {}))
        self.operations += _operations(func.overloadpacket, args, kwargs or {}, result)
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, Tensor):
                self._hold(tensor)
        self._let_go()
        return result

    def _hold(self, tensor: Tensor) -> None:
        weak = _weak(tensor)
        if weak.cdata not in self._before:
            self._live[weak.cdata] = (weak, tensor.untyped_storage().nbytes())

    def _let_go(self) -> None:
        gone = [key for key, (weak, _) in self._live.items() if weak.expired()]  # type: ignore[no-untyped-call]
        for key in gone:
            del self._live[key]
        self.peak = max(self.peak, sum(size for _, size in self._live.values()))


def _operations(kernel: Any, args: Any, kwargs: Any, result: Any) -> int:
    """What a kernel multiplies and adds up."""
    products = _ATTENTION.get(kernel.__name__)
    if products is not None:
        query, key = args[products > 2 :][:2]
        return products * 2 * query.numel() * key.shape[-2]  # type: ignore[no-any-return]  # it is a number
    count = flop_registry.get(kernel)
    return 0 if count is None else int(count(*args, **kwargs, out_val=result))


def _weak(tensor: Tensor) -> StorageWeakRef:
    return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]  # likewise
