"""Draws that a seed decides, and shapes of lazy layers, for networks that are not made of eksplora's layers.

A network of eksplora's layers draws nothing but what it is given keys for. Others draw from torch's own generator:
first weights of layers that an initialization leaves alone, dropout, whatever else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from eksplora.model.dropout import Dropout


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let torch's generator of the CPU begin at a seed; afterwards it goes on as if nothing had been drawn."""
    before = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.default_generator.set_state(before)


def seed_step(seed: int, device: torch.device) -> None:
    """Let all that is drawn next be a function of a seed.

    `torch.manual_seed` does the same, but notes where it was called from: a millisecond, at every step.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def with_shapes(network: nn.Module, rows: Tensor) -> nn.Module:
    """The network, whose lazy layers (`nn.LazyLinear`) have got their shapes and first weights from some rows."""
    if any(is_lazy(tensor) for tensor in [*network.parameters(), *network.buffers()]):
        with torch.no_grad():
            network.eval()(rows)
        network.train()
    return network


def with_own_dropout(network: nn.Module) -> nn.Module:
    """The network, whose `nn.Dropout` layers draw by keys (`eksplora.model.dropout`): alike alone and among others.

    They hold no tensors that are saved, so weights keep their names, and a network that is served is torch's own.
    """
    for module in list(network.modules()):
        for name, layer in module.named_children():
            if type(layer) is nn.Dropout:
                setattr(module, name, Dropout(layer.p))
    return network
