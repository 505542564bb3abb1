"""Dropout left on: masks that differ from pass to pass and row to row, and nothing else that does."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from eksplora.evaluation import dropout
from eksplora.evaluation.dropout import passes
from eksplora.model.mlp import MLP

ROWS = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def network(rate: float, **changes: Any) -> nn.Module:
    torch.manual_seed(0)
    common: dict[str, Any] = {"activation": "relu", "output_activation": "identity", "widths": [16, 16]} | changes
    return MLP(input_shape=[3], num_outputs=1, dropout=rate, **common)


def evaluated(own: nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return own.eval()(torch.from_numpy(ROWS))


def test_a_network_that_drops_nothing_has_no_passes() -> None:
    assert passes(network(0.0), ROWS, 3, seed=0) is None


def test_the_same_seed_gives_the_same_and_passes_differ() -> None:
    first, again, other = (passes(network(0.5), ROWS, 4, seed=seed) for seed in (0, 0, 1))
    assert first is not None and again is not None and other is not None
    assert first.shape == (4, 40, 1)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len({tuple(one.flatten().tolist()) for one in first}) == 4


def test_the_mean_of_many_passes_of_the_last_layers_dropout_is_the_evaluation() -> None:
    """Where only the last linear map follows, the output is linear in the mask, whose mean is 1."""
    own = network(0.3, widths=[16])
    found = passes(own, ROWS, 4000, seed=0)
    assert found is not None
    error = found.std(0) / np.sqrt(4000)
    assert ((found.mean(0) - evaluated(own)).abs() <= 5 * error + 1e-6).all()


def test_the_mean_of_passes_goes_to_the_evaluation_with_the_rate_to_0() -> None:
    distances = []
    for rate in (0.2, 0.02, 0.002):
        found = passes(network(rate), ROWS, 200, seed=0)
        assert found is not None
        distances.append(float((found.mean(0) - evaluated(network(rate))).abs().mean()))
    assert distances[2] < distances[1] < distances[0]
    assert distances[2] < 0.002


def test_normalization_stays_in_evaluation_and_the_network_as_it_was() -> None:
    own = network(0.5, normalization="batch").eval()
    before = {name: value.clone() for name, value in own.state_dict().items()}
    passes(own, ROWS, 2, seed=0)
    assert not own.training
    assert all(torch.equal(value, before[name]) for name, value in own.state_dict().items())
    assert not any(module.training for module in own.modules())


def test_rows_of_a_later_block_have_masks_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = passes(network(0.5), ROWS, 2, seed=0)
    monkeypatch.setattr(dropout, "BLOCK_ROWS", 7)
    parts = passes(network(0.5), ROWS, 2, seed=0)
    assert whole is not None and parts is not None
    torch.testing.assert_close(whole, parts)
