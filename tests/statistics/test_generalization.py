from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.model_selection import KFold, RepeatedStratifiedKFold, cross_val_score
from sklearn.svm import SVC

from eksplora.statistics.generalization import (
    Method,
    Sample,
    Scope,
    adjusted,
    uncertain,
    uncertain_difference,
    variance_shares,
)
from eksplora.statistics.verdict import Verdict, compare_rows, compare_samples


def folded(losses: NDArray[np.float64], folds: int, *, seed: int = 0) -> Sample:
    """A sample of one seed for each fold, from the loss of each row, (rows,)."""
    splits = list(KFold(folds, shuffle=True, random_state=seed).split(losses))
    table = np.full((folds, len(losses)), np.nan)
    for fold, (_, validation) in enumerate(splits):
        table[fold, validation] = losses[validation]
    return Sample(np.nanmean(table, axis=1), np.arange(folds), 1 / (folds - 1), len(losses), table)


def test_the_corrected_t_is_that_of_scikit_learns_example() -> None:
    features, labels = make_moons(noise=0.352, random_state=1, n_samples=100)
    splitter = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    scores = [
        cross_val_score(SVC(random_state=0, **kernel), features, labels, cv=splitter, scoring="roc_auc")
        for kernel in ({"kernel": "rbf"}, {"kernel": "linear"})
    ]
    train, test = next(iter(splitter.split(features, labels)))
    one, other = (Sample(values, np.arange(100), len(test) / len(train), 100) for values in scores)
    found = uncertain(one - other)
    # "Statistical comparison of models using grid search" prints these for the same two models and folds.
    assert round(found.mean / found.error, 3) == 0.750
    assert round(found.p / 2, 3) == 0.227
    assert (found.scope, found.method, found.freedom) == (Scope.DATA, Method.RESAMPLED, 99)


def test_the_corrected_t_is_that_of_baycomp() -> None:
    """`2 min(baycomp.CorrelatedTTest.probs(one, other, rope=0, runs=1))` of baycomp 1.0.3, ten folds."""
    one = np.array([0.802, 0.868, 0.861, 0.774, 0.785, 0.774, 0.828, 0.797, 0.837, 0.708])
    other = np.array([0.819, 0.835, 0.851, 0.74, 0.744, 0.758, 0.823, 0.761, 0.802, 0.699])
    found = uncertain(Sample(one - other, np.arange(10), 1 / 9, 100))
    assert found.p == pytest.approx(0.04245177706772707)


def test_folds_are_judged_row_by_row() -> None:
    losses = np.random.default_rng(0).normal(0.3, 1, 120)
    found = uncertain(folded(losses, 6))
    assert (found.scope, found.method) == (Scope.DATA, Method.ROWS)
    assert found.mean == pytest.approx(losses.mean())
    folds = folded(losses, 6).values
    larger = max(losses.var(ddof=1) / 120, folds.var(ddof=1) / 6)
    assert found.error == pytest.approx(np.sqrt(larger * 1.4))


def test_a_seed_that_moves_its_whole_fold_counts_as_a_fold() -> None:
    splits = np.repeat(np.arange(5), 20)
    table = np.full((5, 100), np.nan)
    table[splits, np.arange(100)] = np.random.default_rng(1).normal(0, 0.1, 100) + np.array([1, -1, 2, 0, 1])[splits]
    sample = Sample(np.nanmean(table, axis=1), np.arange(5), 0.25, 100, table)
    found = uncertain(sample)
    assert found.freedom == 4
    assert found.error == pytest.approx(np.sqrt(sample.values.var(ddof=1) / 5 * 1.4))


def test_repeats_of_a_cross_validation_do_not_count_as_further_rows() -> None:
    rng, effects = np.random.default_rng(5), np.array([1.0, -1.0, 2.0, 0.0, 1.5, -0.5, 0.5, 2.5])
    table = np.full((8, 100), np.nan)
    for member, effect in enumerate(effects):
        fold_of = np.arange(100) % 4 if member < 4 else np.arange(100) // 25
        table[member, fold_of == member % 4] = effect + rng.normal(0, 0.1, 25)
    sample = Sample(np.nanmean(table, axis=1), np.arange(8), 1 / 3, 100, table)
    found = uncertain(sample)
    assert (sample.num_repeats, found.freedom) == (2, 8 - 2)
    assert found.error == pytest.approx(np.sqrt(sample.values.var(ddof=1) / 4 * 1.4))


def test_one_split_speaks_for_new_rows_that_are_judged_and_adds_rows_and_seeds() -> None:
    table = np.random.default_rng(2).normal(0.5, 1, (4, 200)) + np.array([[0.0], [0.1], [-0.1], [0.2]])
    sample = Sample(table.mean(1), np.zeros(4, dtype=np.int64), 0.25, 1000, table)
    found = uncertain(sample)
    over_rows, over_seeds = table.mean(0).var(ddof=1) / 200, table.mean(1).var(ddof=1) / 4
    assert found.scope is Scope.NEW_ROWS
    assert found.error == pytest.approx(np.sqrt(over_rows + over_seeds))
    assert 3 < found.freedom < 202


def test_one_split_without_rows_speaks_for_these_rows_by_sign_flips() -> None:
    values = [np.arange(8.0), np.arange(8.0) + 1]
    samples = [Sample(one, np.zeros(8, dtype=np.int64), 0.25, 100) for one in values]
    found = compare_samples(samples, [(0, 1)], direction="minimize")
    assert found == compare_rows(values, [(0, 1)], direction="minimize")
    assert found[0].scope is Scope.THESE_ROWS


def test_a_narrower_scope_can_be_asked_for() -> None:
    samples = [folded(np.random.default_rng(seed).normal(size=80), 8) for seed in range(2)]
    found = compare_samples(samples, [(0, 1)], direction="minimize", scope=Scope.THESE_ROWS)
    assert found == compare_rows([sample.values for sample in samples], [(0, 1)], direction="minimize")


def test_a_handful_of_rows_that_differ_claims_no_more_than_a_sign_test() -> None:
    losses = np.zeros(100)
    losses[:4] = 1  # accuracy: the one is right where the other is wrong in 4 rows, never the other way round
    assert uncertain_difference(folded(losses, 5), folded(0 * losses, 5)).p == pytest.approx(2 / 2**4)


def of_one_split(losses: np.ndarray) -> Sample:
    """The sample of one member that validates on all these rows."""
    return Sample(np.array([losses.mean()]), np.zeros(1, dtype=np.int64), 0.25, 5 * len(losses), losses[None])


@pytest.mark.parametrize("folds", [1, 5])
def test_a_single_row_that_differs_says_nothing_of_others(folds: int) -> None:
    """A sign test of one row has p = 1: there is no reach to divide by."""
    losses = np.zeros(40)
    losses[3] = 1.0
    one, other = (folded(each, folds) if folds > 1 else of_one_split(each) for each in (losses, 0 * losses))
    found = uncertain_difference(one, other)
    assert (found.p, found.error, found.interval(0.95)) == (1.0, None, None)


def test_equal_samples_do_not_differ() -> None:
    sample = folded(np.random.default_rng(0).normal(size=60), 6)
    (found,) = compare_samples([sample, sample], [(0, 1)], direction="minimize")
    assert (found.difference, found.p, found.verdict) == (0.0, 1.0, Verdict.NOT_DISTINGUISHABLE)


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.999999])
def test_adjusted_p_are_those_of_the_joint_distribution(correlation: float) -> None:
    rng = np.random.default_rng(3)
    shared, own = rng.normal(size=(1, 4000)), rng.normal(size=(5, 4000))
    rows = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own + 0.037
    found = [uncertain(folded(row, 5)) for row in rows]
    ps, level = adjusted(found, 0.05)
    matrix = np.corrcoef(rows)
    joint = stats.multivariate_normal(np.zeros(5), matrix, allow_singular=True)
    for one, p in zip(found, ps, strict=True):
        bound = np.full(5, stats.norm.isf(one.p / 2))
        assert p == pytest.approx(1 - joint.cdf(bound, lower_limit=-bound), abs=0.01)
    assert 1 - 0.05 <= level <= 1 - 0.05 / 5 + 0.001


def test_adjusted_p_do_not_depend_on_chance() -> None:
    found = [uncertain(folded(np.random.default_rng(seed).normal(0.2, 1, 90), 9)) for seed in range(4)]
    assert adjusted(found, 0.05) == adjusted(found, 0.05)


studies = st.integers(0, 2**32 - 1)


@given(
    studies, st.integers(2, 6), st.sampled_from(["folds", "repeats", "resamples", "holdout", "seeds"]), st.booleans()
)
def test_an_interval_excludes_0_exactly_where_a_difference_is_claimed(
    seed: int, configurations: int, design: str, is_planned: bool
) -> None:
    samples = random_study(seed, configurations, design)
    pairs = [(one, 0) for one in range(1, configurations)]
    for scope in Scope:
        for found in compare_samples(samples, pairs, direction="minimize", scope=scope, is_planned=is_planned):
            if found.interval is None:
                assert found.verdict is Verdict.NOT_DISTINGUISHABLE
                continue
            excludes = found.interval.low >= 0 or found.interval.high <= 0
            touches = 0 in (found.interval.low, found.interval.high)
            is_claimed = found.verdict is not Verdict.NOT_DISTINGUISHABLE
            assert is_claimed == (found.p <= 0.05)
            assert excludes or not is_claimed
            assert not excludes or is_claimed or touches  # an interval that touches 0 holds it, unless it was cut there
            assert found.interval.low <= found.difference <= found.interval.high


def random_study(seed: int, configurations: int, design: str) -> list[Sample]:
    """Configurations of random effects, with members as a design has them."""
    rng = np.random.default_rng(seed)
    rows, members = int(rng.integers(20, 60)), 8
    base, effects = rng.normal(size=rows), rng.normal(0, 0.4, configurations)
    cut = {
        "folds": lambda: np.arange(rows) % members,
        "repeats": lambda: np.arange(rows) % 4,
    }
    samples = []
    for effect in effects:
        losses = base + effect + rng.normal(0, 0.5, (members, rows)) + rng.normal(0, 0.3, (members, 1))
        splits = np.arange(members)
        if design == "folds":
            losses[cut[design]() != splits[:, None]] = np.nan
        elif design == "repeats":
            for member in range(members):
                fold_of = np.roll(cut[design](), member // 4)
                losses[member, fold_of != member % 4] = np.nan
        elif design == "resamples":
            losses[np.random.default_rng([seed, 1]).random((members, rows)) < 0.7] = np.nan
            losses[:, :2] = base[:2] + effect
        else:
            splits = np.zeros(members, dtype=np.int64)
        values = np.nanmean(losses, axis=1)
        kept = None if design == "seeds" else losses
        samples.append(Sample(values, splits, 0.25, rows, kept))
    return samples


def test_shares_of_variance_are_those_of_the_analysis_of_variance() -> None:
    rng = np.random.default_rng(4)
    table = rng.normal(0, 2, (6, 1)) + rng.normal(0, 1, (6, 4))
    sample = Sample(table.ravel(), np.repeat(np.arange(6), 4), 0.2, 60)
    shares = variance_shares(sample)
    assert shares is not None
    f = stats.f_oneway(*table).statistic  # between / within
    assert shares.split == pytest.approx(shares.seed * (f - 1) / 4)
    assert shares.in_words() == f"the split {shares.split / (shares.split + shares.seed):.0%}, the seed " + (
        f"{shares.seed / (shares.split + shares.seed):.0%}"
    )


def test_shares_of_variance_are_those_of_a_mixed_model() -> None:
    """`mixedlm("y ~ 1", groups=split).fit(reml=True)` of statsmodels 0.15.0: its `cov_re` and `scale`."""
    table = [
        [10.06, 11.34, 9.51, 9.38],
        [11.09, 10.95, 10.7, 9.67],
        [9.42, 10.15, 8.11, 8.99],
        [6.32, 6.93, 6.38, 7.98],
        [7.82, 9.36, 9.25, 8.9],
        [5.5, 7.48, 7.97, 8.13],
    ]
    shares = variance_shares(Sample(np.ravel(table), np.repeat(np.arange(6), 4), 0.2, 60))
    assert shares is not None
    assert shares.split == pytest.approx(2.001708, rel=1e-4)
    assert shares.seed == pytest.approx(0.749010, rel=1e-4)


@pytest.mark.parametrize("splits", [[0, 1, 2, 3], [0, 0, 0, 0], [0, 0, 0, 1]])
def test_members_that_confound_split_and_seed_have_no_shares(splits: Sequence[int]) -> None:
    assert variance_shares(Sample(np.arange(4.0), np.array(splits), 0.2, 40)) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"values": np.array([1.0, np.nan])}, "must be finite"),
        ({"splits": np.arange(3)}, "needs a split and losses for each"),
        ({"ratio": 0.0}, "ratio must be above 0"),
    ],
)
def test_a_sample_without_sense_is_refused(change: dict, says: str) -> None:
    given = {"values": np.arange(2.0), "splits": np.arange(2), "ratio": 0.25, "num_rows": 10, **change}
    with pytest.raises(ValueError, match=says):
        Sample(**given)


def test_samples_of_other_splits_do_not_compare() -> None:
    one, other = Sample(np.arange(2.0), np.arange(2), 0.25, 10), Sample(np.arange(2.0), np.zeros(2, int), 0.25, 10)
    with pytest.raises(ValueError, match="same members on the same splits"):
        one - other


# --- groups of rows ----------------------------------------------------------------------------------------------


def test_units_of_groups_have_the_mean_of_all_rows_and_the_cluster_robust_error() -> None:
    rng, groups = np.random.default_rng(3), np.repeat(np.arange(12), np.arange(1, 13))
    losses = rng.normal(0, 1, len(groups)) + rng.normal(0, 1, 12)[groups]
    sample = Sample(np.array([losses.mean()]), np.zeros(1, np.int64), 0.25, len(groups), losses[None], groups)
    found = uncertain(sample)
    assert found.mean == pytest.approx(losses.mean())
    assert (found.method, found.freedom) == (Method.GROUPS, 11)
    sums = [(losses[groups == group] - losses.mean()).sum() for group in range(12)]
    assert found.error == pytest.approx(np.sqrt(12 / 11 * np.square(sums).sum()) / len(groups))  # CR1 of a mean


def test_groups_of_one_row_are_rows() -> None:
    losses = np.random.default_rng(0).normal(0.3, 1, 120)
    sample = folded(losses, 6)
    grouped = replace(sample, groups=np.arange(120)[::-1])
    assert uncertain(grouped).error == pytest.approx(uncertain(sample).error)


def test_equal_learners_of_grouped_rows_are_seldom_called_different() -> None:
    """30 groups of 10 rows; learners differ by group, for no reason that another sample of groups would repeat."""
    rng, groups, studies = np.random.default_rng(1), np.repeat(np.arange(30), 10), 400
    claims = dict.fromkeys(["folds", "one split", "one split, by rows"], 0)
    for _ in range(studies):
        difference = rng.normal(0, 1, 300) + rng.normal(0, 1, 30)[groups]
        table = np.where(np.repeat(np.arange(30) % 5, 10) == np.arange(5)[:, None], difference, np.nan)
        folds = Sample(np.nanmean(table, axis=1), np.arange(5), 0.25, 300, table, groups)
        one = Sample(difference[None].mean(1), np.zeros(1, np.int64), 0.25, 300, difference[None], groups)
        claims["folds"] += uncertain(folds).p <= 0.05
        claims["one split"] += uncertain(one).p <= 0.05
        claims["one split, by rows"] += uncertain(replace(one, groups=None)).p <= 0.05
    assert claims["one split, by rows"] / studies > 0.3
    assert max(claims["folds"], claims["one split"]) / studies < 0.07


def test_a_weighted_mean_has_the_error_of_a_ratio() -> None:
    rng = np.random.default_rng(6)
    losses, weights = rng.normal(2, 1, 80), rng.gamma(1.0, size=80)
    mean = np.average(losses, weights=weights)
    sample = Sample(np.array([mean]), np.zeros(1, np.int64), 0.25, 80, losses[None], weights=weights)
    found = uncertain(sample)
    assert found.mean == pytest.approx(mean)
    squares = (weights**2 * (losses - mean) ** 2).sum()
    assert found.error == pytest.approx(np.sqrt(80 / 79 * squares) / weights.sum())
    alike = replace(sample, values=np.array([losses.mean()]), weights=np.full(80, 3.0))
    assert uncertain(alike).error == pytest.approx(uncertain(replace(alike, weights=None)).error)
