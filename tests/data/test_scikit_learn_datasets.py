"""The four data sets that scikit-learn ships, and the configuration files of all six."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from sklearn import datasets

from eksplora.data.breast_cancer import BreastCancer
from eksplora.data.diabetes import Diabetes
from eksplora.data.digits import Digits
from eksplora.data.wine import Wine

CONF = Path(__file__).parents[2] / "conf" / "data"
SHIPPED = {
    "digits": (Digits, datasets.load_digits()),
    "diabetes": (Diabetes, datasets.load_diabetes(scaled=False)),
    "breast_cancer": (BreastCancer, datasets.load_breast_cancer()),
    "wine": (Wine, datasets.load_wine()),
}


def prepared(name, root):
    values = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    cls, raw = SHIPPED[name]
    assert values.pop("_target_") == f"{cls.__module__}.{cls.__name__}"
    dataset = cls(**values | {"root": str(root)})
    return dataset, dataset.prepare(), raw


@pytest.mark.parametrize("name", SHIPPED)
def test_both_parts_together_are_scikit_learns_rows(tmp_path, name):
    dataset, card, raw = prepared(name, tmp_path)
    parts = [dataset.open(part) for part in ("train", "test")]
    rows = np.concatenate([np.column_stack([x.reshape(len(x), -1), y.reshape(len(y), -1)]) for x, y in parts])
    reference = np.column_stack([raw.data, raw.target])
    np.testing.assert_array_equal(rows[np.lexsort(rows.T)], reference[np.lexsort(reference.T)])
    assert card["rows"]["test"] == round(0.2 * len(reference))


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "wine"])
def test_class_counts_of_both_parts_are_in_proportion(tmp_path, name):
    dataset, card, raw = prepared(name, tmp_path)
    shares = np.bincount(raw.target) * card["rows"]["test"] / len(raw.target)
    assert np.abs(np.array(card["class_counts"]["test"]) - shares).max() < 1
    assert card["class_counts"]["train"] == np.bincount(dataset.open("train")[1]).tolist()
    assert card["classes"] == [str(word) for word in raw.target_names]


@pytest.mark.parametrize(
    ("name", "features", "targets"),
    [
        ("digits", ("uint8", [1438, 1, 8, 8]), ("int64", [1438])),
        ("diabetes", ("float64", [354, 10]), ("float64", [354, 1])),
        ("breast_cancer", ("float64", [455, 30]), ("int64", [455])),
        ("wine", ("float64", [142, 13]), ("int64", [142])),
    ],
)
def test_types_and_shapes_are_as_promised(tmp_path, name, features, targets):
    arrays = prepared(name, tmp_path)[1]["arrays"]
    assert (arrays["train_features"]["dtype"], arrays["train_features"]["shape"]) == features
    assert (arrays["train_targets"]["dtype"], arrays["train_targets"]["shape"]) == targets


def test_diabetes_is_in_its_own_units(tmp_path):
    card = prepared("diabetes", tmp_path)[1]
    ranges = dict(zip(card["feature_names"], card["feature_ranges"], strict=True))
    assert 18 < ranges["age"][0] < ranges["age"][1] < 80  # years; scikit-learn's default form has -0.1 to 0.1
    assert ranges["sex"] == [1.0, 2.0]


def test_digits_range_from_0_to_16(tmp_path):
    assert prepared("digits", tmp_path)[1]["feature_ranges"] == [[0.0, 16.0]]
