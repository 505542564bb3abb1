"""Observers of a training while it runs.

Views are read-only and valid during the call: their tensors are those of the training, which overwrites them. A
training that nobody looks at pays nothing, and one that is looked at gives the same bits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from eksplora.model.offered import first_tensor, layers
from eksplora.types import EpochReport


@dataclass(frozen=True)
class StepView:
    """An optimizer step after its backward pass, before penalties, clipping and the update.

    Attributes:
        step: Its number, from 0 over all epochs.
        members: Trial and member of each that trains, in the order of all that follows.
        losses: Mean loss of each member's batch, (members,).
    """

    step: int
    members: Sequence[tuple[int, int]]
    losses: Tensor
    _network: nn.Module
    _parts: Sequence[tuple[slice, Mapping[str, Tensor]]]
    _is_stacked: bool

    def weights(self, index: int) -> dict[str, Tensor]:
        """A member's parameters by name, in the shapes of its own network."""
        return {name: self._own(value.detach(), index) for name, value in self._network.named_parameters()}

    def gradients(self, index: int) -> dict[str, Tensor]:
        """The gradient of a member's loss by the parameter's name; parameters that do not train have none."""
        known = {name: value.grad for name, value in self._network.named_parameters()}
        return {name: self._own(grad, index) for name, grad in known.items() if grad is not None}

    def activations(self, index: int) -> dict[str, Tensor]:
        """Outputs of each leaf layer for a member's batch, by name, (rows, ...)."""
        outputs, first = next((found, part.start) for part, found in self._parts if part.start <= index < part.stop)
        return {name: self._own(output, index - first) for name, output in outputs.items()}

    def _own(self, value: Tensor, index: int) -> Tensor:
        return value[index] if self._is_stacked else value


class Observer(Protocol):
    """Looks at a training."""

    def on_step(self, view: StepView) -> None:
        """Called once per optimizer step."""

    def on_epoch(self, reports: Sequence[EpochReport]) -> None:
        """Called at the end of an epoch with the metrics of every member that trained in it."""


class Recorder:
    """Holds what the layers of a network put out, from one forward pass to the next."""

    def __init__(self, network: nn.Module) -> None:
        """Listen to the layers that have no layers inside."""
        self._outputs: dict[str, Tensor] = {}
        for name, layer in layers(network):
            # `name=name` binds now; a plain closure would see the last name only.
            layer.register_forward_hook(lambda layer, given, output, name=name: self._note(name, output))

    def _note(self, name: str, output: object) -> None:
        tensor = first_tensor(output)
        if tensor is not None:
            self._outputs[name] = tensor.detach()

    def take(self) -> dict[str, Tensor]:
        """Outputs since the last call."""
        outputs, self._outputs = self._outputs, {}
        return outputs
