"""Curves against scikit-learn's, thinned."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from eksplora.evaluation.curve import MOST_POINTS, MOST_SHARES, calibration, precision_recall, quantiles, roc, selective
from eksplora.records.details import NormalQuantiles, Selective

GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(2, size=1000)
SCORE = 1 / (1 + np.exp(-(GENERATOR.normal(size=1000) + LABELS)))


def test_the_areas_are_those_of_all_points_however_few_are_kept() -> None:
    found, recalled = roc("1", SCORE, LABELS == 1), precision_recall("1", SCORE, LABELS == 1)
    assert found is not None and recalled is not None
    assert found.area == pytest.approx(reference.roc_auc_score(LABELS, SCORE))
    assert recalled.area == pytest.approx(reference.average_precision_score(LABELS, SCORE))
    for one in (found, recalled):
        assert len(one.x) == len(one.y) <= MOST_POINTS
        assert (min(one.x), max(one.x)) == (0, 1)
    assert np.trapezoid(found.y, found.x) == pytest.approx(found.area, abs=0.005)


@pytest.mark.parametrize("draw", [roc, precision_recall])
@pytest.mark.parametrize("labels", [np.zeros(3), np.ones(3)])
def test_there_is_no_curve_where_all_rows_are_of_one_kind(draw, labels) -> None:
    assert draw("1", np.array([0.1, 0.5, 0.9]), labels == 1) is None


def test_calibration_is_scikit_learns_and_its_bins_hold_all_rows() -> None:
    probabilities = np.column_stack([1 - SCORE, SCORE])
    found = calibration(probabilities, LABELS)
    confidence, is_right = probabilities.max(1), probabilities.argmax(1) == LABELS
    right, sure = calibration_curve(is_right, confidence, n_bins=15)
    np.testing.assert_allclose([one.accuracy for one in found], right)
    np.testing.assert_allclose([one.confidence for one in found], sure)
    assert sum(one.rows for one in found) == 1000
    assert all(one.low < one.confidence <= one.high for one in found)


def test_of_the_most_confident_share_the_accuracy_is_reported() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.6, 0.4]])
    assert selective(probabilities, np.array([0, 1, 1, 0])) == Selective(share=[1, 0.5, 0.25], accuracy=[0.75, 1, 1])
    many = selective(np.column_stack([1 - SCORE, SCORE]), LABELS)
    assert len(many.share) <= MOST_SHARES
    assert many.share[0] == 1
    assert many.accuracy[0] == pytest.approx(np.mean((SCORE > 0.5) == LABELS))


def test_normal_residuals_lie_on_a_line() -> None:
    residuals = 2 + 3 * GENERATOR.normal(size=5000)
    found = quantiles(residuals)
    line = stats.linregress(found.normal[5:-5], found.residual[5:-5])
    assert (line.slope, line.intercept) == (pytest.approx(3, rel=0.05), pytest.approx(2, abs=0.1))
    assert (min(found.residual), max(found.residual)) == pytest.approx((residuals.min(), residuals.max()), rel=1e-5)
    assert quantiles(np.array([7.0])) == NormalQuantiles(normal=[0.0], residual=[7.0])
