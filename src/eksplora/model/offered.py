"""Attributes that a network may offer beside torch's interface.

None of it is needed: any `nn.Module` that maps rows to `num_outputs` numbers is trained, confirmed, measured and
explained. What is offered makes it faster (`knows_members`) or says what would otherwise be guessed (`output`).
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from eksplora.model.activations import Elementwise


@runtime_checkable
class HasOutput(Protocol):
    """A network that names its last layer.

    Attributes:
        output: What is given the last hidden units, (rows, units), and gives the outputs before their activation.
    """

    output: nn.Module


class KnowsMembers(Protocol):
    """A module that computes many members at once: see `eksplora.model.members`.

    Attributes:
        knows_members: True where inputs, outputs and tensors may have a leading dimension of members. Each class says
            it in its own body.
    """

    knows_members: bool


def layers(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a network that have no layers inside, by name; an activation of ours is one, whatever it calls.

    So is a layer whose weights are made of others (`torch.nn.utils.parametrizations`).
    """
    # `Elementwise` holds torch's module: both would be shown, with the same outputs.
    wrapped = {id(layer.function) for layer in network.modules() if isinstance(layer, Elementwise)}
    return [
        (name, layer)
        for name, layer in network.named_modules()
        if _MADE_OF not in name.split(".")
        and (
            isinstance(layer, Elementwise) or not ({*dict(layer.named_children())} - {_MADE_OF} or id(layer) in wrapped)
        )
    ]


_MADE_OF = "parametrizations"
"""Module in which torch keeps what a layer's weights are made of."""


def first_tensor(value: object) -> Tensor | None:
    """The first tensor of what a layer is given or puts out: a recurrent one has its states beside it."""
    if isinstance(value, Tensor):
        return value
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return next((found for found in map(first_tensor, inside) if found is not None), None)


def hidden_units(network: nn.Module, rows: Tensor) -> Tensor:
    """Inputs of the last layer of a network when rows pass through it.

    A network that names no last layer has as such the layer with weights that was called last.

    Args:
        network: Any network.
        rows: Its input.

    Raises:
        ValueError: If it calls no layer that has weights: it has no hidden units.
    """
    given: list[Tensor] = []

    def note(layer: nn.Module, inputs: object, named: object) -> None:
        tensor = first_tensor((inputs, named))
        given.extend([] if tensor is None else [tensor])

    hooks = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in _last_layers(network)]
    try:
        network(rows)
    finally:
        for hook in hooks:
            hook.remove()
    if not given:
        raise ValueError("the network calls no layer that has weights, so it has no hidden units")
    # The call that came last gives the outputs, whichever layer it was of.
    return given[-1]


def _last_layers(network: nn.Module) -> list[nn.Module]:
    """The layers of which the one called last is the last layer."""
    if isinstance(network, HasOutput) and isinstance(network.output, nn.Module):
        return [network.output]
    return [layer for _, layer in layers(network) if list(layer.parameters())]
