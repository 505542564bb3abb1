"""An explanation as earlier versions wrote it."""

import json
from typing import Any

import pytest

from eksplora.errors import DataError
from eksplora.records.estimate import Compared, Estimate
from eksplora.records.explain import ExplanationRecord, FeatureImportance
from eksplora.records.measure import Measure
from eksplora.records.record import from_json, to_json

LEAST: dict[str, Any] = {"kind": "numbers", "members": 2, "studies": {"final": "x"}}
ROW: dict[str, Any] = {"feature": "a", "mean": 0.5, "low": 0.25, "high": None, "first": 1.0, "rank": 1.0}


def read(facts: dict[str, Any]) -> ExplanationRecord:
    found = from_json(json.dumps(LEAST | facts), ExplanationRecord, source="it", way_out="Again.")
    assert from_json(to_json(found), ExplanationRecord, source="it", way_out="") == found
    return found


def test_the_importance_and_the_verdict_of_a_feature_are_read() -> None:
    rows = [ROW | {"verdict": "worse", "in_words": "without a is worse"}, ROW]
    features = read({"features": {"names": ["a"], "methods": {"ablation": {"says": "", "rows": rows}}}}).features
    assert features is not None
    plain = FeatureImportance(feature="a", importance=Estimate(mean=0.5, low=0.25), first=1.0, rank=1.0)
    first, second = features.methods["ablation"].rows
    assert (first.without, second) == (Compared(verdict="worse", in_words="without a is worse"), plain)
    assert first.importance == plain.importance


def test_the_scores_of_a_layer_are_read() -> None:
    score = {"mean": 0.5, "std": 0.1, "low": 0.25, "high": 0.75, "members": [0.25, None, 0.75]}
    layer = {"of": "last", "units": 3, "colour": [0, 1], "row": [4, 5], "maps": {"pca": [[0, 1.5], [1, 2]]}}
    embeddings = read({"embeddings": layer | {"explained": [None, 0.5], "scores": {"silhouette": score}}}).embeddings
    assert embeddings is not None
    estimate = Estimate(mean=0.5, low=0.25, high=0.75, std=0.1, n=2)
    assert embeddings.scores == {"silhouette": Measure(over_members=estimate, members=[0.25, None, 0.75])}


def test_an_overlay_without_its_image_is_refused() -> None:
    with pytest.raises(DataError, match=r"overlays\.0\.image: Field required\)\. Again\.$"):
        read({"overlays": [{"row": 1, "actual": "a", "predicted": "b", "probability": None}]})
