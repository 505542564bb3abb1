"""Attributes that a network may offer beside torch's interface.

None of it is needed: any `nn.Module` that maps rows to `num_outputs` numbers is trained, confirmed, measured and
explained. What is offered makes it faster (`knows_members`) or says what would otherwise be guessed (`output`).
"""

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
    """The layers of a network that have no layers inside, by name; an activation of ours is one, whatever it calls."""
    # `Elementwise` holds torch's module: both would be shown, with the same outputs.
    wrapped = {id(layer.function) for layer in network.modules() if isinstance(layer, Elementwise)}
    return [
        (name, layer)
        for name, layer in network.named_modules()
        if isinstance(layer, Elementwise) or not (list(layer.children()) or id(layer) in wrapped)
    ]


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
    hooks = [
        layer.register_forward_pre_hook(lambda layer, inputs: given.append(inputs[0]))
        for layer in _last_layers(network)
    ]
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
