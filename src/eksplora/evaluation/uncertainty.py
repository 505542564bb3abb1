"""Coverage and width of prediction intervals."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eksplora.evaluation._weights import Array
from eksplora.evaluation.classification import measures
from eksplora.records.details import Agreement, PredictionInterval
from eksplora.records.estimate import Estimate

LEVEL = 0.9
"""Default nominal coverage of the intervals."""


def covering(name: str, says: str, level: float, ends: tuple[Array, Array], targets: Array) -> PredictionInterval:
    """Share of the targets in their intervals, with Wilson's 95% interval of that share, and the mean width.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    Args:
        name: By what the intervals are made.
        says: How to read them.
        level: What they promise to hold.
        ends: Low ends and high ends, each (rows,).
        targets: (rows,).
    """
    from scipy.stats import binomtest

    low, high = ends
    inside = int(((low <= targets) & (targets <= high)).sum())
    share = binomtest(inside, len(targets)).proportion_ci(0.95, method="wilson")
    return PredictionInterval(
        name=name,
        says=says,
        level=level,
        coverage=Estimate(mean=inside / len(targets), low=float(share.low), high=float(share.high), n=len(targets)),
        width=float((high - low).mean()),
    )


def ensemble_interval(each: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Interval of another member's prediction: mean -+ t s sqrt(1 + 1 / k), for k members of spread s.

    Source: the prediction interval of a normal sample, Hahn and Meeker, "Statistical intervals", 1991, section 4.7.

    Args:
        each: What the members predict, (members, rows), two members at least.
        level: In (0, 1).
    """
    from scipy.stats import t

    count = len(each)
    half = t.ppf((1 + level) / 2, count - 1) * each.std(0, ddof=1) * np.sqrt(1 + 1 / count)
    return each.mean(0) - half, each.mean(0) + half


def of_ensemble(each: Array, targets: Array) -> PredictionInterval:
    """The ensemble's intervals, (members, rows), judged on targets (rows,)."""
    says = (
        f"Where {LEVEL:.0%} of further members' predictions would lie. It holds what other seeds would say and nothing "
        "of the noise in the targets, so it mostly covers less."
    )
    return covering("ensemble", says, LEVEL, ensemble_interval(each), targets)


def of_quantiles(outputs: Array, levels: Sequence[float], targets: Array) -> PredictionInterval:
    """Quantiles that networks put out, (rows, levels), two or more, as intervals from the lowest level to the highest.

    Source: Koenker and Bassett, "Regression quantiles", Econometrica 46, 1978.
    """
    level = round(levels[-1] - levels[0], 9)  # 0.9 rather than 0.8999999999999999
    says = f"From the quantile {levels[0]:g} to {levels[-1]:g} that the networks put out, mean of the members."
    ends = outputs.min(1), outputs.max(1)  # quantiles may cross
    return covering("quantiles", says, level, ends, targets)


def of_dropout(passes: Array, targets: Array) -> PredictionInterval:
    """Quantiles of predictions with dropout left on, (passes, rows), as intervals.

    Source: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016, section 4; without the noise of the
    targets, which a model precision would add.
    """
    low, high = np.quantile(passes, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    says = (
        f"The middle {LEVEL:.0%} of {len(passes)} predictions of the first member with dropout left on. It holds "
        "nothing of the noise in the targets."
    )
    return covering("dropout", says, LEVEL, (low, high), targets)


def of_classes(name: str, says: str, each: Array, labels: NDArray[np.int64]) -> Agreement:
    """Quality of the mean of several members or passes, (members, rows, classes), and how far they agree.

    `mutual_information` = entropy of the mean - mean of the entropies, in nats: how far the uncertainty is one of the
    weights. Source: Gal, Islam and Ghahramani, "Deep Bayesian active learning with image data", ICML 2017, equation 3.
    """
    mean = each.mean(0)
    found = measures(mean, labels)
    information = _entropy(mean) - _entropy(each).mean(0)
    return Agreement(
        name=name,
        says=says,
        accuracy=found["accuracy"],
        calibration_error=found["calibration_error"],
        log_loss=found["log_loss"],
        mutual_information=float(max(0.0, information.mean())),
    )


def _entropy(probabilities: Array) -> Array:
    """-sum p log p over the last axis, 0 log 0 = 0."""
    logged = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    found: Array = -(probabilities * logged).sum(-1)
    return found
