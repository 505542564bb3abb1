import sys

import numpy as np
import pytest
from scipy import stats

from eksplora.explain.clustering import NAMES, scores
from eksplora.explain.embedding_facts import embedding_facts
from eksplora.records.explain import EmbeddingsRecord
from eksplora.records.measure import Measure
from eksplora.records.record import from_json, to_json


@pytest.fixture(autouse=True)
def _no_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)


def reread(facts: EmbeddingsRecord) -> EmbeddingsRecord:
    return from_json(to_json(facts), EmbeddingsRecord, source="it", way_out="")


def measured(facts: EmbeddingsRecord) -> dict[str, Measure]:
    assert facts.scores is not None
    return facts.scores


def hidden(members: int, rows: int, units: int = 6) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=rows)
    return (generator.normal(size=(members, rows, units)) + labels[:, None]).astype(np.float32), labels


def test_maps_are_of_the_first_member_and_scores_of_all() -> None:
    features, labels = hidden(3, 40)
    found = embedding_facts(features, labels=labels, numbers=np.arange(40) + 100, is_classes=True, seed=1)
    facts = reread(found.facts)
    assert (facts.of, facts.units) == ("last hidden layer of member 0", 6)
    assert facts.colour == labels.tolist()
    assert facts.row == list(range(100, 140))
    assert {name: np.shape(points) for name, points in facts.maps.items()} == {"pca": (40, 2), "tsne": (40, 2)}
    assert list(measured(facts)) == list(NAMES)
    for name, score in measured(facts).items():
        values = [scores(one, labels, seed=1)[0][name] for one in features]
        low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
        assert score.members == pytest.approx(values)
        known = score.over_members
        assert (known.mean, known.std, known.low, known.high) == pytest.approx(
            (np.mean(values), np.std(values, ddof=1), low, high)
        )
    assert list(found.seconds) == ["embedding", "clustering"]


def test_numbers_have_colours_and_no_scores() -> None:
    features, _ = hidden(2, 20)
    targets = np.linspace(0, 1, 20)[:, None]
    facts = embedding_facts(features, labels=targets, numbers=range(20), is_classes=False, seed=1).facts
    assert facts.scores is None
    assert facts.colour == pytest.approx(targets[:, 0].tolist(), rel=1e-5)


def test_one_member_has_scores_without_interval() -> None:
    features, labels = hidden(1, 30)
    facts = embedding_facts(features, labels=labels, numbers=range(30), is_classes=True, seed=1).facts
    score = measured(facts)["silhouette"]
    known = score.over_members
    assert known.std is known.low is known.high is None
    assert score.members == [known.mean]
    assert "One member: no interval over members can be given." in facts.notes


def test_a_member_whose_rows_look_the_same_is_left_out_and_named() -> None:
    features, labels = hidden(3, 30)
    features[1] = 4
    facts = embedding_facts(features, labels=labels, numbers=range(30), is_classes=True, seed=1).facts
    first, second, third = measured(facts)["v_measure"].members
    assert second is None
    assert measured(facts)["v_measure"].over_members.mean == pytest.approx((first + third) / 2)
    assert "Member 1: All rows look the same to the network: there are no groups." in facts.notes


def test_one_class_has_no_scores_and_says_so_once() -> None:
    features, _ = hidden(3, 20)
    facts = embedding_facts(features, labels=np.ones(20, int), numbers=range(20), is_classes=True, seed=1).facts
    assert reread(facts) == facts
    assert {score.over_members.mean for score in measured(facts).values()} == {None}
    assert measured(facts)["silhouette"].members == [None, None, None]
    assert facts.notes.count("Rows of one class only: there are no groups to separate.") == 1


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_few_rows_are_no_trouble(rows: int) -> None:
    features, _ = hidden(2, rows)
    facts = embedding_facts(features, labels=np.arange(rows) % 2, numbers=range(rows), is_classes=True, seed=1).facts
    assert reread(facts) == facts
    assert len(facts.maps["pca"]) == rows


def test_many_rows_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eksplora.explain.embedding_facts.MOST_ROWS", 10)
    features, labels = hidden(2, 91)
    facts = embedding_facts(features, labels=labels, numbers=np.arange(91) * 2, is_classes=True, seed=1).facts
    assert facts.row == list(range(0, 181, 20))
    assert facts.colour == labels[::10].tolist()


def test_the_same_seed_gives_the_same_facts() -> None:
    features, labels = hidden(2, 40)
    first, again = (
        embedding_facts(features, labels=labels, numbers=range(40), is_classes=True, seed=4).facts for _ in range(2)
    )
    assert first == again
