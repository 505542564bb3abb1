"""The card of a table, and its rows as numbers."""

import json
from dataclasses import replace

import houses
import numpy as np
import pandas as pd
import pytest

from eksplora.errors import ConfigError, DataError
from eksplora.table import TableCard, TableOptions, examination, examine, fingerprint_of
from eksplora.table.examination import as_json, prepared
from eksplora.table.prediction import example_rows, read_rows, rows_of_table
from eksplora.untrusted import parse_json


@pytest.fixture
def path(tmp_path):
    houses.houses().to_csv(tmp_path / "houses.csv", index=False)
    return tmp_path / "houses.csv"


def options(file, **more):
    return TableOptions(**{"path": str(file), "target": "price"} | more)


def test_a_card_says_what_each_column_becomes(path):
    card = examine(options(path))
    assert (card.task, card.num_targets, card.classes, card.rows) == ("regression", 1, None, 200)
    assert {column.name: (column.kind, column.role) for column in card.columns} == {
        "id": ("identifier", "unused"),
        "city": ("category", "feature"),
        "area": ("number", "feature"),
        "built": ("date", "feature"),
        "garden": ("boolean", "feature"),
        "price": ("number", "target"),
    }
    assert sorted(card.column("city").prepared) == ["city=(missing)", "city=Oslo", "city=Paris", "city=Rome"]
    assert card.column("area").prepared == ("area", "area:missing")
    assert card.column("built").parts == ("days", "year", "month", "day", "weekday")
    assert card.input_shape == (len(card.feature_names),) == (12,)


def test_a_card_is_read_back_from_its_json_as_it_was(path):
    card = examine(options(path))
    assert parse_json(as_json(card), TableCard, source="card", way_out="") == card


def test_a_card_that_is_kept_spares_the_reading(path, monkeypatch):
    root = path.parent / "data"
    card = examine(options(path), root=root)
    monkeypatch.setattr(examination, "read_frame", None)
    assert examine(options(path), root=root) == card
    (kept,) = (root / "tables").iterdir()
    kept.write_text(kept.read_text().replace('"rows": 200', '"rows": "many"'))
    with pytest.raises(TypeError, match="NoneType"):  # it is not believed, and the file is read again
        examine(options(path), root=root)


def test_another_content_and_another_option_are_another_data_set(path):
    known = fingerprint_of(options(path))
    assert fingerprint_of(options(path, group="city")) != known
    copy = path.with_name("copy.csv")
    copy.write_bytes(path.read_bytes())
    assert fingerprint_of(options(copy)) == known
    path.write_text(path.read_text() + "1,Rome,1,2000-01-01,no,1\n")
    assert fingerprint_of(options(path)) != known


@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_other_formats_of_the_same_rows_give_the_same_numbers(path, form):
    table = houses.houses()
    other = path.with_suffix(f".{form}")
    getattr(table, f"to_{form}")(other)
    card, rows = prepared(options(path))
    typed, typed_rows = prepared(options(other))
    assert typed.feature_names == card.feature_names
    for own, theirs in zip(rows.features, typed_rows.features, strict=True):
        np.testing.assert_allclose(own, theirs)


def test_the_prepared_rows_are_the_cells_of_the_file(path):
    card, rows = prepared(options(path, part=None))
    table = houses.houses()
    both = np.concatenate(rows.features)
    targets = np.concatenate(rows.targets)[:, 0]
    assert (len(rows.features[0]), len(rows.features[1])) == (card.train_rows, card.test_rows) == (160, 40)
    area = both[:, card.feature_names.index("area")]
    found = pd.DataFrame({"area": area, "price": targets}).sort_values(["price", "area"]).to_numpy()
    expected = table[["area", "price"]].sort_values(["price", "area"]).to_numpy()
    np.testing.assert_array_equal(found, expected)
    assert (both[:, card.feature_names.index("area:missing")] == np.isnan(area)).all()
    one_hot = both[:, [card.feature_names.index(name) for name in card.column("city").prepared]]
    assert (one_hot.sum(axis=1) == 1).all()


def test_the_vocabulary_comes_from_the_training_part_alone(path):
    table = houses.houses()
    table["part"] = np.where(table.index < 150, "train", "test")
    table.loc[table.index >= 150, "city"] = "Bern"
    table.to_csv(path, index=False)
    card, rows = prepared(options(path, part="part"))
    assert "Bern" not in card.column("city").vocabulary and not card.column("city").has_other
    places = [card.feature_names.index(name) for name in card.column("city").prepared]
    assert (rows.features[1][:, places] == 0).all()
    assert card.train_rows == 150


def test_rare_categories_are_other_and_many_become_codes(tmp_path):
    draw = np.random.default_rng(0)
    many = [f"c{n}" for n in draw.integers(0, 30, 1000)]
    few = ["a"] * 600 + ["b"] * 397 + ["x", "y", "z"]
    pd.DataFrame({"many": many, "few": few, "y": draw.normal(size=1000)}).to_csv(tmp_path / "t.csv", index=False)
    card, rows = prepared(TableOptions(path=str(tmp_path / "t.csv"), target="y"))
    assert card.column("few").prepared == ("few=a", "few=b", "few=(other)")
    assert card.column("many").prepared == ("many",) and card.codes == ((0, 32),)
    codes = rows.features[0][:, 0]
    assert codes.min() >= 2 and codes.max() == 31 and (codes == codes.astype(int)).all()


def test_kinds_that_the_user_gives_hold(path):
    card = examine(options(path, columns={"area": "drop", "garden": "category"}, drop=("built",)))
    assert {column.name for column in card.columns if column.role == "feature"} == {"city", "garden"}
    assert card.column("garden").kind == "category"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"target": "prize"}, r"data.target: .* has no column 'prize'. Did you mean 'price'"),
        ({"target": "Price"}, "Did you mean 'price'"),
        ({"group": "towns"}, "data.group: .* has no column 'towns'"),
        ({"columns": {"area": "money"}}, "data.columns.area=money is unknown"),
        ({"drop": ("price",)}, "data.drop: 'price' is the target"),
        ({"target": ""}, "data.target: has no value"),
        ({"path": ""}, "data.path: has no value"),
        ({"target": "built"}, "data.target=built: the column holds dates"),
        ({"target": ("price", "city")}, "data.target: 'city' holds classes"),
        ({"time": "built", "part": "garden"}, "data.part and data.time: both"),
        ({"part": "city"}, "data.part=city: the value .* is neither train nor test"),
        ({"target": "city", "task": "regression"}, "data.task=regression: data.target=city holds no numbers"),
        ({"target": "city", "task": "binary"}, "data.task=binary: data.target=city has 3 classes"),
        ({"weight": "area"}, "data.weight=area: every row needs a weight of at least 0"),
        ({"decimal": "x"}, 'data.decimal=x is no decimal point. Give data.decimal=. or data.decimal=","'),
        (
            {"drop": ("city", "area", "built", "garden")},
            "no column to predict from .'id': identifier, 'city': category",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(path, more, message):
    with pytest.raises((ConfigError, DataError), match=message):
        examine(options(path, **more))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["a"] * 40, "every row has the value 'a'"),
        ([None] * 40, "the column has no values"),
        ([f"the story of number {n} is this" for n in range(40)], "free text"),
        (["1", "2"] + [None] * 38, "has 2 rows with a target: too few"),
    ],
)
def test_targets_from_which_nothing_can_be_learned_are_refused(tmp_path, cells, message):
    pd.DataFrame({"x": range(len(cells)), "y": cells}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=message):
        examine(TableOptions(path=str(tmp_path / "t.csv"), target="y"))


@pytest.mark.parametrize(
    ("targets", "task", "classes"),
    [
        ({"y": ["yes", "no"] * 50}, "binary", ("no", "yes")),
        ({"y": ["b", "a", "c", "a"] * 25}, "classification", ("a", "b", "c")),
        ({"y": [0, 1] * 50}, "binary", ("0", "1")),
        ({"y": [3.0, 10.0, 2.0, 2.0] * 25}, "classification", ("2", "3", "10")),
        ({"y": [*range(100)]}, "regression", None),
        ({"y": [0.5, 1.5, 2.5, 3.5] * 25}, "regression", None),
        ({"y": [0, 1] * 50, "z": [1, 1, 0, 0] * 25}, "multilabel", None),
        ({"y": [0.5, 1] * 50, "z": [1, 1, 0, 0] * 25}, "regression", None),
    ],
)
def test_the_task_follows_from_the_target(tmp_path, targets, task, classes):
    pd.DataFrame({"x": np.arange(100) % 7, **targets}).to_csv(tmp_path / "t.csv", index=False)
    card, rows = prepared(TableOptions(path=str(tmp_path / "t.csv"), target=tuple(targets)))
    assert (card.task, card.classes) == (task, classes)
    assert rows.targets[0].shape == ((80,) if classes else (80, len(targets)))


def test_rows_without_a_target_are_left_out_and_counted(path):
    table = houses.houses()
    table.loc[:4, "price"] = np.nan
    table.to_csv(path, index=False)
    card = examine(options(path))
    assert (card.rows, card.without_target) == (195, 5)
    assert "5 rows have no target: they are left out." in card.warnings


# --- rows to predict for -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "parquet", "frame"])
def test_rows_to_predict_for_become_the_numbers_that_training_rows_were(path, form):
    card, rows = prepared(options(path, identifier="id"))
    table = houses.houses()
    if form == "frame":
        given = rows_of_table(table, card)
    else:
        getattr(table, f"to_{form}")(path.with_suffix(f".{form}"), index=False)
        given = read_rows(path.with_suffix(f".{form}"), card)
    assert given.names == [str(n) for n in range(200)]
    test = [int(name) for name in given.names if given.targets[int(name), 0] in rows.targets[1][:, 0]]
    for row in rows.features[1]:
        assert any(np.array_equal(row, given.features[n], equal_nan=True) for n in test)
    assert given.others == {} and given.missing == {"area": 20, "city": 20}


def test_an_example_made_of_the_card_is_read_as_training_rows_are(path):
    card, rows = prepared(options(path))
    example = example_rows(card)
    assert list(example.columns) == ["city", "area", "built", "garden"] and len(example) == 2
    given = rows_of_table(example, card)
    assert given.remarks() == [] and not np.isnan(given.features).any()
    both = np.concatenate(rows.features)
    assert (given.features >= np.nanmin(both, 0)).all() and (given.features <= np.nanmax(both, 0)).all()


def test_cells_that_are_not_as_the_training_rows_were_are_counted(path):
    card = examine(options(path))
    table = houses.houses().drop(columns=["price", "id"]).astype(object)
    table.loc[0, "city"], table.loc[1, "area"] = "Bern", "large"
    table["built"] = table["built"].map(lambda day: day.strftime("%d.%m.%Y"))  # another way to write dates
    table.to_csv(path, index=False, sep=";", decimal=",")
    given = read_rows(path, card)
    assert given.targets is None and dict(given.others) == {"city": 1} and dict(given.unreadable) == {"area": 1}
    assert not np.isnan(given.features[:, card.feature_names.index("built:year")]).any()
    assert len(given.remarks()) == 3


@pytest.mark.parametrize("separator", [";", ","])
def test_columns_with_decimal_points_of_their_own_are_the_numbers_that_were_meant(tmp_path, separator):
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"z": draw.uniform(1, 2, 99).round(3), "y": draw.permutation(99) / 8})
    mixed = table.assign(y=[str(one).replace(".", ",") for one in table["y"]])
    mixed.to_csv(tmp_path / "t.csv", index=False, sep=";")
    card, rows = prepared(TableOptions(path=str(tmp_path / "t.csv"), target="y"))
    order = np.argsort(np.concatenate(rows.targets)[:, 0])
    wanted = table.sort_values("y")
    np.testing.assert_allclose(np.sort(table["y"]), np.concatenate(rows.targets)[order, 0])
    np.testing.assert_allclose(np.concatenate(rows.features)[order, 0], wanted["z"])
    assert card.decimal == "," and card.column("z").decimal == "." and card.column("y").decimal == ""
    assert parse_json(as_json(card), TableCard, source="card", way_out="") == card
    given = mixed[:1] if separator == ";" else table
    given.to_csv(tmp_path / "new.csv", index=False, sep=separator)
    np.testing.assert_allclose(read_rows(tmp_path / "new.csv", card).features[0, 0], table["z"][0])


def test_a_column_that_a_file_lacks_is_named(path):
    card = examine(options(path))
    houses.houses().rename(columns={"area": "areas"}).to_csv(path, index=False)
    with pytest.raises(DataError, match=r"input: .* has no column 'area'. Did you mean 'areas'"):
        read_rows(path, card)


def test_classes_to_score_by_are_found_by_their_names(path):
    card = examine(options(path, target="city"))
    table = houses.houses()
    table.loc[0, "city"] = "Bern"
    table.to_csv(path, index=False)
    given = read_rows(path, card)
    known = table["city"].map({name: number for number, name in enumerate(card.classes)}).fillna(-1)
    assert given.targets.tolist() == known.astype(int).tolist()


def test_a_card_of_another_table_is_refused_as_json(path):
    text = as_json(replace(examine(options(path)), task="poetry"))
    with pytest.raises(DataError, match="task"):
        parse_json(text, TableCard, source="card", way_out="")
    assert json.loads(text)["task"] == "poetry"
