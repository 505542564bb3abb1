"""The delivered model beside baselines: paired by test rows."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from torchmetrics import MeanAbsoluteError

from eksplora.assessment.baseline import _by_rows, _by_values, _difference, _losses, beside_baselines
from eksplora.assessment.part import TestPart
from eksplora.config import compose_request
from eksplora.statistics.generalization import Method, Scope
from eksplora.work import baseline

RNG = np.random.default_rng(0)
TARGETS = RNG.normal(size=(60, 1))
RIVAL = TARGETS + RNG.normal(0, 1.2, (60, 1))
METRIC = ("mae", MeanAbsoluteError())


def part_of(members: int, **beside: Any) -> TestPart:
    config = compose_request("search", ["experiment=diabetes_mlp"]).config
    each = TARGETS + RNG.normal(0, 0.5, (1, 60, 1)) + RNG.normal(0, 0.3, (members, 60, 1))
    return TestPart(SimpleNamespace(config=config, card={"targets": None}), each, TARGETS.copy(), **beside)  # type: ignore[arg-type]


def losses(prediction: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.abs(prediction - TARGETS)[:, 0])


def test_one_member_is_compared_by_the_paired_t_test_over_rows() -> None:
    known = part_of(1)
    found = _difference(known, RIVAL, METRIC)
    expected = stats.ttest_rel(losses(known.each[0]), losses(RIVAL))
    assert found.p == pytest.approx(expected.pvalue, rel=1e-3)
    assert (found.scope, found.method) == (Scope.NETWORKS, Method.LEFT_OUT)


@pytest.mark.parametrize("weights", [None, RNG.uniform(1, 3, 60)], ids=["alike", "weighed"])
def test_means_over_rows_have_the_error_that_leaving_out_gives_any_metric(weights: Any) -> None:
    known = part_of(4, groups=np.arange(60) // 3, weights=weights)
    slow = _by_values(known, RIVAL, METRIC)
    predictions = [known.each.mean(0), RIVAL, *(np.delete(known.each, member, 0).mean(0) for member in range(4))]
    found = _losses(known, predictions)
    assert slow is not None and found is not None
    fast = _by_rows(found, known.rows)
    assert fast.both.shape == (20, 4), "whole groups are left out"
    for part in ("rows", "members", "both"):
        assert getattr(fast, part) == pytest.approx(getattr(slow, part), abs=1e-6)
    assert _difference(known, RIVAL, METRIC).scope is Scope.NEW_ROWS


def test_few_rows_that_differ_claim_nothing() -> None:
    known = part_of(1)
    rival = known.each[0].copy()
    rival[:3] += 5.0
    assert _difference(known, rival, METRIC).p == pytest.approx(2 / 2**3)


def test_baselines_are_judged_together_and_one_that_cannot_be_fitted_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def tested(config: Any, seed: int) -> NDArray[np.float64]:
        if config == "broken":
            raise ValueError("it\ncannot")
        return RIVAL if config == "far" else known.each.mean(0) + 1e-3

    known = part_of(3)
    monkeypatch.setattr(baseline, "tested", tested)
    configs: Any = {"far": "far", "broken": "broken", "near": "near"}
    far, near = beside_baselines(known, configs, METRIC, "minimize", 0.05)
    assert capsys.readouterr().err == "the baseline broken is left out: it cannot\n"
    assert far.versus.in_words.startswith("the delivered model is better than far on new rows, trained on these: -0.")
    assert far.versus.num_comparisons == 2 and near.versus.verdict == "not distinguishable"
    assert far.value == pytest.approx(losses(RIVAL).mean(), rel=1e-5)
    for one in (far.versus, near.versus):
        assert one.difference is not None and one.difference.low is not None and one.difference.high is not None
        is_out = one.difference.low > 0 or one.difference.high < 0
        assert is_out == (one.verdict != "not distinguishable")


def test_a_model_like_its_rival_is_seldom_told_apart() -> None:
    """Two models with errors of equal size and half of them in common."""
    false, known = 0, part_of(1)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        common = rng.normal(size=(40, 1))
        each = TARGETS[:40] + common + rng.normal(size=(1, 40, 1)) + rng.normal(0, 0.2, (3, 40, 1))
        rival = TARGETS[:40] + common + rng.normal(size=(40, 1)) + rng.normal(0, 0.2 / 3**0.5, (40, 1))
        false += _difference(TestPart(known.ensemble, each, TARGETS[:40]), rival, METRIC).p <= 0.05
    assert false <= 7
