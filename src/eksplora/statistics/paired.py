"""Do paired members differ? Tests of the differences, and the least p that so few of them can reach."""

from collections.abc import Iterator, Sequence
from itertools import count
from math import ldexp

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eksplora.statistics._argument import check_count, check_fraction, finite

EXACT_PAIRS = 20
"""Up to here all sign flips are counted, 2^20 at most."""
NUM_DRAWS = 100_000
"""Sign flips drawn where there are too many to count: the standard error of p = 0.05 is then 0.0007."""
_ROUNDING = 1e-12
"""Share of the sum of all sizes: well above what another order of adding 64-bit floats changes, below any effect."""
_BLOCK = 2**22
"""Signs that are held at once (32 MiB as floats)."""


def sign_flip(differences: ArrayLike, *, resolution: float = 0.0, seed: int = 0) -> float:
    """The two-sided p of the mean difference, by the exact permutation test for pairs.

    Were the two sides of every pair exchangeable, each difference would have either sign alike:
    p = share of the 2^n sign patterns s with |sum(s_i d_i)| >= |sum(d_i)|.
    Source: Fisher, The Design of Experiments, 1935, section 21. Nothing is assumed of the distribution but that.

    More than 20 differences are too many to count; then b of m = 100 000 drawn patterns are as extreme and
    p = (1 + b) / (1 + m), which is valid, too: Phipson and Smyth, "Permutation p-values should never be zero",
    Statistical Applications in Genetics and Molecular Biology 9, 2010.

    Args:
        differences: Of the pairs, (pairs,).
        resolution: The largest error of a difference, from its storage: 2^-23 of the values' size where these were
            32-bit floats. Sums that differ by no more than it explains are ties, and ties count as extreme. So rounding
            never lowers p.
        seed: At least 0; decides the drawn patterns. A function of numpy's raw stream: the same in every version.

    Returns:
        In (0, 1]; 1 where all differences are 0.

    Raises:
        ValueError: If there are no differences, or not only finite ones.

    Examples:
        >>> sign_flip([1, 2, 3, 4, 5, 6])
        0.03125
        >>> sign_flip([0, 0, 0])
        1.0
    """
    sample = finite(differences, "differences")
    # The observed sum and a permuted one both have up to n * resolution of error: twice that is a tie.
    noise = 2 * len(sample) * resolution + _ROUNDING * np.abs(sample).sum()
    extreme = abs(sample.sum()) - noise
    if len(sample) <= EXACT_PAIRS:
        # By symmetry half of the patterns suffice: s and -s give the same |sum|.
        return float(np.mean(np.abs(_every_sum(sample)) >= extreme))
    # The observed pattern counts as one of the draws: p is never 0.
    num_extreme = sum(int((np.abs(sums) >= extreme).sum()) for sums in _drawn_sums(sample, seed))
    return (1 + num_extreme) / (1 + NUM_DRAWS)


def max_t(differences: ArrayLike, *, resolutions: Sequence[float] | None = None, seed: int = 0) -> NDArray[np.float64]:
    """Adjusted p values of several mean differences of the same members: sign flips that all of them share.

    They bound the chance of any false claim among all comparisons, also where those that are looked at were chosen by
    their values, and they use that comparisons of the same rows depend on each other. A pattern s flips a member in all
    comparisons at once; with t_c(s) = |sum_i s_i d_ci| / sqrt(sum_i d_ci^2) and comparisons in falling order of t_c:
    adjusted p_(j) = max over i <= j of the share of patterns with max over k >= i of t_(k)(s) >= t_(i). Source:
    Westfall and Young, Resampling-Based Multiple Testing, 1993, section 2.6 (step-down maxT).

    Args:
        differences: (comparisons, pairs).
        resolutions: The largest error of each comparison's differences, see `sign_flip`.
        seed: Decides drawn patterns, beyond 20 pairs.

    Returns:
        In the order of the comparisons; of a single one that of `sign_flip`.

    Raises:
        ValueError: If there are no differences, or not only finite ones.

    Examples:
        >>> max_t([[1, 2, 3, 4, 5, 6], [1, -1, 2, -2, 3, -4]]).tolist()
        [0.03125, 1.0]
    """
    table = np.atleast_2d(np.asarray(differences, dtype=np.float64))
    rows = [finite(row, "differences") for row in table]
    # Sign flips do not change sum d^2, so this scale is the same for all patterns. (comparisons,)
    lengths = np.sqrt((table**2).sum(1))
    lengths[lengths == 0] = 1.0
    errors = np.zeros(len(rows)) if resolutions is None else np.asarray(resolutions, dtype=np.float64)
    noise = (2 * table.shape[1] * errors + _ROUNDING * np.abs(table).sum(1)) / lengths
    extreme = np.abs(table.sum(1)) / lengths - noise
    # Stable, so that ties keep the order of the comparisons on every machine.
    order = np.argsort(-extreme, kind="stable")
    counts, num_patterns = np.zeros(len(rows)), 0
    for sums in _sums_together(table[order], seed):
        sizes = np.abs(sums) / lengths[order]  # (patterns, comparisons)
        # Step-down: a comparison competes with itself and the less extreme ones only.
        largest = np.maximum.accumulate(sizes[:, ::-1], axis=1)[:, ::-1]  # of a comparison and those after it
        counts += (largest >= extreme[order]).sum(0)
        num_patterns += len(sums)
    is_drawn = table.shape[1] > EXACT_PAIRS
    adjusted = np.empty(len(rows))
    # No p below that of a more extreme comparison; a drawn reference set counts the observed pattern too.
    adjusted[order] = np.maximum.accumulate((counts + is_drawn) / (num_patterns + is_drawn))
    return adjusted


def smallest_p(num_pairs: int) -> float:
    """The least two-sided p that so many pairs can reach, all differences having one sign: 2 / 2^n.

    Raises:
        ValueError: If there is no pair.

    Examples:
        >>> [smallest_p(num_pairs) for num_pairs in (1, 5, 6)]
        [1.0, 0.0625, 0.03125]
    """
    check_count(num_pairs, "num_pairs", least=1)
    return ldexp(1.0, 1 - num_pairs)  # 2 / 2**n, for any n


def least_pairs(alpha: float) -> int:
    """The fewest pairs whose smallest p is at most `alpha`.

    Args:
        alpha: Level of significance, in (0, 1).

    Raises:
        ValueError: If `alpha` is no fraction.

    Examples:
        >>> least_pairs(0.05), least_pairs(0.01)
        (6, 8)
    """
    check_fraction(alpha, "alpha")
    return next(num_pairs for num_pairs in count(1) if smallest_p(num_pairs) <= alpha)


def _every_sum(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums under all sign patterns that leave the first sign, (2^(n - 1),): the others are their negatives."""
    sums = sample[:1]
    for difference in sample[1:]:
        # Doubles with each pair: 2^(n - 1) sums without a table of patterns.
        sums = np.concatenate([sums + difference, sums - difference])
    return sums


def _sums_together(table: NDArray[np.float64], seed: int) -> Iterator[NDArray[np.float64]]:
    """The sums of each row of (comparisons, pairs) under the same sign patterns, in blocks (patterns, comparisons)."""
    if table.shape[1] <= EXACT_PAIRS:
        yield np.stack([_every_sum(row) for row in table], axis=1)
        return
    yield from (np.stack(block, axis=1) for block in zip(*(_drawn_sums(row, seed) for row in table), strict=True))


def _drawn_sums(sample: NDArray[np.float64], seed: int) -> Iterator[NDArray[np.float64]]:
    """The sums under drawn sign patterns, block by block, (patterns,)."""
    # numpy promises PCG64's raw stream for ever, but not what Generator.choice makes of it.
    stream, num_words = np.random.PCG64(seed), -(-len(sample) // 64)
    num_rows = max(1, _BLOCK // (64 * num_words))
    for start in range(0, NUM_DRAWS, num_rows):
        words = stream.random_raw(min(num_rows, NUM_DRAWS - start) * num_words).reshape(-1, num_words)
        octets = words.astype("<u8").view(np.uint8)  # little-endian on every machine
        flips = np.unpackbits(octets, axis=1, count=len(sample))  # (patterns, pairs)
        # Flipping a difference takes it away twice.
        yield sample.sum() - 2 * (flips @ sample)
