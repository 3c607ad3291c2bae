"""What a GPU would have to wait for, seen on the CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

#: They give the host a number, or make a tensor whose size depends on numbers.
_ASKING = {
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "unique_dim",
    "_unique2",
    "is_nonzero",
    "equal",
    "bincount",
}
#: What makes a tensor of the host's numbers.
_BRINGING = {"lift_fresh"}


class NoTransfers(TorchDispatchMode):
    """Fails where a step asks the device for a number, or brings it one from the host."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do what was asked for, unless it is a transfer."""
        name = func.overloadpacket.__name__
        # a mask as an index asks how many of its places are true; so does a repetition as often as a tensor says
        masked = name in {"index", "index_put", "index_put_"} and any(
            isinstance(i, Tensor) and i.dtype == torch.bool for i in args[1]
        )
        repeated = name == "repeat_interleave" and func._overloadname == "Tensor"
        if name in _ASKING | _BRINGING or masked or repeated:
            raise AssertionError(f"a step must not wait for the device, but it calls {name}")
        return func(*args, **(kwargs or {}))
