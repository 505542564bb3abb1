"""Losses that torch does not have: each a formula over rows, and the mean of what it gives.

Outputs are (rows, num_outputs), as the network gives them. For classes they are raw scores (softmax and sigmoid are
inside) and targets class numbers (rows,); for two classes outputs may be log-odds (rows, 1) and targets 0.0 or 1.0
(rows, 1). Otherwise targets are numbers (rows, targets). Every row is computed from itself alone, in single precision
or better, and a row of zeros is as good as any.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import inf, log

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eksplora.declares import declares
from eksplora.errors import ConfigError
from eksplora.ranges import check_choice, check_number, refusal

REDUCTIONS = ("mean", "none")
LEAST_EPSILON = 1e-30
"""Far above the smallest numbers of single precision, so that what is divided by it stays finite."""


class Mean(nn.Module):
    """The plain mean of a formula over rows.

    Attributes:
        is_plain_mean: What is given with the reduction `none` has the loss as its plain mean.
        each: (outputs, targets) -> a number per row, (rows,), or per output, (rows, outputs).
        reduction: `mean`: a scalar; `none`: what `each` gives.
    """

    is_plain_mean = True

    def __init__(self, each: Callable[[Tensor, Tensor], Tensor], *, reduction: str) -> None:
        super().__init__()
        self.each, self.reduction = each, check_choice(reduction, "loss.reduction", REDUCTIONS)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of outputs (rows, num_outputs)."""
        numbers = self.each(outputs if outputs.dtype == torch.float64 else outputs.float(), targets)
        return numbers.mean() if self.reduction == "mean" else numbers


def _checked_epsilon(value: object, *, most: float = inf) -> float:
    """The value itself, if it can be added to what is divided by or has a logarithm."""
    return check_number(value, "loss.epsilon", least=LEAST_EPSILON, most=most, usual=1e-7)


# --- classes -----------------------------------------------------------------------------------------------------


@declares(tasks=("binary", "classification"))
def focal(*, reduction: str, gamma: float) -> Mean:
    """Cross entropy that cares less for rows that are nearly right: -(1 - p_t)**gamma log(p_t).

    p_t is the probability of the row's own class. Source: Lin et al., "Focal loss for dense object detection", ICCV
    2017, equation 4; without the class weights of equation 5. For two classes and for more. Keras'
    `CategoricalFocalCrossentropy` with `alpha=1`, which also clips probabilities to [1e-7, 1 - 1e-7].

    Args:
        reduction: `mean` over the rows, or `none`.
        gamma: From 0, which is cross entropy.

    Raises:
        ConfigError: If a value is out of its range.

    Examples:
        >>> rows = focal(reduction="none", gamma=2.0)(torch.tensor([[0.0, 0.0], [0.0, 4.0]]), torch.tensor([0, 1]))
        >>> [round(row, 6) for row in rows.tolist()]  # a quarter of cross entropy's, and 0.0003 of it
        [0.173287, 6e-06]
    """
    return Mean(partial(_focal, gamma=check_number(gamma, "loss.gamma", least=0, usual=2)), reduction=reduction)


def _focal(outputs: Tensor, targets: Tensor, *, gamma: float) -> Tensor:
    if outputs.shape[1] == 1:  # log-odds x are the scores [0, x]
        outputs, targets = F.pad(outputs, (1, 0)), targets.flatten().long()
    surprise = F.cross_entropy(outputs, targets, reduction="none")  # -log(p_t), (rows,)
    miss = -torch.expm1(-surprise)  # 1 - p_t
    least = torch.finfo(miss.dtype).tiny  # at 0 the slope of a power below 1 is infinite
    return miss.clamp(min=least) ** gamma * surprise


@declares(tasks=("classification",))
def poisson(*, reduction: str, epsilon: float) -> Mean:
    """Keras' `Poisson` on the probabilities p of C classes and one-hot targets y: sum_k (p_k - y_k log(p_k + e)) / C.

    Source: https://keras.io/api/losses/probabilistic_losses/#poisson-class.

    Probabilities add up to 1, so this is (1 - log(p_t + e)) / C with the probability p_t of the row's own class: cross
    entropy divided by C, but for a constant and for rows with p_t of e or less, which hardly have a slope.

    Args:
        reduction: `mean` over the rows, or `none`.
        epsilon: e, from 1e-30 to 1.

    Raises:
        ConfigError: If a value is out of its range.

    Examples:
        >>> round(poisson(reduction="mean", epsilon=1e-7)(torch.zeros(1, 2), torch.tensor([1])).item(), 4)
        0.8466
    """
    return Mean(partial(_poisson, epsilon=_checked_epsilon(epsilon, most=1)), reduction=reduction)


def _poisson(outputs: Tensor, targets: Tensor, *, epsilon: float) -> Tensor:
    log_own = -F.nll_loss(F.log_softmax(outputs, dim=1), targets, reduction="none")  # log(p_t), (rows,)
    return (1 - (log_own.exp() + epsilon).log()) / outputs.shape[1]


@declares(tasks=("classification",))
def kl_divergence(*, reduction: str, epsilon: float) -> Mean:
    """Keras' `KLDivergence` on probabilities p and one-hot targets y: sum_k y_k log(y_k / p_k), both clipped to [e, 1].

    Source: Kullback and Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22, 1951, in the
    form of https://keras.io/api/losses/probabilistic_losses/#kldivergence-class.

    With p_t the probability of the row's own class this is -log(p_t) + sum_{k != t} e log(e / p_k): cross entropy, but
    for the sum, which is between e C log(e) and 0 with C classes, and for rows with p_t below e, where the first term
    stays at -log(e) and has no slope. Without the clipping the two would be the same, as a one-hot y has no entropy.

    Args:
        reduction: `mean` over the rows, or `none`.
        epsilon: e, from 1e-30 to 1.

    Raises:
        ConfigError: If a value is out of its range.

    Examples:
        >>> round(kl_divergence(reduction="mean", epsilon=1e-7)(torch.zeros(1, 2), torch.tensor([1])).item(), 4)
        0.6931
    """
    return Mean(partial(_kl_divergence, epsilon=_checked_epsilon(epsilon, most=1)), reduction=reduction)


def _kl_divergence(outputs: Tensor, targets: Tensor, *, epsilon: float) -> Tensor:
    clipped = F.log_softmax(outputs, dim=1).clamp(min=log(epsilon))  # log(p), (rows, classes)
    own = F.nll_loss(clipped, targets, reduction="none")  # log(1 / p_t), (rows,)
    others = (log(epsilon) - clipped).sum(1) - (log(epsilon) + own)  # sum of log(e / p_k), (rows,)
    return own + epsilon * others


# --- numbers -----------------------------------------------------------------------------------------------------


def log_cosh(*, reduction: str) -> Mean:
    """log(cosh(x)) of the difference x: x**2 / 2 where it is small, |x| - log(2) where it is large.

    Here it is log(exp(x) + exp(-x)) - log(2), which overflows nowhere. Its slope is tanh(x). Source: Keras' `LogCosh`,
    https://keras.io/api/losses/regression_losses/#logcosh-class.

    Args:
        reduction: `mean` over rows and targets, or `none`.

    Raises:
        ConfigError: If the reduction is unknown.

    Examples:
        >>> rows = log_cosh(reduction="none")(torch.tensor([[0.0], [1.0], [1000.0]]), torch.zeros(3, 1))
        >>> [round(row, 4) for row in rows.flatten().tolist()]
        [0.0, 0.4338, 999.3068]
    """
    return Mean(_log_cosh, reduction=reduction)


def _log_cosh(outputs: Tensor, targets: Tensor) -> Tensor:
    difference = _paired(outputs, targets) - targets
    return torch.logaddexp(difference, -difference) - log(2)


@declares(keeps_zero=True)
def mape(*, reduction: str, epsilon: float) -> Mean:
    """The absolute difference in percent of the target: 100 |y - t| / max(|t|, e).

    Source: Keras' loss of this name,
    https://keras.io/api/losses/regression_losses/#meanabsolutepercentageerror-class.

    Outputs and targets must be in the target's own unit. A target of 0 gives differences a weight of 100 / e: choose an
    e of the size below which targets do not matter where there are such.

    Args:
        reduction: `mean` over rows and targets, or `none`.
        epsilon: e, in the target's unit; from 1e-30.

    Raises:
        ConfigError: If a value is out of its range.

    Examples:
        >>> mape(reduction="mean", epsilon=1e-7)(torch.tensor([[3.0], [8.0]]), torch.tensor([[4.0], [8.0]])).item()
        12.5
    """
    return Mean(partial(_mape, epsilon=_checked_epsilon(epsilon)), reduction=reduction)


def _mape(outputs: Tensor, targets: Tensor, *, epsilon: float) -> Tensor:
    return 100 * (_paired(outputs, targets) - targets).abs() / targets.abs().clamp(min=epsilon)


@declares(keeps_zero=True, least_target=0)
def msle(*, reduction: str, epsilon: float) -> Mean:
    """The squared difference of logarithms: (log(1 + max(y, e)) - log(1 + max(t, e)))**2.

    Source: Keras' loss of this name,
    https://keras.io/api/losses/regression_losses/#meansquaredlogarithmicerror-class.

    For targets from 0, in their own unit. Outputs below e have no slope: a network whose last activation gives no
    negative numbers, such as softplus, does not get stuck there.

    Args:
        reduction: `mean` over rows and targets, or `none`.
        epsilon: e, in the target's unit; from 1e-30.

    Raises:
        ConfigError: If a value is out of its range.

    Examples:
        >>> round(msle(reduction="mean", epsilon=1e-7)(torch.tensor([[3.0]]), torch.tensor([[1.0]])).item(), 4)
        0.4805
    """
    return Mean(partial(_msle, epsilon=_checked_epsilon(epsilon)), reduction=reduction)


def _msle(outputs: Tensor, targets: Tensor, *, epsilon: float) -> Tensor:
    ours, theirs = (numbers.clamp(min=epsilon).log1p() for numbers in (_paired(outputs, targets), targets))
    return (ours - theirs).square()


def _paired(outputs: Tensor, targets: Tensor) -> Tensor:
    """The outputs themselves, if there is one for each target."""
    if outputs.shape != targets.shape:
        raise ValueError(f"outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)} should be alike in shape")
    return outputs


# --- quantiles ---------------------------------------------------------------------------------------------------


@declares(tasks=("quantiles",))
def quantile(*, reduction: str, levels: Sequence[float]) -> Mean:
    """The pinball loss of several quantiles of one target: max(q (t - y_q), (q - 1) (t - y_q)) for each level q.

    Outputs are (rows, levels), targets (rows, 1). The output that makes it least in the mean is the quantile of level
    q; at level 0.5, the median, it is half the absolute difference. Source: Koenker and Bassett, "Regression
    quantiles", Econometrica 46, 1978.

    Args:
        reduction: `mean` over rows and levels, or `none`.
        levels: Between 0 and 1, ascending.

    Raises:
        ConfigError: If a value is out of its range.

    Examples:
        >>> pinball = quantile(reduction="none", levels=[0.25, 0.5, 0.75])
        >>> pinball(torch.tensor([[0.0, 1.0, 6.0]]), torch.tensor([[2.0]]))
        tensor([[0.5000, 0.5000, 1.0000]])
    """
    return Mean(partial(_quantile, levels=checked_levels(levels, "loss.levels")), reduction=reduction)


def _quantile(outputs: Tensor, targets: Tensor, *, levels: Sequence[float]) -> Tensor:
    if outputs.shape != (len(targets), len(levels)) or targets.shape != (len(targets), 1):
        shapes = f"outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)}"
        raise ValueError(f"{shapes} should have {len(levels)} columns, one per level, and 1")
    columns = zip(levels, (targets - outputs).unbind(1), strict=True)  # numbers, as a tensor would be on some device
    return torch.stack([torch.maximum(level * above, (level - 1) * above) for level, above in columns], dim=1)


def checked_levels(levels: object, key: str) -> tuple[float, ...]:
    """The levels themselves, if they are ascending numbers between 0 and 1, at least one.

    Raises:
        ConfigError: Naming the key, if they are not.
    """
    given = tuple(levels) if isinstance(levels, Sequence) and not isinstance(levels, str) else ()
    are_numbers = all(isinstance(level, float) for level in given)  # whole numbers are not between 0 and 1
    bounds = (0.0, *given, 1.0)
    if not given or not are_numbers or not all(low < high for low, high in pairwise(bounds)):
        raise ConfigError(refusal(key, "a list of ascending numbers between 0 and 1", levels, "[0.1,0.5,0.9]"))
    return given
