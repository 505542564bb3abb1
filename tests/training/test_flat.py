import importlib
from pathlib import Path
from typing import Any

import pytest
import small
import torch
import yaml

from eksplora.training.flat import FlatParameters

CONF = Path(__file__).parents[2] / "conf" / "optimizer"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
VARIANTS = [(name, {}) for name in NAMES] + [
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True}),
    ("rmsprop", {"momentum": 0.5}),
    ("adam", {"fused": False}),
    *((name, {"weight_decay": 0.01}) for name in NAMES),
]


def optimizer(name: str, parameters: Any, **changes: Any) -> torch.optim.Optimizer:
    settings = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    module, _, attribute = settings["_target_"].rpartition(".")
    values = {key: value for key, value in settings.items() if not key.startswith("_")} | changes
    made: torch.optim.Optimizer = getattr(importlib.import_module(module), attribute)(parameters, **values)
    return made


def trained(name: str, *, is_flat: bool, **changes: Any) -> torch.Tensor:
    """All parameters after 30 steps."""
    torch.manual_seed(0)
    network = small.mlp()
    flat = FlatParameters(network) if is_flat else None
    stepping = optimizer(name, [flat.parameter] if flat else network.parameters(), **changes)
    data = small.regression().data
    for _ in range(30):
        flat.zero_gradient() if flat else stepping.zero_grad()
        torch.nn.functional.mse_loss(network(data.features), data.targets).backward()
        stepping.step()
    return small.flat(network.parameters())


def test_all_optimizers_are_looked_at() -> None:
    assert set(NAMES) >= {"adadelta", "adagrad", "adam", "adamax", "nadam", "rmsprop", "sgd"}


@pytest.mark.parametrize(("name", "changes"), VARIANTS, ids=str)
def test_one_vector_is_stepped_as_a_tensor_per_layer_is(name: str, changes: dict[str, Any]) -> None:
    one, many = trained(name, is_flat=True, **changes), trained(name, is_flat=False, **changes)
    torch.manual_seed(0)
    assert not torch.equal(many, small.flat(small.mlp().parameters()))
    if optimizer(name, [torch.nn.Parameter(torch.ones(1))], **changes).defaults.get("fused"):
        # The fused kernel rounds the few elements beyond its last full vector another way: one bit in a step.
        assert torch.allclose(one, many, rtol=1e-5, atol=1e-6)
    else:
        assert torch.equal(one, many)


def test_parameters_and_gradients_are_views_of_two_vectors() -> None:
    network = small.mlp()
    before = small.flat(network.parameters()).clone()
    flat = FlatParameters(network)
    assert torch.equal(flat.parameter, before)
    network(torch.ones(2, 5)).sum().backward()
    assert flat.gradient.abs().sum() > 0
    assert torch.equal(flat.gradient, small.flat(part.grad for part in network.parameters() if part.grad is not None))
    assert flat.parameter.grad is flat.gradient
    flat.parameter.data.fill_(2.0)
    assert all((part == 2.0).all() for part in network.parameters())
    flat.zero_gradient()
    assert all(part.grad is not None and not part.grad.any() for part in network.parameters())


def test_values_are_a_copy_that_can_be_set_again() -> None:
    network = small.mlp()
    flat = FlatParameters(network)
    values = flat.values()
    flat.parameter.data.zero_()
    assert values.any()
    flat.set_values(values)
    assert torch.equal(small.flat(network.parameters()), values)


def test_loading_a_state_keeps_the_views() -> None:
    network, other = small.mlp(), small.mlp()
    flat = FlatParameters(network)
    network.load_state_dict(other.state_dict())
    assert torch.equal(flat.parameter, small.flat(other.parameters()))


def test_parameters_that_are_frozen_are_left_alone() -> None:
    network = small.mlp()
    frozen = next(network.parameters()).requires_grad_(False)
    before = frozen.clone()
    flat = FlatParameters(network)
    assert flat.parameter.numel() == sum(part.numel() for part in network.parameters()) - frozen.numel()
    flat.parameter.data.zero_()
    assert torch.equal(frozen, before)
