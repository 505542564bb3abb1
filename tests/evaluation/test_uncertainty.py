"""Intervals of predictions on data whose coverage is known."""

import numpy as np
import pytest
from scipy import stats

from eksplora.evaluation.uncertainty import (
    covering,
    ensemble_interval,
    of_classes,
    of_dropout,
    of_ensemble,
    of_quantiles,
)

GENERATOR = np.random.default_rng(0)


def test_coverage_is_a_share_with_wilsons_interval() -> None:
    found = covering("it", "", 0.9, (np.zeros(10), np.full(10, 2.0)), np.array([-1.0, 0, 1, 1, 1, 1, 1, 2, 3, 4]))
    assert (found.coverage.mean, found.width) == (0.7, 2.0)
    z, p, n = stats.norm.ppf(0.975), 0.7, 10
    middle, half = (p + z**2 / (2 * n)), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    wanted = [(middle + sign * half) / (1 + z**2 / n) for sign in (-1, 1)]
    assert [found.coverage.low, found.coverage.high] == pytest.approx(wanted)


@pytest.mark.parametrize("members", [2, 5, 20])
def test_an_ensembles_interval_holds_a_further_member_as_often_as_it_says(members: int) -> None:
    draws = GENERATOR.normal(3.0, 2.0, size=(members + 1, 20_000))
    found = covering("it", "", 0.9, ensemble_interval(draws[:-1]), draws[-1])
    assert found.coverage.mean == pytest.approx(0.9, abs=0.01)


def test_an_ensemble_that_knows_nothing_of_the_noise_covers_less_than_it_says() -> None:
    centre = GENERATOR.normal(size=2000)
    each = centre + 0.1 * GENERATOR.normal(size=(8, 2000))
    found = of_ensemble(each, centre + GENERATOR.normal(size=2000))
    assert found.coverage.high is not None and found.coverage.high < 0.5 < found.level
    assert "nothing of the noise" in found.says


def test_true_quantiles_cover_what_lies_between_their_levels() -> None:
    scale = GENERATOR.uniform(0.5, 3.0, size=20_000)
    levels = [0.05, 0.5, 0.95]
    outputs = stats.norm.ppf(levels)[None] * scale[:, None]
    found = of_quantiles(outputs, levels, scale * GENERATOR.normal(size=20_000))
    assert found.level == 0.9, "not 0.8999999999999999, which a page would print"
    assert found.coverage.mean == pytest.approx(0.9, abs=0.01)
    assert found.width == pytest.approx(2 * stats.norm.ppf(0.95) * scale.mean())


def test_passes_with_dropout_give_the_middle_of_what_they_say() -> None:
    passes = np.tile(np.linspace(0, 1, 101)[:, None], (1, 3))
    found = of_dropout(passes, np.array([0.5, 0.04, 0.96]))
    assert (found.coverage.mean, found.width) == (pytest.approx(1 / 3), pytest.approx(0.9))


def test_members_that_contradict_each_other_have_information_and_equal_ones_have_none() -> None:
    labels = np.zeros(4, dtype=int)
    apart = np.stack([np.tile([1.0, 0.0], (4, 1)), np.tile([0.0, 1.0], (4, 1))])
    unsure = np.full((2, 4, 2), 0.5)
    assert of_classes("ensemble", "", apart, labels).mutual_information == pytest.approx(np.log(2))
    assert of_classes("ensemble", "", unsure, labels).mutual_information == 0
    assert of_classes("ensemble", "", apart, labels).log_loss == pytest.approx(np.log(2))
