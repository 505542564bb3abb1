"""The value of a model of several members, as it is delivered, and how far other rows and members would move it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eksplora.records.estimate import Estimate
from eksplora.statistics.bounded import bounded_interval
from eksplora.statistics.generalization import Method, Scope, Uncertain

GROUPS = 200
"""Groups of rows that are left out in turn; a row each where there are no more of them."""
FEW_GROUPS = 20
"""The same where a member is left out too: a variance that is subtracted and a mean over members."""


def groups_of(rows: int, groups: int = GROUPS, together: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """The group of each row that is left out, (rows,): of equal size but for one row, and drawn, as rows have an order.

    Args:
        rows: All of them.
        groups: Most groups.
        together: The rows that are alike, as a number for each, (rows,): they are left out together; None: none are.
    """
    if together is not None:
        names, of_row = np.unique(together, return_inverse=True)
        return groups_of(len(names), groups)[of_row]
    count = min(rows, groups)
    if count == rows:
        return np.arange(rows)
    drawn = np.random.PCG64(0).random_raw(rows)  # numpy promises the raw stream for ever
    return np.asarray(np.argsort(np.argsort(drawn, kind="stable")) % count, dtype=np.int64)


@dataclass(frozen=True)
class LeftOut:
    """Values of a measure of a model without a part of the rows or of the members.

    Attributes:
        rows: Without each group of rows, (groups,).
        members: Without each member, (members,); empty for one member.
        both: Without each member and each of fewer groups of rows, (groups, members).
    """

    rows: NDArray[np.float64]
    members: NDArray[np.float64]
    both: NDArray[np.float64]


def left_out_of_mean(
    losses: NDArray[np.float64],
    without: NDArray[np.float64],
    weights: NDArray[np.float64],
    groups: NDArray[np.int64],
    few: NDArray[np.int64],
) -> LeftOut:
    """The values of a mean over rows without parts of rows and members.

    Args:
        losses: What each row adds, of all members, (rows,).
        without: The same without each member, (members, rows); empty for one member.
        weights: What each row counts, (rows,).
        groups: The part that each row is left out with, (rows,), see `groups_of`.
        few: The same where a member is left out too.

    Examples:
        >>> alone = np.arange(3)
        >>> left_out_of_mean(np.array([1.0, 2.0, 6.0]), np.empty((0, 3)), np.ones(3), alone, alone).rows.tolist()
        [4.0, 3.5, 1.5]
    """
    return LeftOut(
        rows=_means_without(losses, weights, groups),
        members=without @ weights / weights.sum() if len(without) else np.empty(0),
        both=np.array([_means_without(one, weights, few) for one in without]).T,
    )


def _means_without(
    losses: NDArray[np.float64], weights: NDArray[np.float64], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    parts, own = np.bincount(groups, weights=losses * weights), np.bincount(groups, weights=weights)
    return np.asarray((losses @ weights - parts) / (weights.sum() - own))


def uncertain_delivered(value: float, left_out: LeftOut) -> Uncertain:
    """A measure of a model on rows that nothing chose by, with its error over rows and over members.

    The variance over rows is the jackknife's (of an area under the ROC curve nearly DeLong's, of a mean exactly s^2 /
    n). That over members is the jackknife's less what rows alone add to it, at least 0: two crossed random effects
    (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1, 2007, for why both may not simply be added).
    With one member nothing is known of another training, and the error is that over rows.

    Args:
        value: The measure of all members on all rows.
        left_out: The same without parts of them.

    Examples:
        >>> off = np.array([1.0, 2.0, 3.0, 6.0])  # losses of four rows, whose mean is the measure
        >>> without = LeftOut((off.sum() - off) / 3, np.empty(0), np.empty((0, 0)))
        >>> found = uncertain_delivered(off.mean(), without)
        >>> round(found.error, 3), round(float(off.std(ddof=1)) / 2, 3), found.freedom
        (1.08, 1.08, 3.0)
    """
    groups, members = len(left_out.rows), len(left_out.members)
    if groups < 2 or not np.isfinite([value, *left_out.rows, *left_out.members, *left_out.both.flat]).all():
        return Uncertain(value, None, 0, Scope.NEW_ROWS, Method.LEFT_OUT, left_out.rows)
    over_rows = float(_jackknife(left_out.rows))
    over_members = _over_members(left_out) if members > 1 else 0.0
    total = over_rows + over_members
    squares = over_rows**2 / (groups - 1) + (over_members**2 / (members - 1) if members > 1 else 0.0)
    return Uncertain(
        mean=value,
        error=float(np.sqrt(total)),
        freedom=total**2 / squares if squares else float(groups - 1),  # Satterthwaite's
        scope=Scope.NEW_ROWS,
        method=Method.LEFT_OUT,
        units=left_out.rows,
        skewness=_skewness(left_out.rows) * (over_rows / total) ** 1.5 if total else 0.0,
    )


def delivered(
    value: float | None,
    left_out: LeftOut | None,
    bounds: tuple[float, float],
    *,
    rows: int,
    independent: float | None = None,
) -> Estimate:
    """A measure of what is delivered with its interval, which holds the value and stays within the measure's bounds.

    Args:
        value: The measure; None where it is not defined.
        left_out: The same without parts of the rows and members; None where nothing can be said of other rows.
        bounds: Its least and greatest value.
        rows: Rows that it was measured on.
        independent: See `bounded_interval`.
    """
    if value is None:
        return Estimate(mean=None, n=rows, scope=str(Scope.NEW_ROWS))
    found = None if left_out is None else uncertain_delivered(value, left_out)
    interval = None if found is None else bounded_interval(found, bounds, independent=independent)
    ends = {} if interval is None else {"low": interval.low, "high": interval.high}
    return Estimate(mean=value, **ends, n=rows, scope=str(Scope.NEW_ROWS))


def _jackknife(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The variance of a measure from its values without each part, along the first axis; 0 for rounding."""
    count = len(values)
    spread = np.asarray((count - 1) / count * ((values - values.mean(0)) ** 2).sum(0))
    return np.where(np.ptp(values, axis=0) <= 1e-12 * np.abs(values).max(0), 0.0, spread)


def _over_members(left_out: LeftOut) -> float:
    """The variance that other members would add, for the rows at hand and for others alike."""
    count = len(left_out.members)
    off = left_out.both - left_out.both.mean(1, keepdims=True)
    by_chance = (count - 1) / count * float(_jackknife(off).sum())
    return max(0.0, float(_jackknife(left_out.members)) - by_chance)


def _skewness(values: NDArray[np.float64]) -> float:
    """The skewness of a measure from its values without each group: that of the groups' influence over sqrt(groups)."""
    influence = values.mean() - values
    square = float((influence**2).mean())
    return float((influence**3).mean()) / square**1.5 / len(values) ** 0.5 if square > 0 else 0.0
