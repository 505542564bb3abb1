"""A user's own table as a data set."""

import houses
import numpy as np
import pytest
import torch
import yaml

from eksplora.data import _scaling
from eksplora.data.arrays import fold_arrays
from eksplora.data.table import Table
from eksplora.errors import ConfigError, DataError
from eksplora.installation import CONF
from eksplora.model.scaled import Scaled
from eksplora.types import Split


def table(folder, **more):
    values = yaml.safe_load((CONF / "data/table.yaml").read_text())
    values.pop("_target_")
    own = {"root": str(folder / "data"), "path": str(folder / "houses.csv"), "target": "price"}
    return Table(**values | own | {"input_shape": [12], "num_targets": 1} | more)


@pytest.fixture
def folder(tmp_path):
    houses.houses().to_csv(tmp_path / "houses.csv", index=False)
    return tmp_path


def test_a_table_is_prepared_under_its_fingerprint_and_read_back(folder):
    dataset = table(folder)
    card = dataset.prepare()
    assert dataset.folder.name == f"houses-{dataset.fingerprint[:12]}"
    assert (card["task"], card["rows"], card["input_shape"]) == ("regression", {"train": 160, "test": 40}, [12])
    assert card["target_names"] == ["price"] and card["codes"] == []
    features, targets = dataset.open("train")
    assert features.shape == (160, 12) and targets.shape == (160, 1) and np.isnan(features).any()
    assert np.isfinite(card["feature_ranges"]).all()


def test_a_prepared_table_needs_no_file_where_the_fingerprint_is_given(folder):
    dataset = table(folder)
    card = dataset.prepare()
    (folder / "houses.csv").unlink()
    assert table(folder, fingerprint=dataset.fingerprint).prepare() == card
    with pytest.raises(DataError, match="does not exist"):
        table(folder)


def test_an_edited_file_is_another_data_set(folder):
    before = table(folder)
    before.prepare()
    houses.houses(seed=1).to_csv(folder / "houses.csv", index=False)
    after = table(folder)
    assert after.folder != before.folder and after.prepare() != before.card()
    (before.folder / "card.json").unlink()
    with pytest.raises(DataError, match=r"has changed since data.fingerprint was recorded"):
        table(folder, fingerprint=before.fingerprint).prepare()


def test_shapes_that_are_not_the_files_are_refused(folder):
    with pytest.raises(ConfigError, match=r"data.input_shape is \[3\], but houses has \[12\]"):
        table(folder, input_shape=[3]).prepare()


def test_groups_and_weights_lie_beside_the_rows(folder):
    own = houses.houses()
    own["weight"] = np.arange(200.0)
    own["town"] = own.index // 10
    own.to_csv(folder / "houses.csv", index=False)
    dataset = table(folder, group="town", weight="weight")
    dataset.prepare()
    groups, weights = dataset.beside("train", "groups"), dataset.beside("test", "weights")
    assert groups.shape == (dataset.rows("train"),) and weights.shape == (dataset.rows("test"),)
    assert not {*groups.tolist()} & {*dataset.beside("test", "groups").tolist()}
    assert dataset.beside("train", "weights").sum() + weights.sum() == own["weight"].sum()


def test_several_labels_are_a_task_of_their_own(folder):
    own = houses.houses()
    own["large"], own["old"] = own["area"] > 100, own["built"] < "2000"
    own.to_csv(folder / "houses.csv", index=False)
    card = table(folder, target=["large", "old"], num_targets=2, input_shape=[13]).prepare()
    assert (card["task"], card["num_targets"], card["target_names"]) == ("multilabel", 2, ["large", "old"])


# --- missing cells, constants, codes ------------------------------------------------------------------------------


def split(rows):
    return Split(train=np.arange(rows - 2), validation=np.array([rows - 2, rows - 1]))


def test_missing_cells_are_the_mean_of_the_rows_to_learn_from(folder):
    dataset = table(folder)
    card = dataset.prepare()
    place = card["feature_names"].index("area")
    raw = dataset.open("train")[0][:, place]
    arrays = fold_arrays(dataset, [split(160)])[0]
    known = raw[:158][~np.isnan(raw[:158])]
    expected = np.where(np.isnan(raw), 0, (raw - known.mean()) / known.std())
    np.testing.assert_allclose(arrays.features[:, place], expected, rtol=1e-5, atol=1e-6)


def test_a_served_network_sees_the_numbers_of_training(folder):
    dataset = table(folder)
    dataset.prepare()
    raw = np.array(dataset.open("train")[0])
    arrays = fold_arrays(dataset, [split(160)])[0]
    served = Scaled(
        network=torch.nn.Identity(),
        shift=torch.from_numpy(arrays.scaling.shift),
        scale=torch.from_numpy(arrays.scaling.scale),
    )
    np.testing.assert_array_equal(served(torch.from_numpy(raw)).numpy(), arrays.features)


@pytest.mark.parametrize("kind", ["standard", "minmax", "robust", "quantile", "pixel", "none"])
def test_what_is_constant_becomes_0_and_codes_and_flags_stay(kind):
    rows = np.array([[1.0, 7.0, 3.0, 0.0, 1.0], [2.0, 7.0, 9.0, 1.0, 1.0], [np.nan, 7.0, 3.0, 1.0, 1.0]])
    scaling = _scaling.for_table(kind, rows, codes=[2], flags=[3, 4])
    new = np.array([[1.0, 8.0, 5.0, 1.0, 0.0]])
    scaled = _scaling.apply(scaling, np.concatenate([rows, new]))
    assert scaled[:, 1].tolist() == [0, 0, 0, 0] and scaled[:, 4].tolist() == [0, 0, 0, 0]
    assert scaled[:, 2].tolist() == [3, 9, 3, 5] and scaled[:, 3].tolist() == [0, 1, 1, 1]
    assert scaled[2, 0] == 0


@pytest.mark.parametrize("kind", ["standard", "minmax", "robust"])
def test_columns_without_missing_cells_are_scaled_as_those_of_other_data_sets(kind):
    rows = np.random.default_rng(0).normal(size=(50, 3))
    ours, theirs = _scaling.for_table(kind, rows, codes=[], flags=[]), _scaling.fit(kind, rows)
    np.testing.assert_allclose(ours.shift, theirs.shift)
    np.testing.assert_allclose(ours.scale, theirs.scale)
