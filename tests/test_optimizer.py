"""torch's optimizers, as `conf/optimizer` sets them, against Keras' update formulas written out in numpy (float64)."""

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray

Array = NDArray[np.float64]
CONF = Path(__file__).parents[1] / "conf" / "optimizer"
START = np.array([1.0, -2.0, 0.5])
GRADIENTS = np.array([[0.3, -1.0, 2.0], [0.1, 0.5, -1.0], [-0.4, 0.2, 0.7], [0.2, -0.3, 0.1], [0.6, 0.9, -0.2]])


def read(name: str) -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    return settings


def target(name: str) -> type[torch.optim.Optimizer]:
    module, _, attribute = read(name)["_target_"].rpartition(".")
    found: type[torch.optim.Optimizer] = getattr(importlib.import_module(module), attribute)
    return found


def trajectory(name: str, gradients: Array = GRADIENTS, **changes: float) -> Array:
    """Weights after each step, (steps, weights)."""
    weights = torch.nn.Parameter(torch.tensor(START))
    settings = {key: value for key, value in read(name).items() if not key.startswith("_")} | changes
    optimizer = target(name)([weights], **settings)
    path = []
    for gradient in gradients:
        weights.grad = torch.tensor(gradient)
        optimizer.step()
        path.append(weights.detach().numpy().copy())
    return np.array(path)


def keras_sgd(gradients: Array, lr: float = 0.01, momentum: float = 0.0) -> Array:
    w, v, path = START, np.zeros(3), []
    for g in gradients:
        v = momentum * v - lr * g
        w = w + v
        path.append(w)
    return np.array(path)


def keras_momentum(gradients: Array) -> Array:
    return keras_sgd(gradients, momentum=0.9)


def keras_nesterov(gradients: Array, lr: float = 0.01, momentum: float = 0.9) -> Array:
    w, v, path = START, np.zeros(3), []
    for g in gradients:
        v = momentum * v - lr * g
        w = w + momentum * v - lr * g
        path.append(w)
    return np.array(path)


def keras_adam(gradients: Array, eps: float = 1e-7, lr: float = 0.001) -> Array:
    w, m, v, path = START, np.zeros(3), np.zeros(3), []
    for t, g in enumerate(gradients, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + eps)
        path.append(w)
    return np.array(path)


def keras_adamw(gradients: Array, eps: float = 1e-7, lr: float = 0.001, weight_decay: float = 0.004) -> Array:
    w, m, v, path = START, np.zeros(3), np.zeros(3), []
    for t, g in enumerate(gradients, 1):
        w = w - lr * weight_decay * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + eps)
        path.append(w)
    return np.array(path)


def keras_adamax(gradients: Array, eps: float = 1e-7, lr: float = 0.001) -> Array:
    w, m, u, path = START, np.zeros(3), np.zeros(3), []
    for t, g in enumerate(gradients, 1):
        m, u = 0.9 * m + 0.1 * g, np.maximum(0.999 * u, np.abs(g))
        w = w - lr / (1 - 0.9**t) * m / (u + eps)
        path.append(w)
    return np.array(path)


def keras_nadam(gradients: Array, eps: float = 1e-7, lr: float = 0.001) -> Array:
    w, m, v, product, path = START, np.zeros(3), np.zeros(3), 1.0, []
    for t, g in enumerate(gradients, 1):
        now, following = (0.9 * (1 - 0.5 * 0.96**s) for s in (t, t + 1))
        product *= now
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        m_hat = following * m / (1 - product * following) + (1 - now) * g / (1 - product)
        w = w - lr * m_hat / (np.sqrt(v / (1 - 0.999**t)) + eps)
        path.append(w)
    return np.array(path)


def keras_rmsprop(gradients: Array, eps: float = 1e-7, lr: float = 0.001) -> Array:
    w, v, path = START, np.zeros(3), []
    for g in gradients:
        v = 0.9 * v + 0.1 * g**2
        w = w - lr * g / np.sqrt(v + eps)
        path.append(w)
    return np.array(path)


def keras_adagrad(gradients: Array, eps: float = 1e-7, lr: float = 0.001) -> Array:
    w, v, path = START, np.full(3, 0.1), []
    for g in gradients:
        v = v + g**2
        w = w - lr * g / np.sqrt(v + eps)
        path.append(w)
    return np.array(path)


def keras_adadelta(gradients: Array, eps: float = 1e-7, lr: float = 0.001) -> Array:
    w, v, d, path = START, np.zeros(3), np.zeros(3), []
    for g in gradients:
        v = 0.95 * v + 0.05 * g**2
        delta = -np.sqrt(d + eps) / np.sqrt(v + eps) * g
        d = 0.95 * d + 0.05 * delta**2
        w = w + lr * delta
        path.append(w)
    return np.array(path)


def steps(path: Array) -> Array:
    return np.diff(path, axis=0, prepend=START[None])


KERAS: dict[str, Callable[[Array], Array]] = {
    "adadelta": keras_adadelta,
    "adagrad": keras_adagrad,
    "adam": keras_adam,
    "adamax": keras_adamax,
    "adamw": keras_adamw,
    "momentum": keras_momentum,
    "nadam": keras_nadam,
    "nesterov": keras_nesterov,
    "rmsprop": keras_rmsprop,
    "sgd": keras_sgd,
}


DECOUPLED = {"adamw"}
"""Optimizers whose weight decay does not go through the gradient."""


def test_every_optimizer_has_its_formula_here() -> None:
    assert {path.stem for path in CONF.glob("*.yaml")} == set(KERAS)


@pytest.mark.parametrize(
    ("name", "tolerance"),  # largest fraction by which a step may differ
    [
        ("sgd", 1e-12),
        ("momentum", 1e-12),
        ("nesterov", 1e-12),
        ("nadam", 1e-7),  # rounding: torch keeps the product of momenta in single precision
        ("adadelta", 1e-9),  # rounding: the steps are 1e-7 of the weights
        ("adam", 3.1e-6 / 0.1),  # eps before or after the bias correction; gradients are 0.1 or more
        ("adamw", 3.1e-6 / 0.1),  # the same
        ("adamax", 1e-7 / 0.1),  # eps in the maximum or beside it
        ("adagrad", 1e-6),  # eps in the root or beside it; the accumulator is 0.1 or more
        ("rmsprop", 1e-4),  # the same with an accumulator of 0.001 or more
    ],
)
def test_steps_are_those_of_keras(name: str, tolerance: float) -> None:
    np.testing.assert_allclose(steps(trajectory(name)), steps(KERAS[name](GRADIENTS)), rtol=tolerance)


@pytest.mark.parametrize("formula", [keras_adam, keras_adamw, keras_adamax, keras_rmsprop, keras_adagrad])
def test_the_place_of_eps_is_the_only_difference_to_keras(formula: Callable[..., Array]) -> None:
    name = formula.__name__.removeprefix("keras_")
    np.testing.assert_allclose(steps(trajectory(name, eps=0.0)), steps(formula(GRADIENTS, eps=0.0)), rtol=1e-11)


@pytest.mark.parametrize(("gradient", "shorter"), [(1e-3, 0.05), (1e-4, 0.70)])
def test_rmsprop_of_keras_steps_shorter_at_small_gradients_by_what_the_file_says(
    gradient: float, shorter: float
) -> None:
    gradients = np.full((100, 3), gradient)
    ratio = steps(keras_rmsprop(gradients))[-1] / steps(trajectory("rmsprop", gradients))[-1]
    np.testing.assert_allclose(1 - ratio, shorter, atol=0.005)


def test_momentum_at_a_constant_rate_is_that_of_keras() -> None:
    np.testing.assert_allclose(trajectory("sgd", momentum=0.8), keras_sgd(GRADIENTS, momentum=0.8), rtol=1e-12)


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_without_momentum_the_variants_are_plain_descent(name: str) -> None:
    plain = trajectory(name, momentum=0.0, nesterov=False)
    np.testing.assert_allclose(plain, keras_sgd(GRADIENTS), rtol=1e-12)
    assert abs(trajectory(name) - plain).max() > 0.01


def test_nesterov_is_momentum_looked_at_one_momentum_step_ahead() -> None:
    """Sutskever et al. 2013, equations 3 and 4, for the point theta + momentum * v where the gradient is taken."""
    theta, v, ahead = START, np.zeros(3), []
    for g in GRADIENTS:
        v = 0.9 * v - 0.01 * g
        theta = theta + v
        ahead.append(theta + 0.9 * v)
    np.testing.assert_allclose(trajectory("nesterov"), np.array(ahead), rtol=1e-12)


def test_adagrad_starts_where_keras_does() -> None:
    assert read("adagrad")["initial_accumulator_value"] == 0.1


@pytest.mark.parametrize("name", sorted(DECOUPLED))
def test_decoupled_weight_decay_shrinks_weights_beside_the_step(name: str) -> None:
    """Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2, line 12."""
    rate, decay = 0.001, 0.1
    decayed, plain = trajectory(name, weight_decay=decay), trajectory(name, weight_decay=0.0)
    before = np.vstack([START, decayed[:-1]])
    np.testing.assert_allclose(steps(decayed) + rate * decay * before, steps(plain), rtol=1e-9)
    np.testing.assert_allclose(plain, trajectory("adam"), rtol=1e-12)
    at_rest = trajectory(name, np.zeros_like(GRADIENTS), weight_decay=decay)
    np.testing.assert_allclose(at_rest[-1], START * (1 - rate * decay) ** len(GRADIENTS), rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(KERAS) - DECOUPLED))
def test_weight_decay_is_an_l2_penalty_in_the_gradient(name: str) -> None:
    decayed = trajectory(name, GRADIENTS[:1], weight_decay=0.1)
    np.testing.assert_allclose(decayed, trajectory(name, GRADIENTS[:1] + 0.1 * START), rtol=1e-12)


@pytest.mark.parametrize("name", KERAS)
def test_keys_are_parameters_and_numbers_are_numbers(name: str) -> None:
    settings = read(name)
    assert settings["_partial_"] is True
    keys = {key for key in settings if not key.startswith("_")}
    assert keys <= set(inspect.signature(target(name)).parameters)
    assert not [key for key in keys if isinstance(settings[key], str)]  # YAML 1.1 reads 1e-7 as text
