"""Layers that compute one network, or many at once: a population's members.

A layer whose tensors have the shape of one member works as torch's own and has the same names in its `state_dict`.
One whose tensors carry a leading member dimension, as `torch.stack` makes it of many, takes inputs with that dimension
first. It reads which from its own tensors at every call.
"""

from torch import nn

from eksplora.model.activations import ACTIVATIONS

_PARTS = [part for make in ACTIVATIONS.values() for part in make().modules()]

TRANSPARENT = {
    *(nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ZeroPad2d),
    *(type(part) for part in _PARTS if not list(part.parameters())),
}
"""Torch's own modules that hold no tensors and treat every row and number alike, however many dimensions lead."""


def unaware(network: nn.Module) -> list[str]:
    """Names of the types in a network that cannot compute several members at once, in order; none: it can.

    A class of ours says `knows_members = True` in its own body: one derived from it must say so again, because it may
    compute something else.

    Examples:
        >>> unaware(nn.Sequential(nn.ReLU(), nn.LayerNorm(4), nn.Tanh()))
        ['LayerNorm']
    """
    kinds = dict.fromkeys(type(module) for module in network.modules())
    return [kind.__name__ for kind in kinds if kind not in TRANSPARENT and not vars(kind).get("knows_members", False)]
