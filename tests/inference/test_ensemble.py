"""A recorded model against networks that are applied by hand."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from eksplora.data.card import sealed
from eksplora.errors import ConfigError, DataError
from eksplora.inference import load_ensemble, load_network
from eksplora.inference.ensemble import BLOCK_ROWS, Ensemble

ROWS = np.random.default_rng(0).normal(size=(7, 3))


class Known(nn.Module):
    """Outputs that are a fixed map of the features, in 32 bits as a network's are."""

    def __init__(self, weights: Any) -> None:
        super().__init__()
        self.weights = torch.tensor(np.asarray(weights, dtype=np.float64))

    def forward(self, features: Tensor) -> Tensor:
        return (features.double() @ self.weights).float()


def ensemble(task: dict[str, Any], *weights: Any, classes: list[str] | None = None) -> Ensemble:
    """Members that each multiply three features by their weights (3, outputs)."""
    node = {**task, "_target_": f"eksplora.training.task.{task['_target_']}"}
    card = {"classes": classes, "input_shape": [3], "num_targets": weights[0].shape[1]}
    return Ensemble([Known(one) for one in weights], {"task": node}, card)


def maps(count: int, outputs: int) -> list[NDArray[np.float64]]:
    return list(np.random.default_rng(count).normal(size=(count, 3, outputs)))


# --- numbers -----------------------------------------------------------------------------------------------------


def test_a_number_is_predicted_by_the_mean_with_spread_and_extremes_of_the_members() -> None:
    weights = maps(4, 1)
    table = ensemble({"_target_": "regression", "num_outputs": 1}, *weights).predict(ROWS)
    by_hand = np.stack([(ROWS @ one)[:, 0] for one in weights]).astype(np.float32).astype(np.float64)
    assert list(table.columns) == ["prediction", "std", "lowest", "highest"]
    np.testing.assert_allclose(table["prediction"], by_hand.mean(0), rtol=1e-12)
    np.testing.assert_allclose(table["std"], by_hand.std(0, ddof=1), rtol=1e-9)
    np.testing.assert_array_equal(table["lowest"], by_hand.min(0))
    np.testing.assert_array_equal(table["highest"], by_hand.max(0))


def test_several_targets_have_columns_of_their_own() -> None:
    weights = maps(3, 2)
    table = ensemble({"_target_": "regression", "num_outputs": 2}, *weights).predict(ROWS)
    assert list(table.columns) == [
        f"{name}_target_{n}" for n in (0, 1) for name in ("prediction", "std", "lowest", "highest")
    ]
    for number in (0, 1):
        by_hand = np.stack([(ROWS @ one)[:, number] for one in weights])
        np.testing.assert_allclose(table[f"prediction_target_{number}"], by_hand.mean(0), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(table[f"std_target_{number}"], by_hand.std(0, ddof=1), rtol=1e-5)


def test_of_quantiles_the_median_is_predicted() -> None:
    task = {"_target_": "quantiles", "num_outputs": 3, "levels": [0.1, 0.5, 0.9]}
    weights = maps(2, 3)
    table = ensemble(task, *weights).predict(ROWS)
    np.testing.assert_allclose(
        table["prediction"], np.mean([(ROWS @ one)[:, 1] for one in weights], axis=0), rtol=1e-6, atol=1e-6
    )


def test_of_counts_their_expected_number_is_predicted() -> None:
    """The mean of the members' expectations, which is not the expectation of their mean logarithm."""
    weights = maps(2, 1)
    table = ensemble({"_target_": "counts", "num_outputs": 1}, *weights).predict(ROWS)
    by_hand = np.exp([(ROWS @ one)[:, 0] for one in weights]).mean(0)
    np.testing.assert_allclose(table["prediction"], by_hand, rtol=1e-5)


# --- classes -----------------------------------------------------------------------------------------------------

KINDS = ["Weiß", "p|nk", "青"]


def test_a_class_is_predicted_by_the_mean_probability_of_the_members() -> None:
    weights = maps(5, 3)
    table = ensemble({"_target_": "classification", "num_outputs": 3}, *weights, classes=KINDS).predict(ROWS)
    powers = np.exp([ROWS @ one for one in weights])
    odds = powers / powers.sum(2, keepdims=True)
    chosen = odds.mean(0).argmax(1)
    assert list(table.columns) == ["prediction", "probability", "std", "p_Weiß", "p_p|nk", "p_青"]
    assert table["prediction"].tolist() == [KINDS[number] for number in chosen]
    np.testing.assert_allclose(table["probability"], odds.mean(0).max(1), rtol=1e-5)
    np.testing.assert_allclose(table["std"], odds.std(0, ddof=1)[np.arange(7), chosen], rtol=1e-4)
    for number, name in enumerate(KINDS):
        np.testing.assert_allclose(table[f"p_{name}"], odds.mean(0)[:, number], rtol=1e-5)


def test_of_two_classes_the_sigmoid_is_the_probability_of_the_second() -> None:
    weights = maps(3, 1)
    table = ensemble({"_target_": "binary", "num_outputs": 1}, *weights, classes=["bad", "good"]).predict(ROWS)
    odds = (1 / (1 + np.exp([-(ROWS @ one)[:, 0] for one in weights]))).mean(0)
    np.testing.assert_allclose(table["p_good"], odds, rtol=1e-5)
    np.testing.assert_allclose(table["p_bad"], 1 - odds, rtol=1e-5)
    assert table["prediction"].tolist() == ["good" if one > 0.5 else "bad" for one in odds]
    spread = (1 / (1 + np.exp([-(ROWS @ one)[:, 0] for one in weights]))).std(0, ddof=1)
    np.testing.assert_allclose(table["std"], spread, rtol=1e-4)  # the same for either class


def test_of_two_classes_with_a_score_each_both_are_softmaxed() -> None:
    table = ensemble({"_target_": "classification", "num_outputs": 2}, *maps(1, 2), classes=["a", "b"]).predict(ROWS)
    np.testing.assert_allclose(table["p_a"] + table["p_b"], np.ones(7), rtol=1e-6, atol=1e-6)


# --- members, rows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "classes"),
    [
        ({"_target_": "regression", "num_outputs": 3}, None),
        ({"_target_": "classification", "num_outputs": 3}, KINDS),
    ],
)
def test_one_member_has_no_spread(task: dict[str, Any], classes: list[str] | None) -> None:
    table = ensemble(task, *maps(1, 3), classes=classes).predict(ROWS)
    spread = [name for name in table.columns if name.startswith("std")]
    assert spread and table[spread].isna().all(axis=None)
    assert not table.drop(columns=spread).isna().any(axis=None)


def test_members_are_reported_one_by_one() -> None:
    weights = maps(4, 2)
    each = ensemble({"_target_": "regression", "num_outputs": 2}, *weights).members(ROWS)
    assert (each.shape, each.dtype) == ((4, 7, 2), np.float64)
    np.testing.assert_allclose(each, [ROWS @ one for one in weights], rtol=1e-6, atol=1e-6)


def test_more_rows_than_go_through_at_once_are_predicted_in_their_order() -> None:
    many = np.random.default_rng(1).normal(size=(2 * BLOCK_ROWS + 3, 3))
    one = ensemble({"_target_": "regression", "num_outputs": 1}, *maps(2, 1))
    table = one.predict(many)
    assert len(table) == len(many)
    for rows in (slice(0, BLOCK_ROWS), slice(BLOCK_ROWS - 1, BLOCK_ROWS + 2), slice(2 * BLOCK_ROWS, None)):
        pd.testing.assert_frame_equal(one.predict(many[rows]), table[rows].reset_index(drop=True))


def test_rows_that_cannot_be_written_to_are_taken() -> None:
    """As the memory maps of prepared data are."""
    rows = np.array(ROWS)[::-1]
    rows.setflags(write=False)
    one = ensemble({"_target_": "regression", "num_outputs": 1}, *maps(2, 1))
    pd.testing.assert_frame_equal(one.predict(rows), one.predict(rows.copy()))


# --- from a folder -----------------------------------------------------------------------------------------------

CARD = {"input_shape": [3], "feature_names": ["a", "b", "c"], "classes": None, "feature_ranges": [[0, 1]] * 3}
CONFIG = {
    "model": {
        "_target_": "eksplora.model.mlp.MLP",
        "input_shape": [3],
        "num_outputs": 1,
        "widths": [],
        "normalization": "none",
        "normalization_place": "before",
        "groups": 8,
        "activation": "relu",
        "activation_parameter": None,
        "output_activation": "identity",
        "dropout": 0.0,
        "dropout_kind": "standard",
    },
    "task": {"_target_": "eksplora.training.task.regression", "num_outputs": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A linear model of 12 members: more than one digit in the names of its files."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (tmp_path / "card.json").write_text(json.dumps(sealed(CARD)))
    from eksplora.config import part

    names = list(part(CONFIG, "model").state_dict())
    assert len(names) == 2
    for member in range(12):
        weights = {"weight": torch.full((1, 3), float(member)), "bias": torch.ones(1)}
        tensors = {f"network.{name}": weights[name.rpartition(".")[2]] for name in names}
        save_file(
            tensors | {"shift": torch.ones(3), "scale": torch.full((3,), 2.0)},
            tmp_path / f"member-{member}.safetensors",
        )
    return tmp_path


def test_a_folder_gives_its_members_in_the_order_of_their_numbers(folder: Path) -> None:
    each = load_ensemble(folder).members(ROWS)
    by_hand = [((ROWS - 1) / 2).sum(1) * member + 1 for member in range(12)]
    np.testing.assert_allclose(each[:, :, 0], by_hand, rtol=1e-5, atol=1e-5)


def test_no_prediction_is_made_of_what_is_no_number(folder: Path) -> None:
    far = np.where(np.arange(7)[:, None] == 4, 1e300, ROWS)
    with pytest.raises(DataError, match=r"^row 4: the model has no finite number for it"):
        load_ensemble(folder).predict(far)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (ROWS[:, :2], r"^features holds float64 of shape \[7, 2\]\. Give numbers of shape \[rows, 3\]\.$"),
        (ROWS[0], r"^features holds float64 of shape \[3\]"),
        (ROWS[:0], r"^features holds float64 of shape \[0, 3\]"),
        (ROWS.astype(str), r"^features holds <U32 of shape"),
        ([["a", 1, 2]], r"^features holds <U21 of shape"),
        ([[1, 2], [3]], r"^features holds object of shape"),
        (None, r"^features holds float64 of shape \[\]"),
        (np.full((2, 3), np.nan), r"^features holds values that are no numbers\."),
        (pd.DataFrame(ROWS, columns=["b", "a", "c"]), r"^features has other columns than those of the training, or in"),
    ],
)
def test_rows_that_are_not_like_those_of_the_training_are_refused(given: Any, message: str, folder: Path) -> None:
    with pytest.raises(DataError, match=message):
        load_ensemble(folder).predict(given)


@pytest.mark.parametrize("name", [None, 3, ["a"], np.ones(2)])
def test_what_names_no_folder_is_one_line(name: Any) -> None:
    for load in (load_ensemble, load_network):
        with pytest.raises(DataError, match=rf"^{type(name).__name__} is no name of a folder\. Give "):
            load(name)


def test_loading_a_model_opens_no_pickle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any, **named: Any) -> None:
        pytest.fail("a pickle was opened")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    assert len(load_ensemble(folder).predict(ROWS)) == 7


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (
            lambda f: (f / "card.json").unlink(),
            DataError,
            r"card\.json is missing\. Give the folder of a conf",
        ),
        (lambda f: (f / "card.json").write_text("{"), DataError, r"card\.json cannot be read"),
        (lambda f: (f / "config.yaml").unlink(), DataError, r"config\.yaml is missing\."),
        (lambda f: (f / "config.yaml").write_text("a: ["), DataError, r"config\.yaml cannot be read"),
        (
            lambda f: (f / "member-3.safetensors").write_bytes(b"x" * 100),
            DataError,
            r"member-3\.safetensors cannot be read",
        ),
        (
            lambda f: [one.unlink() for one in f.glob("*.safetensors")],
            DataError,
            r"holds no member-<i>\.safetensors\. Give",
        ),
        (
            lambda f: (f / "config.yaml").write_text(yaml.safe_dump({"model": {"_target_": "os.system"}})),
            ConfigError,
            r"model\._target_: 'os\.system' is no part that conf/model/ names",
        ),
    ],
)
def test_a_folder_that_holds_no_model_of_ours_is_refused(damage: Any, error: type, message: str, folder: Path) -> None:
    damage(folder)
    with pytest.raises(error, match=message):
        load_ensemble(folder)
