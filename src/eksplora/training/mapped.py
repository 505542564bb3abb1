"""Networks of several members as one, where their layers know none: torch maps a member's forward pass over all.

Source: `torch.func.vmap` and `functional_call`, https://docs.pytorch.org/tutorials/intermediate/ensembling.html.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from eksplora.model.dropout import Dropout
from eksplora.model.members import unaware
from eksplora.training.stack import State, stacked

ROWS = 4
"""Rows of the step that is tried."""

TOLERANCE = 1e-3
"""Greatest difference of a number from that of the network alone, as a share of it: sums are in another order."""

NOISE = 1e-4
"""The same as a share of the largest gradient: one that is 0 by its formula is rounding, alone and together."""


class Mapped(nn.Module):
    """Inputs and outputs are (members, rows, ...); parameters and buffers have a leading dimension of members.

    Attributes:
        maps_members: Its layers are computed as those of one member, so they write no gradients by themselves.
        together: The networks' tensors, under the names of a network.
    """

    maps_members = True

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        """Take networks of equal structure; the first is taken apart."""
        super().__init__()
        self._alone = [copy.deepcopy(networks[0])]  # in a list: its tensors are only places for those of the members
        self.together = stacked(networks)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (members, rows, ...)."""
        alone, together = self._alone[0], self.together
        alone.train(together.training)
        pairs = zip(alone.modules(), together.modules(), strict=True)
        for own, given in pairs:
            if isinstance(own, Dropout) and isinstance(given, Dropout):
                own.first, own.every = given.first, given.every
        tensors = {**dict(together.named_parameters()), **dict(together.named_buffers())}

        def one(own: State, rows: Tensor) -> Any:
            return functional_call(alone, own, (rows,))

        outputs: Tensor = vmap(one, randomness="error")(tensors, x)
        return outputs

    def watch(self) -> list[str]:
        """Classes of the layers that are being computed, outermost first; what raises is the last one's."""
        entered: list[str] = []
        for layer in self._alone[0].modules():
            layer.register_forward_pre_hook(lambda layer, _: entered.append(type(layer).__name__))
            layer.register_forward_hook(lambda *_: entered.pop() and None)
        return entered

    def state_dict(self, *args: Any, **values: Any) -> State:  # type: ignore[override]  # torch has overloads
        """The tensors under the names of a network."""
        return self.together.state_dict(*args, **values)

    def load_state_dict(self, state_dict: Any, *args: Any, **values: Any) -> Any:
        """Take over what `state_dict` gave."""
        return self.together.load_state_dict(state_dict, *args, **values)


def joined(networks: Sequence[nn.Module]) -> nn.Module:
    """One network that computes all; a single one is returned as it is."""
    return Mapped(networks) if len(networks) > 1 and unaware(networks[0]) else stacked(networks)


def why_not(networks: Sequence[nn.Module], rows: Tensor) -> str:
    """Reason for which networks cannot be mapped; empty: they can.

    It is what torch says, with the layer that it says it of, or that a step gives other gradients than alone.

    Args:
        networks: Two of equal structure; they are not changed.
        rows: Features (rows, ...).
    """
    alone, together = [copy.deepcopy(one) for one in networks], Mapped([copy.deepcopy(one) for one in networks])
    entered = together.watch()
    try:
        outputs = together.train()(rows.expand(len(alone), *rows.shape))
        if not isinstance(outputs, Tensor):
            return f"it returns a {type(outputs).__name__}"
        outputs.square().sum().backward()  # type: ignore[no-untyped-call]
        for network in alone:
            network.train()(rows).square().sum().backward()
    except Exception as error:  # whatever torch cannot map: draws of its own, decisions by values, other libraries
        said = " ".join(str(error).split()).partition(". ")[0][:160] or type(error).__name__
        return f"torch cannot map {entered[-1]} over members: {said}" if entered else said
    for place, network in enumerate(alone):
        found, wanted = _changed(together.together), _changed(network)
        noise = NOISE * max((float(value.abs().max()) for value in wanted.values()), default=0.0)
        for name, value in wanted.items():
            if not torch.allclose(found[name][place], value, rtol=TOLERANCE, atol=noise, equal_nan=True):
                return f"{name} would be other than alone"
    return ""


def _changed(network: nn.Module) -> State:
    """Gradients and buffers after a step, by name."""
    gradients = {name: part.grad for name, part in network.named_parameters() if part.grad is not None}
    buffers = {name: one.detach() for name, one in network.named_buffers() if one.is_floating_point()}
    return {**gradients, **{name: one.nan_to_num(posinf=0.0, neginf=0.0) for name, one in buffers.items()}}
