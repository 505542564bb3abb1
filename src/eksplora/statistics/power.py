"""Sample sizes for a difference: the power of the paired t test."""

from bisect import bisect_left
from math import ceil, inf

from numpy.typing import ArrayLike
from scipy import stats

from eksplora.statistics._argument import check_count, check_fraction
from eksplora.statistics.effect import standardized
from eksplora.statistics.interval import mean_and_spread
from eksplora.statistics.paired import least_pairs

MOST_MEMBERS = 10_000
"""More members than anybody trains of one configuration."""
_CERTAIN = 1e6
"""A noncentrality beyond which the power is 1 and scipy's distribution not always a number."""


def paired_power(effect: float, num_pairs: int, alpha: float) -> float:
    """The chance that a two-sided paired t test sees a true standardized difference.

    P(|T| > t(n - 1, 1 - alpha / 2)), where T has the noncentral t distribution with n - 1 degrees of freedom and
    noncentrality effect * sqrt(n). Source: Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd edition,
    1988, section 2.3.

    Args:
        effect: The true mean of the differences over their true standard deviation.
        num_pairs: At least 2.
        alpha: Level of significance, in (0, 1).

    Raises:
        ValueError: If a number is out of range.

    Examples:
        >>> round(paired_power(0.5, 34, 0.05), 2)
        0.81
    """
    check_fraction(alpha, "alpha")
    check_count(num_pairs, "num_pairs", least=2)
    critical = float(stats.t.isf(alpha / 2, num_pairs - 1))
    noncentrality = min(abs(effect) * num_pairs**0.5, _CERTAIN)
    # scipy's lower tail is not a number when far out; the upper one of the mirror image is the same, and is one.
    return float(sum(stats.nct.sf(critical, num_pairs - 1, side * noncentrality) for side in (1, -1)))


def members_needed(
    differences: ArrayLike, *, alpha: float = 0.05, power: float = 0.8, most: int = MOST_MEMBERS
) -> int | None:
    """Number of paired members with which a two-sided paired t test detects a difference of the size seen.

    Never fewer than the exact test needs to reach `alpha` at all. The size seen is itself uncertain: say "about".

    Args:
        differences: Of the pairs so far, (pairs,).
        alpha: Level of significance, in (0, 1).
        power: The chance to see it, in (0, 1).
        most: Where the search ends.

    Returns:
        Members in all, those so far included. None where the mean difference is 0, more than `most` are needed, or a
        single pair says nothing.

    Raises:
        ValueError: If there are no differences, or not only finite ones, or `alpha` or `power` is no fraction.

    Examples:
        >>> members_needed([0, 1, 2, 3, -1])
        22
        >>> members_needed([1, -1]) is None
        True
    """
    check_fraction(power, "power", usual=0.8)
    fewest = max(2, least_pairs(alpha))
    mean, spread = mean_and_spread(differences)
    if spread is None or mean == 0:
        return None
    effect = standardized(differences)
    if effect is None:  # equal differences: any test that can detect them, does
        return fewest if fewest <= most else None
    # The power grows with the number of pairs, so halving finds the first that suffices.
    needed = bisect_left(range(most + 1), power, lo=fewest, key=lambda members: paired_power(effect, members, alpha))
    return needed if needed <= most else None


MOST_ROWS = 10_000_000
"""More rows than anybody collects for a comparison."""


def rows_needed(t: float, num_rows: int, *, alpha: float = 0.05, power: float = 0.8, fixed: float = 0.0) -> int | None:
    """Number of rows that would detect a difference of the size seen: its error shrinks with the root of their number.

    rows = num_rows * (1 - fixed) / (s^-2 - fixed) with s = (z(1 - alpha / 2) + z(power)) / t. The size seen is itself
    uncertain: say "about".

    Args:
        t: The difference over its standard error.
        num_rows: Rows behind it.
        alpha: Level of significance, in (0, 1).
        power: The chance to see it, in (0, 1).
        fixed: The share of the squared error that more rows leave as it is.

    Returns:
        None where the difference is 0, more than `MOST_ROWS` are needed, or no number of rows suffices.

    Examples:
        >>> rows_needed(1.4, 100)
        401
    """
    check_fraction(alpha, "alpha")
    check_fraction(power, "power")
    if t == 0:
        return None
    wanted = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
    if fixed:
        left = (t / wanted) ** 2 - fixed
        needed = num_rows * (1 - fixed) / left if left > 0 else inf
    else:
        needed = num_rows * (wanted / t) ** 2
    return ceil(needed) if needed <= MOST_ROWS else None


def splits_needed(
    values: ArrayLike, ratio: float, *, alpha: float = 0.05, power: float = 0.8, most: int = MOST_MEMBERS
) -> int | None:
    """Number of splits with which a corrected resampled t test detects a difference of the size seen.

    Its standard error never falls below spread * sqrt(ratio), however many splits are drawn of the same rows.

    Args:
        values: The differences of the splits so far, (splits,).
        ratio: Rows to validate on over rows to learn from.
        alpha: Level of significance, in (0, 1).
        power: The chance to see it, in (0, 1).
        most: Where the search ends.

    Returns:
        Splits in all; None where none up to `most` would tell it, or there is no difference or spread.

    Examples:
        >>> splits_needed([1.0, 2.0, 3.0], 0.25), splits_needed([0.1, 2.0, -1.0], 0.25) is None
        (9, True)
    """
    mean, spread = mean_and_spread(values)
    if not spread or mean == 0:
        return None

    def chance(splits: int) -> float:
        effect = abs(mean) / (spread * (1 / splits + ratio) ** 0.5)
        critical = float(stats.t.isf(alpha / 2, splits - 1))
        return float(stats.nct.sf(critical, splits - 1, min(effect, _CERTAIN)))

    needed = bisect_left(range(most + 1), power, lo=2, key=chance)
    return needed if needed <= most else None
