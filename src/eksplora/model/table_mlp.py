"""Multi-layer perceptron for tables: numbers as they are, categories of many values as vectors that are learned."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from eksplora.errors import ConfigError
from eksplora.model._embedding import Embedding, size_for
from eksplora.model._values import is_list, sizes
from eksplora.model.mlp import MLP
from eksplora.ranges import check_count, refusal


class TableMLP(nn.Module):
    """A multi-layer perceptron whose first layer takes columns of codes through embeddings, beside the other columns.

    Source: Guo and Berkhahn, "Entity embeddings of categorical variables", arXiv 1604.06737, 2016.

    Args:
        input_shape: Shape of one row; it is flattened.
        num_outputs: Numbers that come out per row.
        cardinalities: Columns of codes, each with the number of its codes: [[3, 120]]. Codes count from 0. Empty: all
            columns are numbers.
        embedding_size: Numbers of a code's vector; None: half as many as a column has codes, at most 50.
        hidden: As in `eksplora.model.mlp.MLP`: widths, activations, dropout, normalization.

    Raises:
        ConfigError: If a column is none of the row's or is named twice, or as `MLP`.

    Examples:
        >>> network = TableMLP(
        ...     input_shape=[3],
        ...     num_outputs=1,
        ...     cardinalities=[[1, 10]],
        ...     embedding_size=None,
        ...     widths=[8],
        ...     activation="relu",
        ...     output_activation="identity",
        ...     dropout=0.0,
        ... )
        >>> sum(p.numel() for p in network.parameters())  # 10 * 5 + (2 + 5) * 8 + 8 + 8 * 1 + 1
        123
    """

    knows_members = True

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        num_outputs: int,
        cardinalities: Sequence[Sequence[int]],
        embedding_size: int | None,
        **hidden: Any,
    ) -> None:
        super().__init__()
        width = prod(sizes(input_shape, "model.input_shape"))
        codes = _checked(cardinalities, width)
        if embedding_size is not None:
            check_count(embedding_size, "model.embedding_size", usual=8)
        self._codes = list(codes)
        self._numbers = [column for column in range(width) if column not in codes]
        vectors = {column: embedding_size or size_for(count) for column, count in codes.items()}
        self.embeddings = nn.ModuleList(Embedding(count, vectors[column]) for column, count in codes.items())
        inputs = len(self._numbers) + sum(vectors.values())
        self.layers = MLP(input_shape=[inputs], num_outputs=num_outputs, **hidden)

    @property
    def output(self) -> nn.Module:
        """The last layer."""
        return self.layers.output

    def forward(self, x: Tensor) -> Tensor:
        """Scores (rows, num_outputs) of rows (rows, *input_shape), or members of both."""
        x = x.flatten(self.layers.output.weight.dim() - 1)  # (rows, columns); of members (members, rows, columns)
        if not self._codes:
            return self.layers(x)  # type: ignore[no-any-return]
        pairs = zip(self.embeddings, self._codes, strict=True)
        vectors = [embedding(x[..., column]) for embedding, column in pairs]
        scores: Tensor = self.layers(torch.cat([x[..., self._numbers], *vectors], dim=-1))
        return scores


def _checked(cardinalities: object, width: int) -> dict[int, int]:
    """The number of codes of each column of codes, by the column's number.

    Raises:
        ConfigError: If they are not that.
    """
    key, found = "model.cardinalities", dict[int, int]()
    if not is_list(cardinalities):
        raise ConfigError(refusal(key, "a list of columns and their numbers of codes", cardinalities, "[[3,120]]"))
    for place, pair in enumerate(cardinalities):
        if not is_list(pair) or len(pair) != 2:
            raise ConfigError(refusal(f"{key}[{place}]", "a column and its number of codes", pair, "[3,120]"))
        column = check_count(pair[0], f"{key}[{place}][0]", least=0)
        if column >= width or column in found:
            why = "is named twice" if column in found else f"is none of the {width} columns of a row"
            raise ConfigError(f"{key}: column {column} {why}. Give each column of codes once, counted from 0.")
        found[column] = check_count(pair[1], f"{key}[{place}][1]")
    return found
