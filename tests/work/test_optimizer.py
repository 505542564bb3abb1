"""Numbers of optimizers: the ranges hold for every file of the group, and are those without which training diverges."""

import math
from typing import Any

import pytest
import torch
import yaml

from eksplora.config import choices
from eksplora.errors import ConfigError
from eksplora.installation import CONF
from eksplora.work.optimizer import RANGES, check_optimizer


def values_of(name: str) -> dict[str, Any]:
    content = yaml.safe_load((CONF / "optimizer" / f"{name}.yaml").read_text(encoding="utf-8"))
    return {key: value for key, value in content.items() if not key.startswith("_")}


NUMBERS = [
    (name, key)
    for name in choices("optimizer")
    for key, value in values_of(name).items()
    if not isinstance(value, bool)
]


@pytest.mark.parametrize("name", choices("optimizer"))
def test_the_values_of_every_file_are_taken(name: str) -> None:
    check_optimizer(values_of(name))


def test_every_number_of_every_file_has_a_range_and_every_range_a_file() -> None:
    assert {key for _, key in NUMBERS} == set(RANGES)


@pytest.mark.parametrize(("name", "key"), NUMBERS)
def test_a_number_below_0_is_refused_by_its_key(name: str, key: str) -> None:
    values = values_of(name)
    below = [0.9, -0.1] if isinstance(values[key], list) else -0.1
    with pytest.raises(ConfigError, match=rf"^optimizer\.{key}(\[1\])? must be .*, got -0\.1\. Try "):
        check_optimizer(values | {key: below})


@pytest.mark.parametrize(
    ("key", "value"),
    [("lr", 0.0), ("momentum", 1.0), ("momentum", 1.5), ("alpha", 1.0), ("rho", 1.0), ("betas", [0.9, 1.0])],
)
def test_the_end_of_an_open_range_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^optimizer\.{key}(\[1\])? must be "):
        check_optimizer({key: value})


@pytest.mark.parametrize(("momentum", "comes_to_rest"), [(0.99, True), (1.0, False), (1.5, False)])
def test_a_momentum_from_1_up_never_comes_to_rest(momentum: float, comes_to_rest: bool) -> None:
    """The valley w^2 / 2, from 1: where the range ends, so does convergence; torch takes all three."""
    w = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.01, momentum=momentum)
    largest = 0.0
    for step in range(3000):
        w.grad = w.detach().clone()
        optimizer.step()
        largest = max(largest, abs(w.item())) if step >= 2000 else 0.0
        if not math.isfinite(w.item()):
            break
    assert (largest < 1e-3 and math.isfinite(w.item())) is comes_to_rest
