"""A network for tables: its embeddings against torch's own, alone and as members of a population."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from stacking import assert_members_stand_for_themselves
from torch import Tensor, nn

from eksplora.errors import ConfigError
from eksplora.model._embedding import Embedding, size_for
from eksplora.model.members import unaware
from eksplora.model.mlp import MLP
from eksplora.model.table_mlp import TableMLP

HIDDEN: Mapping[str, Any] = {"widths": [8], "activation": "tanh", "output_activation": "identity", "dropout": 0.0}
CODES = [[1, 6], [3, 9]]


def network(**changes: Any) -> TableMLP:
    values = {"input_shape": [5], "num_outputs": 2, "cardinalities": CODES, "embedding_size": None, **HIDDEN}
    made = TableMLP(**{**values, **changes})
    for embedding in made.embeddings:
        nn.init.normal_(embedding.weight)  # type: ignore[arg-type]
    return made


def rows(count: int) -> Tensor:
    numbers = torch.randn(count, 5)
    for column, codes in CODES:
        numbers[:, column] = torch.randint(codes, (count,)).float()
    return numbers


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_outputs_and_gradients_are_those_of_torchs_embeddings() -> None:
    own, x = network(), rows(40)
    tables = [nn.Embedding(codes, size_for(codes)) for _, codes in CODES]
    reference = MLP(input_shape=[3 + 3 + 5], num_outputs=2, **HIDDEN)
    reference.load_state_dict(own.layers.state_dict())
    for table, embedding in zip(tables, own.embeddings, strict=True):
        table.load_state_dict(embedding.state_dict())
    vectors = [table(x[:, column].long()) for table, (column, _) in zip(tables, CODES, strict=True)]
    wanted = reference(torch.cat([x[:, [0, 2, 4]], *vectors], dim=1))
    found = own(x)
    torch.testing.assert_close(found, wanted)
    (found**2).sum().backward()
    (wanted**2).sum().backward()
    expected = [*(table.weight.grad for table in tables), *(part.grad for part in reference.parameters())]
    for part, gradient in zip(own.parameters(), expected, strict=True):
        torch.testing.assert_close(part.grad, gradient)


def test_members_of_a_stack_are_what_they_are_alone_with_gradients_of_their_own() -> None:
    assert unaware(network()) == []
    assert_members_stand_for_themselves([network() for _ in range(3)], torch.stack([rows(9) for _ in range(3)]), 2)


@pytest.mark.parametrize("code", [-1.0, 6.0, 2.5, float("nan"), 1e9], ids=str)
def test_what_is_no_known_code_has_a_vector_of_zeros_and_moves_none(code: float) -> None:
    embedding = Embedding(6, 3)
    nn.init.ones_(embedding.weight)
    found = embedding(torch.tensor([code, 5.0]))
    assert found.tolist() == [[0, 0, 0], [1, 1, 1]]
    found.sum().backward()
    assert embedding.weight.grad is not None
    assert embedding.weight.grad[:, 0].tolist() == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD], ids=lambda make: make.__name__)
def test_a_code_that_no_row_has_keeps_its_zeros(make: Any) -> None:
    own = TableMLP(input_shape=[5], num_outputs=2, cardinalities=CODES, embedding_size=4, **HIDDEN)
    optimizer, x = make(own.parameters(), lr=0.1), rows(40)
    x[:, 1] = x[:, 1].clamp(max=4)
    for _ in range(3):
        optimizer.zero_grad()
        (own(x) - 1).square().mean().backward()
        optimizer.step()
    weight = own.embeddings[0].weight
    assert isinstance(weight, Tensor)
    assert (weight[5] == 0).all() and (weight[:5] != 0).all()


def test_without_codes_it_is_a_multi_layer_perceptron() -> None:
    own, x = network(cardinalities=[]), rows(4)
    reference = MLP(input_shape=[5], num_outputs=2, **HIDDEN)
    reference.load_state_dict(own.layers.state_dict())
    assert torch.equal(own(x), reference(x))


def test_a_table_of_codes_alone_still_depends_on_its_rows() -> None:
    own, x = network(input_shape=[2], cardinalities=[[0, 6], [1, 9]]), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    x.requires_grad_()
    own(x).sum().backward()
    assert x.grad is not None and not x.grad.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cardinalities": [[5, 3]]}, "column 5 is none of the 5 columns"),
        ({"cardinalities": [[1, 3], [1, 4]]}, "column 1 is named twice"),
        ({"cardinalities": [[1, 0]]}, r"model\.cardinalities\[0\]\[1\]"),
        ({"cardinalities": [[1]]}, r"model\.cardinalities\[0\]"),
        ({"cardinalities": 3}, r"model\.cardinalities"),
        ({"embedding_size": 0}, r"model\.embedding_size"),
        ({"widths": [0]}, r"model\.widths\[0\]"),
    ],
    ids=str,
)
def test_wrong_values_are_refused_by_their_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        network(**changes)
