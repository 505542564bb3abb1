"""The losses of `conf/loss` against their formulas, torch, scikit-learn and torchmetrics."""

import importlib
import re
from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchmetrics.functional as tm
import yaml
from sklearn import metrics as sk
from torch import Tensor, nn

from eksplora import loss as losses
from eksplora.errors import ConfigError
from eksplora.training.losses import MemberLosses

CONF = Path(__file__).parents[1] / "conf"
NAMES = sorted(path.stem for path in (CONF / "loss").glob("*.yaml"))
OURS = ("focal", "kl_divergence", "log_cosh", "mape", "msle", "poisson", "quantile")
CLASSIFICATION = ("cross_entropy", "focal", "kl_divergence", "poisson")
LEVELS = [0.1, 0.5, 0.9]

SCORES = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, -2.0]], dtype=torch.float64)
CLASSES = torch.tensor([0, 2])
P = SCORES.exp() / SCORES.exp().sum(dim=1, keepdim=True)
P_OWN = torch.stack([P[0, 0], P[1, 2]])
PREDICTED = torch.tensor([[0.0], [1.5], [-4.0]], dtype=torch.float64)
TARGET = torch.tensor([[0.0], [1.0], [1.0]], dtype=torch.float64)
DIFFERENCE = (PREDICTED - TARGET).abs()  # 0, 0.5, 5
QUANTILES = torch.tensor([[0.0, 1.0, 2.0], [-1.0, 0.5, 0.5], [2.0, 3.0, 0.0]], dtype=torch.float64)


def settings(name: str) -> dict[str, Any]:
    text = (CONF / "loss" / f"{name}.yaml").read_text().replace("${oc.select:task.levels}", str(LEVELS))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def loss(name: str, **changes: Any) -> nn.Module:
    """The loss as its file sets it, but for the changes."""
    arguments = settings(name) | changes
    module, _, attribute = arguments.pop("_target_").rpartition(".")
    built: nn.Module = getattr(importlib.import_module(module), attribute)(**arguments)
    return built


def binary_cross_entropy() -> Tensor:
    p = 1 / (1 + (-PREDICTED).exp())
    return -(TARGET * p.log() + (1 - TARGET) * (1 - p).log()).mean()


def keras_poisson(y: Tensor, p: Tensor) -> Tensor:
    """`keras.losses.poisson`."""
    return (p - y * (p + 1e-7).log()).mean(dim=-1)


def keras_kl_divergence(y: Tensor, p: Tensor) -> Tensor:
    """`keras.losses.kl_divergence`."""
    y, p = y.clip(1e-7, 1), p.clip(1e-7, 1)
    return (y * (y / p).log()).sum(dim=-1)


def pinball() -> Tensor:
    above = TARGET - QUANTILES
    return torch.where(above > 0, torch.tensor(LEVELS) * above, (torch.tensor(LEVELS) - 1) * above).mean()


ONE_HOT = F.one_hot(CLASSES).double()
FORMULAS: dict[str, Callable[[], Tensor]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "cross_entropy": lambda: -P_OWN.log().mean(),
    "focal": lambda: (-((1 - P_OWN) ** 2) * P_OWN.log()).mean(),
    "huber": lambda: torch.tensor((0 + 0.5 * 0.5**2 + (5 - 0.5)) / 3, dtype=torch.float64),
    "kl_divergence": lambda: keras_kl_divergence(ONE_HOT, P).mean(),
    "log_cosh": lambda: DIFFERENCE.cosh().log().mean(),
    "mae": lambda: DIFFERENCE.mean(),
    "mape": lambda: torch.tensor(100 * (0 + 0.5 + 5) / 3, dtype=torch.float64),
    "mse": lambda: (DIFFERENCE**2).mean(),
    "msle": lambda: torch.tensor((0 + log(2.5 / 2) ** 2 + log((1 + 1e-7) / 2) ** 2) / 3, dtype=torch.float64),
    "poisson": lambda: keras_poisson(ONE_HOT, P).mean(),
    "poisson_nll": lambda: (PREDICTED.exp() - TARGET * PREDICTED).mean(),
    "quantile": pinball,
}


def example(name: str) -> tuple[Tensor, Tensor]:
    if name in CLASSIFICATION:
        return SCORES, CLASSES
    return (QUANTILES, TARGET) if name == "quantile" else (PREDICTED, TARGET)


def drawn(name: str, rows: int, *, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    """Outputs of either sign, and targets from 0; single precision."""
    generator = torch.Generator().manual_seed(rows)
    outputs = scale * torch.randn(rows, 3, generator=generator)
    if name in CLASSIFICATION:
        return outputs, torch.randint(3, (rows,), generator=generator)
    targets = torch.rand(rows, 1, generator=generator)
    if name == "binary_cross_entropy":
        targets = targets.round()
    return (outputs if name == "quantile" else outputs[:, :1]), targets


@pytest.mark.parametrize("name", FORMULAS)
def test_loss_follows_its_formula(name: str) -> None:
    torch.testing.assert_close(loss(name)(*example(name)), FORMULAS[name]())


def test_every_loss_has_its_formula_here() -> None:
    assert set(NAMES) == set(FORMULAS)


@pytest.mark.parametrize("name", NAMES)
def test_the_mean_is_that_of_what_none_gives(name: str) -> None:
    each = loss(name, reduction="none")(*example(name))
    assert len(each) == len(example(name)[0])
    assert torch.equal(loss(name)(*example(name)), each.mean())


# --- classes -----------------------------------------------------------------------------------------------------


def test_binary_cross_entropy_of_a_small_network_for_xor() -> None:
    odds = torch.tensor([0.5, 0.596]).logit()[:, None]
    each = loss("binary_cross_entropy", reduction="none")(odds, torch.tensor([[0.0], [1.0]]))
    np.testing.assert_allclose(each.flatten(), [0.693, 0.517], atol=1e-3)  # by hand


def test_label_smoothing_mixes_the_target_with_all_classes_alike() -> None:
    target = 0.7 * ONE_HOT + 0.3 / 3
    by_hand = -(target * P.log()).sum(dim=1).mean()
    torch.testing.assert_close(loss("cross_entropy", label_smoothing=0.3)(SCORES, CLASSES), by_hand)


def test_focal_with_gamma_0_is_cross_entropy() -> None:
    outputs, targets = drawn("focal", 100)
    assert torch.equal(loss("focal", gamma=0)(outputs, targets), nn.CrossEntropyLoss()(outputs, targets))


def test_focal_of_log_odds_with_gamma_0_is_binary_cross_entropy() -> None:
    outputs, targets = drawn("binary_cross_entropy", 100)
    torch.testing.assert_close(loss("focal", gamma=0)(outputs, targets), nn.BCEWithLogitsLoss()(outputs, targets))


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_of_log_odds_follows_its_formula(gamma: float) -> None:
    p = torch.sigmoid(PREDICTED)
    p_own = torch.where(TARGET == 1, p, 1 - p)
    by_hand = (-((1 - p_own) ** gamma) * p_own.log()).mean()
    torch.testing.assert_close(loss("focal", gamma=gamma)(PREDICTED, TARGET), by_hand)


def test_focal_cares_for_rows_as_the_paper_says() -> None:
    ratio = loss("focal", reduction="none")(
        torch.tensor([[0.9], [0.968]], dtype=torch.float64).logit(), torch.ones(2, 1)
    )
    ratio /= -torch.tensor([0.9, 0.968]).log()
    np.testing.assert_allclose(1 / ratio, [100, 1000], rtol=0.03)  # section 3.2: 100 and about 1000 times less


def test_poisson_is_torchs_on_probabilities_and_one_hot_targets() -> None:
    outputs, targets = drawn("poisson", 100)
    theirs = nn.PoissonNLLLoss(log_input=False, full=False, eps=1e-7)
    reference = theirs(torch.softmax(outputs, dim=1), F.one_hot(targets, 3).float())
    torch.testing.assert_close(loss("poisson")(outputs, targets), reference)


@pytest.mark.parametrize("scale", [1.0, 30.0])  # with 30 most probabilities are clipped
def test_kl_divergence_is_torchs_on_what_keras_clips(scale: float) -> None:
    outputs, targets = drawn("kl_divergence", 100, scale=scale)
    p, y = (numbers.clip(1e-7, 1) for numbers in (torch.softmax(outputs, dim=1), F.one_hot(targets, 3).float()))
    torch.testing.assert_close(loss("kl_divergence")(outputs, targets), nn.KLDivLoss(reduction="batchmean")(p.log(), y))


def test_kl_divergence_and_poisson_are_cross_entropy_but_for_what_their_docstrings_say() -> None:
    outputs, targets = drawn("cross_entropy", 100, scale=1.0)
    entropy = nn.CrossEntropyLoss(reduction="none")(outputs, targets)
    rest = loss("kl_divergence", reduction="none")(outputs, targets) - entropy
    assert (rest.abs() <= 1e-7 * 3 * log(1e7)).sum() >= 95  # the others by rounding
    assert rest.abs().max() < 1e-5
    torch.testing.assert_close(loss("poisson", reduction="none")(outputs, targets), (1 + entropy) / 3)


# --- numbers -----------------------------------------------------------------------------------------------------


def test_regressions_are_those_of_torchmetrics() -> None:
    outputs, targets = (numbers.abs() + 0.1 for numbers in drawn("mse", 100))
    torch.testing.assert_close(loss("log_cosh")(outputs, targets), tm.log_cosh_error(outputs, targets))
    torch.testing.assert_close(
        loss("mape")(outputs, targets), 100 * tm.mean_absolute_percentage_error(outputs, targets)
    )
    torch.testing.assert_close(loss("msle")(outputs, targets), tm.mean_squared_log_error(outputs, targets))


def test_regressions_of_several_targets_are_those_of_scikit_learn() -> None:
    outputs, targets = torch.rand(2, 50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert loss("mape")(outputs, targets).item() == pytest.approx(
        100 * sk.mean_absolute_percentage_error(targets, outputs)
    )
    assert loss("msle")(outputs, targets).item() == pytest.approx(sk.mean_squared_log_error(targets, outputs))


@pytest.mark.parametrize("epsilon", [1e-7, 0.5])
def test_keras_epsilon_bounds_what_mape_divides_by_and_what_msle_takes_a_logarithm_of(epsilon: float) -> None:
    y, t = np.array([-2.0, 0.2, 0.0, 3.0]), np.array([1.0, 0.0, 0.1, -0.4])
    given = torch.tensor(y)[:, None], torch.tensor(t)[:, None]
    mape = 100 * np.mean(np.abs((t - y) / np.maximum(np.abs(t), epsilon)))
    msle = np.mean((np.log(np.maximum(y, epsilon) + 1) - np.log(np.maximum(t, epsilon) + 1)) ** 2)
    assert loss("mape", epsilon=epsilon)(*given).item() == pytest.approx(mape)
    assert loss("msle", epsilon=epsilon)(*given).item() == pytest.approx(msle)


def test_log_cosh_of_a_large_difference_is_its_size_less_log_2_and_its_slope_1() -> None:
    outputs = torch.tensor([[1e30], [-1e4], [100.0]], requires_grad=True)
    each = loss("log_cosh", reduction="none")(outputs, torch.zeros(3, 1))
    np.testing.assert_allclose(each.detach().flatten(), [1e30, 1e4 - log(2), 100 - log(2)], rtol=1e-6)
    (slope,) = torch.autograd.grad(each.sum(), outputs)
    np.testing.assert_allclose(slope.flatten(), [1, -1, 1])


def test_the_slope_of_log_cosh_is_tanh() -> None:
    outputs = torch.linspace(-5, 5, 101).view(-1, 1).requires_grad_()
    (slope,) = torch.autograd.grad(loss("log_cosh", reduction="none")(outputs, torch.zeros(101, 1)).sum(), outputs)
    torch.testing.assert_close(slope, outputs.detach().tanh(), rtol=1e-5, atol=1e-6)


def test_quantile_is_the_mean_of_scikit_learns_pinball_losses() -> None:
    outputs, targets = drawn("quantile", 100)
    theirs = [sk.mean_pinball_loss(targets[:, 0], outputs[:, place], alpha=q) for place, q in enumerate(LEVELS)]
    assert loss("quantile")(outputs, targets).item() == pytest.approx(np.mean(theirs))


def test_constants_that_make_the_pinball_loss_least_are_the_quantiles() -> None:
    targets = torch.arange(101.0)[:, None]
    grid = torch.arange(101.0)[:, None].expand(101, 3)
    means = [loss("quantile", reduction="none")(row.expand(101, 3), targets).mean(0) for row in grid]
    assert torch.stack(means).argmin(0).tolist() == [10, 50, 90]


@pytest.mark.parametrize("name", ["log_cosh", "mape", "msle", "quantile"])
def test_outputs_that_do_not_match_the_targets_are_not_spread(name: str) -> None:
    outputs = torch.zeros(4, 3 if name == "quantile" else 1)
    with pytest.raises(ValueError, match=r"^outputs \(4, [13]\) and targets \(4, 2\) should"):
        loss(name)(outputs, torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"^outputs \(4, 2\) and targets \(4, 1\) should"):
        loss(name)(torch.zeros(4, 2), torch.zeros(4, 1))


# --- what trainings want of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OURS)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    outputs, targets = (numbers.double() if numbers.is_floating_point() else numbers for numbers in drawn(name, 8))
    outputs = (outputs.abs() + 0.5 if name == "msle" else outputs).requires_grad_()
    assert torch.autograd.gradcheck(lambda given: loss(name)(given, targets), (outputs,))


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.5])
def test_gradients_of_focal_are_those_of_finite_differences(gamma: float) -> None:
    focal = loss("focal", gamma=gamma)
    scores, classes = drawn("focal", 8)
    assert torch.autograd.gradcheck(lambda given: focal(given, classes), (scores.double().requires_grad_(),))
    odds, labels = drawn("binary_cross_entropy", 8)
    assert torch.autograd.gradcheck(lambda given: focal(given, labels), (odds.double().requires_grad_(),))


@pytest.mark.parametrize("size", [0.0, 1e-30, 1.0, 20.0, 1e4, 1e9])
@pytest.mark.parametrize("name", OURS)
def test_values_and_gradients_are_finite_for_outputs_of_any_size(name: str, size: float) -> None:
    outputs, targets = drawn(name, 32, scale=size)
    for given in (targets, torch.zeros_like(targets)):
        raw = outputs.clone().requires_grad_()
        value = loss(name)(raw, given)
        assert value.isfinite()
        assert torch.autograd.grad(value, raw)[0].isfinite().all()


@pytest.mark.parametrize("gamma", [0.0, 1e-3, 0.5, 2.0])
def test_a_row_that_is_surely_right_has_no_focal_loss_and_no_slope(gamma: float) -> None:
    for outputs, targets in [
        (torch.tensor([[200.0, 0.0]]), torch.tensor([0])),
        (torch.tensor([[200.0]]), torch.ones(1, 1)),
    ]:
        raw = outputs.requires_grad_()
        value = loss("focal", gamma=gamma)(raw, targets)
        assert (value.item(), torch.autograd.grad(value, raw)[0].any().item()) == (0.0, False)


@pytest.mark.parametrize("name", ["kl_divergence", "poisson"])
def test_a_row_that_is_surely_wrong_costs_what_epsilon_says_and_has_no_slope(name: str) -> None:
    outputs = torch.tensor([[0.0, 200.0]], requires_grad=True)
    value = loss(name)(outputs, torch.tensor([0]))
    assert value.item() == pytest.approx(
        {"kl_divergence": log(1e7) + 1e-7 * log(1e-7), "poisson": (1 + log(1e7)) / 2}[name]
    )
    assert not torch.autograd.grad(value, outputs)[0].any()


@pytest.mark.parametrize("name", OURS)
def test_a_members_loss_and_gradient_have_the_same_bits_among_others_and_alone(name: str) -> None:
    members, rows = 5, 19
    outputs, targets = (numbers.unflatten(0, (members, rows)) for numbers in drawn(name, members * rows))
    outputs.requires_grad_()
    together = MemberLosses([loss(name) for _ in range(members)])(outputs, targets)
    (slopes,) = torch.autograd.grad(together.sum(), outputs)
    for place in range(members):
        own = outputs[place : place + 1].detach().requires_grad_()
        alone = MemberLosses([loss(name)])(own, targets[place : place + 1])
        assert torch.equal(alone, together[place : place + 1])
        assert torch.equal(torch.autograd.grad(alone.sum(), own)[0], slopes[place : place + 1])


@pytest.mark.parametrize("name", OURS)
def test_half_precision_outputs_are_computed_in_single_precision(name: str) -> None:
    outputs, targets = drawn(name, 32)
    half = outputs.to(torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = loss(name, reduction="none")(half, targets)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, loss(name, reduction="none")(half.float(), targets))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("focal", {"gamma": 0.5}),
        ("kl_divergence", {"epsilon": 0.1}),
        ("mape", {"epsilon": 0.9}),
        ("msle", {"epsilon": 0.5}),
        ("poisson", {"epsilon": 0.1}),
        ("quantile", {"levels": [0.2, 0.3, 0.4]}),
    ],
)
def test_members_whose_losses_differ_in_a_number_get_their_own(name: str, changes: dict[str, Any]) -> None:
    outputs, targets = drawn(name, 32)
    own = [loss(name), loss(name, **changes)]
    first, second = MemberLosses(own)(torch.stack([outputs, outputs]), torch.stack([targets, targets]))
    assert [first, second] == [each(outputs, targets) for each in own]
    assert first != second


@pytest.mark.parametrize(
    ("name", "key", "value", "wanted"),
    [
        ("focal", "gamma", -0.5, "must be a number of at least 0, got -0.5. Try loss.gamma=2."),
        ("poisson", "epsilon", 0, "must be a number of at least 1e-30 and at most 1, got 0. Try loss.epsilon=1e-07."),
        (
            "kl_divergence",
            "epsilon",
            1.5,
            "must be a number of at least 1e-30 and at most 1, got 1.5. Try loss.epsilon=",
        ),
        ("mape", "epsilon", 0.0, "must be a number of at least 1e-30, got 0.0. Try loss.epsilon=1e-07."),
        ("msle", "epsilon", "small", "must be a number of at least 1e-30, got 'small'. Try loss.epsilon=1e-07."),
        ("log_cosh", "reduction", "sum", "=sum is unknown. Valid: mean, none."),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_key(name: str, key: str, value: Any, wanted: str) -> None:
    with pytest.raises(ConfigError, match=f"^loss.{key} ?{re.escape(wanted)}"):
        loss(name, **{key: value})


@pytest.mark.parametrize(
    "levels", [[], [0.5, 0.1], [0.5, 0.5], [0.0, 0.5], [0.5, 1.0], [0, 1], [0.5, "a"], "0.5", 0.5, None]
)
def test_levels_that_are_not_ascending_between_0_and_1_are_refused(levels: Any) -> None:
    with pytest.raises(
        ConfigError,
        match=r"^loss\.levels must be a list of ascending numbers between 0 and 1, got .* Try loss\.levels=",
    ):
        losses.quantile(reduction="mean", levels=levels)
