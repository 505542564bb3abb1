"""Simulated studies have the truth that they say, and the page counts what came of them."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Ridge

from benchmarks import calibrate
from benchmarks.calibration import cases, network, study
from benchmarks.calibration.design import DESIGNS
from benchmarks.calibration.learner import SMOOTH, Null, draw, predictions
from benchmarks.calibration.rate import Rate
from benchmarks.calibration.study import ALPHA, Case, Outcome, expected, simulate
from benchmarks.calibration.table import coverage, false_claims, power
from benchmarks.settings import CalibrationSettings
from eksplora.statistics.generalization import Scope

FOLDS = "spread, 8 members"
ALL = [*cases.for_data(), *cases.for_narrower(), *cases.for_power()]


@pytest.fixture
def few_fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """True values from fewer data sets."""
    study._expected.cache_clear()
    monkeypatch.setattr(study, "FRESH_DATA", 200)
    monkeypatch.setattr(study, "FRESH_SEEDS", 16)
    yield
    study._expected.cache_clear()


def test_a_learner_is_a_ridge_regression_on_the_rows_that_it_learns_from() -> None:
    rng = np.random.default_rng(0)
    drawn, learned = draw(rng, 60, Null.SYMMETRIC), np.arange(60)[None] < 40
    found = predictions(np.random.default_rng(1), SMOOTH, drawn.views[0], drawn.targets, learned)[0]
    again = np.random.default_rng(1)
    weights, shifts = again.normal(0, 1.2, (3, SMOOTH.units)), again.uniform(-2, 2, (1, SMOOTH.units))
    hidden = np.column_stack([np.maximum(drawn.views[0] @ weights + shifts, 0), np.ones(60)])
    reference = Ridge(alpha=SMOOTH.ridge, fit_intercept=False).fit(hidden[:40], drawn.targets[:40])
    assert found == pytest.approx(reference.predict(hidden))


@pytest.mark.parametrize("name", DESIGNS)
def test_no_member_is_judged_on_a_row_that_it_learned_from(name: str) -> None:
    cut = DESIGNS[name].cut(100, seed=3)
    assert not (cut.learned & cut.judged).any()
    assert cut.judged.any(1).all()
    members = Counter(cut.splits.tolist())
    assert len(set(members.values())) == 1
    assert 0 < cut.ratio <= 0.25 + 1e-9


def test_configurations_that_are_equal_see_the_same_where_rows_are_kept() -> None:
    for case in ALL:
        is_wide = case.scope is Scope.DATA
        assert (case.gain != 1) or is_wide or not case.views.any(), case
    assert {case.null for case in cases.for_data()} == set(Null)


@pytest.mark.usefixtures("few_fresh")
def test_a_study_is_a_function_of_its_number() -> None:
    case = Case(FOLDS)
    assert simulate(case, 7) == simulate(case, 7)
    assert simulate(case, 7) != simulate(replace(case, gain=0.5), 7)


@pytest.mark.usefixtures("few_fresh")
def test_true_values_are_those_of_the_members_of_many_studies(monkeypatch: pytest.MonkeyPatch) -> None:
    case, seen = Case(FOLDS, "accuracy", gain=0.5), []
    monkeypatch.setattr(study, "_judged", lambda case, samples, found, truths: seen.append(samples))
    for number in range(100):
        simulate(case, number)
    means = np.array([[sample.values.mean() for sample in samples] for samples in seen])  # (studies, configurations)
    errors = means.std(axis=0, ddof=1) / 10
    assert (np.abs(means.mean(0) - expected(case)) < 5 * errors).all()


@pytest.mark.usefixtures("few_fresh")
def test_the_page_has_every_kind_of_studies_and_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = (
        [Case(FOLDS), Case("resample, 8 members", "rmse", Null.PERMUTED, 3)],
        [
            Case(cases.HOLDOUT, null=Null.SAME, scope=Scope.NEW_ROWS),
            Case(FOLDS, null=Null.SAME, scope=Scope.THESE_ROWS),
        ],
        [Case(FOLDS, gain=0.2)],
    )
    for name, wanted in zip(("for_data", "for_narrower", "for_power"), kinds, strict=True):
        monkeypatch.setattr(cases, name, lambda wanted=wanted: wanted)
    settings, said = CalibrationSettings(studies=20, networks=0), list[str]()
    with ThreadPoolExecutor(1) as pool:
        data, narrow, better, covered = calibrate.take(pool, settings, said.append)
    assert [row["scope"] for row in [*data.rows, *narrow.rows]] == [*2 * [Scope.DATA], Scope.NEW_ROWS, Scope.THESE_ROWS]
    claims = Rate.of(simulate(kinds[0][0], number).is_claimed for number in range(20))
    assert data.rows[0]["false claims, %"] == claims.in_words()
    found = Rate.of(simulate(kinds[2][0], number).is_right for number in range(20))
    assert better.rows[0]["power, %"] == found.in_words()
    assert found.share >= 0.9
    assert [row["design"] for row in covered.rows] == [FOLDS, cases.HOLDOUT, FOLDS, FOLDS]  # not that of 3 rows
    assert len(said) == 5
    page = calibrate.page([data, narrow, better, covered], calibrate.facts(["--studies", "20"], settings))
    assert "- command: `python -m benchmarks.calibrate --studies 20`" in page
    assert "studies: 20 of each kind" in page


def outcome(*, is_claimed: bool = False, holds: bool | None = True, mean: bool | None = None) -> Outcome:
    return Outcome(Scope.DATA, is_claimed, is_right=is_claimed, differences=holds, mean=mean, effect=-0.1)


@pytest.mark.parametrize(("claims", "verdict"), [(80, "yes"), (105, "yes"), (112, "not shown"), (200, "no")])
def test_a_rate_is_judged_by_its_interval(claims: int, verdict: str) -> None:
    found = [outcome(is_claimed=number < claims) for number in range(2000)]
    (row,) = false_claims("", "", {Case(FOLDS): found}).rows
    assert (row["at most 5%"], row["studies"]) == (verdict, "2000")
    interval = stats.binomtest(claims, 2000).proportion_ci()
    assert row["false claims, %"] == f"{claims / 20:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def test_intervals_that_are_not_printed_are_not_counted() -> None:
    found = [outcome(holds=None), outcome(holds=True), outcome(holds=False)]
    (row,) = coverage("", "", {Case(FOLDS, gain=0.5): found}).rows
    assert row["interval of the difference holds it, %"].startswith("50.0 [")
    assert row["interval of the value holds it, %"] == "none of this scope"
    assert row["true difference"] == "0.100"
    assert power("", "", {Case(FOLDS): found}).rows[0]["power, %"].startswith("0.0 [")


@pytest.mark.filterwarnings("ignore::Warning:pytorch_lightning", "ignore::DeprecationWarning")
def test_networks_are_judged_by_the_losses_that_their_training_measured(tmp_path: Path) -> None:
    drawn, cut = draw(np.random.default_rng(0), network.ROWS, Null.SYMMETRIC), DESIGNS[network.DESIGN].cut(150, 0)
    one, other = network.trained(drawn, cut, 0, tmp_path)
    for sample in (one, other):
        assert sample.losses is not None
        assert np.nanmean(sample.losses, axis=1) == pytest.approx(sample.values, rel=1e-4)
        assert sample.is_partitioned
    assert len({*one.values, *other.values}) == 16


STUDIES = 200
KEEPS = [case for case in [*cases.for_data(), *cases.for_narrower()] if DESIGNS[case.design].members > 1]
"""Kinds of studies whose rate is kept: a single seed says nothing of others."""
LEAST_CHANCE = 1e-4 / (2 * len(ALL))
"""Of one of the bounds to be passed by chance, such that any is in 1 of 10 000 runs."""


@pytest.mark.slow
@pytest.mark.parametrize("case", KEEPS, ids=lambda case: f"{case.design} {case.measure}")
def test_false_claims_are_no_more_than_chance_allows_where_they_are_5_percent(case: Case) -> None:
    found = [simulate(case, number) for number in range(STUDIES)]
    assert sum(one.is_claimed for one in found) <= stats.binom.isf(LEAST_CHANCE, STUDIES, ALPHA)
    for rate in (Rate.of(one.differences for one in found), Rate.of(one.mean for one in found)):
        if rate.trials:
            assert rate.trials - rate.times <= stats.binom.isf(LEAST_CHANCE, rate.trials, ALPHA)
