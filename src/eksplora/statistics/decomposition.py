"""Expected loss over members, as bias and variance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eksplora.statistics._argument import finite


@dataclass(frozen=True)
class Decomposition:
    """The loss that a member is expected to have, and where it comes from.

    Attributes:
        loss: Mean over members and rows.
        bias: Loss of the main prediction: what all members have in common. For the squared error it is bias squared.
        variance: How far members are from the main prediction.
    """

    loss: float
    bias: float
    variance: float


def squared_error(predictions: ArrayLike, targets: ArrayLike) -> Decomposition:
    """The squared error of numbers: loss = bias + variance.

    With y a target and p_m what member m predicts, over rows: bias = mean (y - mean_m p_m)^2, variance =
    mean_m (p_m - mean_m p_m)^2 (divided by the number of members, so that the sum is exact). Noise of the targets is
    part of the bias. Source: Geman, Bienenstock and Doursat, "Neural networks and the bias/variance dilemma", Neural
    Computation 4, 1992, section 3.

    Args:
        predictions: Numbers, (members, rows).
        targets: Numbers, (rows,).

    Raises:
        ValueError: If shapes do not fit or a number is not finite.

    Examples:
        >>> squared_error([[1, 2], [3, 2]], [2, 4])
        Decomposition(loss=2.5, bias=2.0, variance=0.5)
    """
    predicted, wanted = _checked(predictions, targets)
    # (rows,): the main prediction of the squared error is the mean
    main = predicted.mean(0)
    return Decomposition(
        loss=float(((predicted - wanted) ** 2).mean()),
        bias=float(((main - wanted) ** 2).mean()),
        variance=float(((predicted - main) ** 2).mean()),
    )


def zero_one(predictions: ArrayLike, targets: ArrayLike) -> Decomposition:
    """The error rate of classes; the main prediction is what most members say, of equally many the smallest class.

    bias = share of rows where the main prediction is wrong, variance = share of (member, row) that differ from it. Loss
    is not their sum: where the main prediction is wrong, a member that differs may be right. Source: Domingos, "A
    unified bias-variance decomposition", ICML 2000, sections 2 and 3 (c1 = c2 = 1 in the variance).

    Args:
        predictions: Classes from 0, (members, rows).
        targets: Classes from 0, (rows,).

    Raises:
        ValueError: If shapes do not fit or a number is not finite.

    Examples:
        >>> zero_one([[0, 1], [0, 2], [1, 2]], [0, 1])
        Decomposition(loss=0.5, bias=0.5, variance=0.3333333333333333)
    """
    predicted, wanted = _checked(predictions, targets)
    counts = [(predicted == number).sum(0) for number in range(int(predicted.max()) + 1)]  # each (rows,)
    # argmax takes the first of equal counts: the smallest class.
    main = np.argmax(counts, axis=0)
    return Decomposition(
        loss=float((predicted != wanted).mean()),
        bias=float((main != wanted).mean()),
        variance=float((predicted != main).mean()),
    )


def _checked(predictions: ArrayLike, targets: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    predicted, wanted = np.asarray(predictions, dtype=np.float64), finite(targets, "targets")
    if predicted.ndim != 2 or predicted.shape[1:] != wanted.shape:
        raise ValueError(
            f"predictions must be (members, rows) for {len(wanted)} targets, got shape {list(predicted.shape)}. "
            "Give a row of predictions for each member."
        )
    if not np.isfinite(predicted).all():
        raise ValueError("predictions must be finite. Leave diverged members out.")
    return predicted, wanted
