"""The losses of `conf/loss` against their formulas."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor, nn

CONF = Path(__file__).parents[1] / "conf" / "loss"
SCORES = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, -2.0]], dtype=torch.float64)
CLASSES = torch.tensor([0, 2])
PREDICTED = torch.tensor([[0.0], [1.5], [-4.0]], dtype=torch.float64)
TARGET = torch.tensor([[0.0], [1.0], [1.0]], dtype=torch.float64)
DIFFERENCE = (PREDICTED - TARGET).abs()  # 0, 0.5, 5


def loss(name: str) -> nn.Module:
    settings = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    module, _, attribute = settings.pop("_target_").rpartition(".")
    built: nn.Module = getattr(importlib.import_module(module), attribute)(**settings)
    return built


def cross_entropy() -> Tensor:
    probabilities = SCORES.exp() / SCORES.exp().sum(dim=1, keepdim=True)
    return -(probabilities[0, 0].log() + probabilities[1, 2].log()) / 2


def binary_cross_entropy() -> Tensor:
    p = 1 / (1 + (-PREDICTED).exp())
    return -(TARGET * p.log() + (1 - TARGET) * (1 - p).log()).mean()


FORMULAS: dict[str, Callable[[], Tensor]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "cross_entropy": cross_entropy,
    "huber": lambda: torch.tensor((0 + 0.5 * 0.5**2 + (5 - 0.5)) / 3, dtype=torch.float64),
    "mae": lambda: DIFFERENCE.mean(),
    "mse": lambda: (DIFFERENCE**2).mean(),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_loss_follows_its_formula(name: str) -> None:
    inputs = (SCORES, CLASSES) if name == "cross_entropy" else (PREDICTED, TARGET)
    torch.testing.assert_close(loss(name)(*inputs), FORMULAS[name]())


def test_every_loss_has_its_formula_here() -> None:
    assert {path.stem for path in CONF.glob("*.yaml")} == set(FORMULAS)
