from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from linear_members import Linear, perceptrons, table
from torch import Tensor

from eksplora.explain._effort import Effort
from eksplora.explain.feature_facts import Tabular, feature_facts
from eksplora.records.explain import FeaturesRecord, SingleRows
from eksplora.records.record import from_json, to_json

NAMES = ["größe", "年齢", "c d", "'\"<b>", "e"]
SMALL = Effort(repeats=3, background=10, steps=10)


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().mean((1, 2))


def tabular(members: int = 3, features: int = 5, num_outputs: int = 1, **changes: Any) -> Tabular:
    given = Tabular(
        outputs=Linear(members, features, num_outputs),
        members=members,
        features=table(30, features).numpy(),
        targets=table(30, 1, seed=5).numpy(),
        background=table(50, features, seed=2).numpy(),
        names=NAMES[:features] if features <= 5 else [f"x{number}" for number in range(features)],
        error=squared,
        error_name="the mean squared error",
        classes=None,
    )
    return replace(given, **changes)


def single_rows(facts: FeaturesRecord) -> SingleRows:
    assert facts.beeswarm is not None
    return facts.beeswarm


def test_facts_are_json_with_every_feature_in_every_method() -> None:
    found = feature_facts(tabular(), seed=0, effort=SMALL)
    facts = from_json(to_json(found.facts), FeaturesRecord, source="it", way_out="")
    assert facts == found.facts
    assert facts.names == NAMES
    assert list(facts.methods) == list(found.seconds) == ["permutation", "shap", "integrated_gradients"]
    for method in facts.methods.values():
        assert sorted(row.feature for row in method.rows) == sorted(NAMES)
        assert {(row.importance.n, row.without) for row in method.rows} == {(3, None)}
        assert sum(row.first for row in method.rows) == pytest.approx(1)
    assert [(pair.a, pair.b) for pair in facts.agreement] == [
        ("permutation", "shap"),
        ("permutation", "integrated_gradients"),
        ("shap", "integrated_gradients"),
    ]
    assert found.notes == []


def test_of_linear_networks_the_importances_are_those_of_the_closed_form() -> None:
    given = tabular()
    found = feature_facts(given, seed=0, effort=replace(SMALL, background=50)).facts
    weight = given.outputs.weight[:, :, 0].numpy()  # type: ignore[attr-defined]
    distance = np.abs(given.features - given.background.mean(0)).mean(0)
    expected = dict(zip(NAMES, (np.abs(weight) * distance).mean(0), strict=True))
    for method in ("shap", "integrated_gradients"):
        rows = found.methods[method].rows
        assert {row.feature: row.importance.mean for row in rows} == pytest.approx(expected, rel=1e-4)
    assert found.agreement[2].spearman == pytest.approx(1)


def test_the_beeswarm_shows_the_ten_features_that_matter_most() -> None:
    found = feature_facts(tabular(features=12), seed=0, effort=replace(SMALL, explained=20)).facts
    swarm, ranked = single_rows(found), found.methods["shap"].rows
    assert swarm.feature == [row.feature for row in ranked[:10]]
    assert np.shape(swarm.value) == np.shape(swarm.shap) == (10, 20)
    assert (np.min(swarm.value), np.max(swarm.value)) == (0, 1)


def test_values_in_the_beeswarm_are_scaled_even_if_rare_or_constant() -> None:
    features = table(30, 5).numpy()
    features[:, 0] = 7
    features[:, 1] = np.arange(30) == 3  # percentiles 5 and 95 are equal
    swarm = single_rows(feature_facts(replace(tabular(), features=features), seed=0, effort=SMALL).facts)
    values = dict(zip(swarm.feature, swarm.value, strict=True))
    assert set(values[NAMES[0]]) == {0.5}
    assert sorted(values[NAMES[1]]) == [*[0.0] * 29, 1.0]


def test_one_member_has_no_intervals_and_a_note_says_so() -> None:
    found = feature_facts(tabular(members=1), seed=0, effort=SMALL)
    assert {row.importance.low for method in found.facts.methods.values() for row in method.rows} == {None}
    assert found.notes == ["One member: no interval over members can be given."]


def test_two_hundred_features_are_explained_in_seconds() -> None:
    given = tabular(members=2, features=200, outputs=perceptrons(2, 200, 1, [16]).double())
    found = feature_facts(given, seed=0)
    assert len(found.facts.methods["shap"].rows) == 200
    assert sum(found.seconds.values()) < 60


def test_the_same_seed_gives_the_same_facts() -> None:
    given = tabular(outputs=perceptrons(3, 5, 1, [8]).double())
    first, again, other = (feature_facts(given, seed=seed, effort=SMALL).facts for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("classes", "num_outputs", "says"),
    [
        (None, 1, "the feature moves the prediction from its mean over 10 training rows"),
        (["no", "ja"], 1, "moves the log-odds of class 'ja'"),
        (["a", "b", "c"], 3, "moves the score of the class that the members predict together"),
    ],
)
def test_sentences_say_what_is_moved(classes: list[str] | None, num_outputs: int, says: str) -> None:
    given = tabular(num_outputs=num_outputs, classes=classes)
    methods = feature_facts(given, seed=0, effort=SMALL).facts.methods
    assert says in methods["shap"].says
    assert methods["permutation"].says == (
        "How much the mean squared error grows when the feature's column is shuffled over 30 test rows: the mean of 3 "
        "shuffles."
    )


def test_of_several_targets_the_first_is_explained_and_a_note_says_so() -> None:
    found = feature_facts(tabular(num_outputs=2, targets=table(30, 2).numpy()), seed=0, effort=SMALL)
    assert found.notes == ["2 targets: SHAP and integrated gradients explain the first."]


def test_features_may_be_whole_numbers_in_a_read_only_array() -> None:
    features = np.arange(150, dtype=np.int64).reshape(30, 5) % 7
    features.flags.writeable = False
    found = feature_facts(replace(tabular(), features=features, background=features), seed=0, effort=SMALL)
    assert np.isfinite(single_rows(found.facts).shap).all()


@pytest.mark.parametrize("rows", [1, 100, 100_000])
@pytest.mark.parametrize("features", [1, 13, 200, 5000])
@pytest.mark.parametrize("members", [1, 8, 50])
def test_the_effort_stays_in_its_bounds(rows: int, features: int, members: int) -> None:
    effort = Effort.for_table(rows, features, members)
    assert 3 <= effort.repeats <= 30
    assert 8 <= effort.background <= 100
    assert 200 <= effort.rows <= 2000
    assert 50 <= effort.explained <= 200
