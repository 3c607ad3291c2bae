"""Which parameters v covers: all, the last block of the trunk and what follows, or the classifier."""

from __future__ import annotations

from torch import nn

from noisecleaner.networks.network import Network
from noisecleaner.settings import Layers


def covered(network: Network, layers: Layers) -> tuple[str, ...]:
    """Name the parameters that v covers.

    "last" is the classifier. "block" adds the last block of the trunk and what follows it: the last item, with a weight
    matrix, of the last sequence of modules (a residual block, a transformer's layer, or a lone layer).
    """
    names = [name for name, _ in network.named_parameters()]
    if layers == "exact":
        return tuple(names)
    head = [name for name in names if name.startswith("head.")]
    if layers == "last":
        return tuple(head)
    block = {id(parameter) for parameter in _last_block(network.trunk).parameters()}
    inside = [number for number, (_, p) in enumerate(network.named_parameters()) if id(p) in block]
    return tuple(names[inside[0] :]) if inside else tuple(head)


def _last_block(trunk: nn.Module) -> nn.Module:
    module, in_sequence = trunk, False
    while not in_sequence or isinstance(module, nn.Sequential):
        heavy = [child for child in module.children() if any(p.dim() > 1 for p in child.parameters())]
        if not heavy:
            break
        in_sequence = isinstance(module, nn.Sequential)
        module = heavy[-1]
    return module
