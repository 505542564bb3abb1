"""A network as a table of its layers: shapes, parameters, work, and how much of an image a number has seen."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from eksplora.model.activations import Elementwise
from eksplora.model.offered import first_tensor, layers
from eksplora.records.architecture import ArchitectureRecord, LayerRecord

_UNSEEN = (nn.Identity, nn.Sequential, nn.ModuleList)
"""Modules without children that do nothing: an identity skip, say."""
_WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


@dataclass(frozen=True)
class Field:
    """Receptive field: the inputs that a number of a feature map depends on.

    Attributes:
        size: Height and width of the part of the image, in pixels.
        step: Pixels of the image between neighbours of the map, down and across.
    """

    size: tuple[int, int] = (1, 1)
    step: tuple[int, int] = (1, 1)

    def through(self, layer: nn.Module) -> "Field":
        """The field after a layer: size + (kernel - 1) * dilation * step, and step * stride, in each direction.

        Padding moves fields and leaves them as large. Source: Araujo, Norris and Sim, "Computing receptive fields of
        convolutional neural networks", Distill, 2019, equation 2.
        """
        if not isinstance(layer, _WINDOWS):
            return self
        kernel, stride = _both(layer.kernel_size), _both(layer.stride)
        dilation = _both(getattr(layer, "dilation", 1))
        reach = [(own - 1) * apart * step for own, apart, step in zip(kernel, dilation, self.step, strict=True)]
        return Field(
            size=(self.size[0] + reach[0], self.size[1] + reach[1]),
            step=(self.step[0] * stride[0], self.step[1] * stride[1]),
        )


def _both(value: Any) -> tuple[int, int]:
    """A number for height and width, or one of each."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


class _Tracer:
    """Writes down the layers that rows go through, in the order in which they are called."""

    def __init__(self, network: nn.Module) -> None:
        """Listen to the layers of a network."""
        self.layers: list[LayerRecord] = []
        self._fields: dict[int, tuple[Tensor, Field]] = {}  # the tensors are kept so that their ids stay theirs
        self._largest = Field()
        for name, layer in layers(network):
            if isinstance(layer, _UNSEEN):
                continue
            layer.register_forward_hook(
                lambda layer, given, named, y, name=name: self._note(name, layer, (given, named), y), with_kwargs=True
            )

    def _note(self, name: str, layer: nn.Module, given: object, put_out: object) -> None:
        """Add a layer, called `name`, that made its output of what it was given."""
        x, y = first_tensor(given), first_tensor(put_out)
        if x is None or y is None:
            return
        own = layer.function if isinstance(layer, Elementwise) else layer
        is_map = y.dim() == 4
        self.layers.append(
            LayerRecord(
                name=name,
                kind=type(own).__name__,
                output=_shape(y.shape[1:]),
                parameters=sum(parameter.numel() for parameter in layer.parameters()),
                multiply_adds=_multiply_adds(layer, y),
                receptive_field=_shape(self._seen(x, y, layer).size) if is_map else "",
            )
        )

    def _seen(self, x: Tensor, y: Tensor, layer: nn.Module) -> Field:
        """The field of y. What no layer put out is a sum of branches: it has seen as much as the one that saw most."""
        _, before = self._fields.get(id(x), (x, self._largest))
        field = before.through(layer)
        self._fields[id(y)] = y, field
        self._largest = max(self._largest, field, key=lambda one: one.size)
        return field


def _multiply_adds(layer: nn.Module, y: Tensor) -> int:
    """Products that are summed up for one row, of linear maps and convolutions."""
    if isinstance(layer, nn.Linear):
        return y[0].numel() * layer.in_features
    if isinstance(layer, nn.Conv2d):
        return y[0].numel() * layer.weight[0].numel()
    return 0


def _shape(sizes: Sequence[int]) -> str:
    return " x ".join(str(size) for size in sizes)


def architecture(network: nn.Module, example: Tensor) -> ArchitectureRecord:
    """The layers of a network, from one pass of an example through a copy of it.

    Args:
        network: Of `eksplora.model`, or of torch's own layers; of one member.
        example: One row as the network takes it, (*shape).

    Returns:
        A line for each layer. What is no layer (a sum of branches, a mean over pixels, flattening) has none;
        element-wise work and pooling are left out of the multiply-adds.
    """
    twin = copy.deepcopy(network).eval()  # hooks and the mode stay with the copy
    tracer = _Tracer(twin)
    with torch.no_grad():  # layers that write their own gradients are called as one, and not by name, otherwise
        twin(example.unsqueeze(0))
    return ArchitectureRecord(
        layers=tracer.layers,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        multiply_adds=sum(layer.multiply_adds for layer in tracer.layers),
        input=_shape(example.shape),
    )
