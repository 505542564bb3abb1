"""Record of a network's layers."""

from dataclasses import dataclass

from eksplora.records.record import Record


@dataclass(frozen=True, kw_only=True)
class LayerRecord(Record):
    """A layer.

    Attributes:
        name: Its path in the network.
        kind: Its class.
        output: The shape for one row, such as `32 x 8 x 8`.
        parameters: Their number.
        multiply_adds: Of linear maps and convolutions, for one row.
        receptive_field: Pixels that a number of a feature map depends on, such as `5 x 5`; empty where there are none.
    """

    name: str
    kind: str
    output: str
    parameters: int
    multiply_adds: int
    receptive_field: str


@dataclass(frozen=True, kw_only=True)
class ArchitectureRecord(Record):
    """The layers in the order in which they are called, their sums, and the shape of one row."""

    layers: list[LayerRecord]
    parameters: int
    multiply_adds: int
    input: str
