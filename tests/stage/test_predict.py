"""Predictions of models that were really trained, against their networks applied by hand."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import confirming as here
import numpy as np
import pandas as pd
import preloaded
import pytest
import surviving
import torch
from numpy.typing import NDArray
from PIL import Image

from eksplora.errors import ConfigError, DataError, StorageError
from eksplora.inference import load_network

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

PREDICT = Path(__file__).parents[2] / "pipelines/predict.py"
MODEL = "eksplora-diabetes_mlp"
HIGHEST = 16.0
"""Of the pixels of digits; an image file's go to 255."""


@pytest.fixture(scope="module")
def digits(new_folder: Callable[[str], Path], prepared: str) -> Path:
    """A small model of digits with two members, and its data."""
    surviving.warm_up()
    folder = new_folder("digits")
    asked = ["experiment=digits_cnn", "trainer.max_epochs=1", "model.filters=[4]", *here.QUICK, "tracker=off", prepared]
    here.pretend_search(folder, asked, {"optimizer.lr": 0.01})
    here.run(folder, "confirm", *asked, "study.n_seeds=2", "confirm.best=1")
    return folder / "results/digits_cnn/confirm/model"


def model_of(folder: Path) -> Path:
    return folder / "results/diabetes_mlp/confirm/model"


def rows(prepared: str, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Features and targets of the training part, read without eksplora."""
    folder = Path(prepared.removeprefix("paths.data=")) / "prepared" / name
    return np.load(folder / "train_features.npy"), np.load(folder / "train_targets.npy")


def outputs(model: Path, features: NDArray[Any], members: int) -> NDArray[np.float64]:
    """What each member's network gives, (members, rows, outputs)."""
    networks = [load_network(model, member=number) for number in range(members)]
    with torch.inference_mode():
        return np.stack([network(torch.from_numpy(np.array(features))).double().numpy() for network in networks])


def predicted(folder: Path, *overrides: str) -> pd.DataFrame:
    here.run(folder, "predict", *overrides)
    return pd.read_csv(folder / "predictions.csv")


# --- a table -----------------------------------------------------------------------------------------------------


@pytest.fixture
def patients(prepared: str, tmp_path: Path) -> pd.DataFrame:
    """Twenty rows of diabetes as a table in `given.csv`, columns in another order and with a further one."""
    names = ["s6", "s5", "s4", "s3", "s2", "s1", "bp", "bmi", "sex", "age"]
    table = pd.DataFrame(rows(prepared, "diabetes")[0][:20, ::-1], columns=names)
    table.insert(3, "größe", "unknown")
    table.to_csv(tmp_path / "given.csv", index=False)
    return table


def test_a_table_is_predicted_as_the_networks_applied_by_hand(
    diabetes: Path, prepared: str, patients: pd.DataFrame, tmp_path: Path
) -> None:
    table = predicted(tmp_path, f"trained={model_of(diabetes)}", "input=given.csv", "tracker=off")
    each = outputs(model_of(diabetes), rows(prepared, "diabetes")[0][:20], 3)[:, :, 0]
    assert list(table.columns) == ["row", "prediction", "std", "lowest", "highest"]
    assert table["row"].tolist() == list(range(20))
    np.testing.assert_allclose(table["prediction"], each.mean(0), rtol=1e-6)
    np.testing.assert_allclose(table["std"], each.std(0, ddof=1), rtol=1e-4)
    np.testing.assert_allclose(table["lowest"], each.min(0), rtol=1e-6)
    np.testing.assert_allclose(table["highest"], each.max(0), rtol=1e-6)


def test_what_is_printed_says_where_the_predictions_are_and_of_how_many_members(
    diabetes: Path, patients: pd.DataFrame, tmp_path: Path
) -> None:
    printed = here.run(tmp_path, "predict", f"trained={model_of(diabetes)}", "input=given.csv", "output=a/b.csv")
    assert "First 10 of 20 predictions" in printed
    assert "a/b.csv   (20 rows, 3 members; std: their spread)" in printed
    assert len(pd.read_csv(tmp_path / "a/b.csv")) == 20


def test_a_registered_model_gives_the_same_by_alias_and_by_version(
    diabetes: Path, patients: pd.DataFrame, tmp_path: Path
) -> None:
    tracker = f"tracker.uri=sqlite:///{diabetes}/mlruns/mlflow.db"
    known = predicted(tmp_path, f"trained={model_of(diabetes)}", "input=given.csv", tracker)
    for asked in (f"models:/{MODEL}@champion", f"models:/{MODEL}@challenger", f"models:/{MODEL}/1"):
        pd.testing.assert_frame_equal(predicted(tmp_path, f"trained={asked}", "input=given.csv", tracker), known)


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What a command says beside its steps, of which a slow machine shows more."""
    return [line for line in done.stderr.splitlines() if not line.startswith("predict ")]


def test_the_command_predicts_in_a_process_of_its_own(diabetes: Path, patients: pd.DataFrame, tmp_path: Path) -> None:
    known = predicted(tmp_path, f"trained={model_of(diabetes)}", "input=given.csv", "tracker=off")
    words = [f"trained={model_of(diabetes)}", "input=given.csv", "output=again.csv"]
    done = preloaded.run([sys.executable, str(PREDICT), *words], cwd=tmp_path)
    assert (done.returncode, complaints(done)) == (0, [])
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "again.csv"), known)


# --- arrays and images -------------------------------------------------------------------------------------------


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def test_arrays_are_predicted_as_the_networks_applied_by_hand(digits: Path, prepared: str, tmp_path: Path) -> None:
    features = rows(prepared, "digits")[0][:30]
    np.savez(tmp_path / "given.npz", features=features)
    table = predicted(tmp_path, f"trained={digits}", "input=given.npz", "tracker=off")
    odds = softmax(outputs(digits, features, 2))
    chosen = odds.mean(0).argmax(1)
    assert list(table.columns) == ["row", "prediction", "probability", "std", *(f"p_{number}" for number in range(10))]
    assert table["prediction"].tolist() == chosen.tolist()
    np.testing.assert_allclose(table["probability"], odds.mean(0).max(1), rtol=1e-5)
    np.testing.assert_allclose(table["std"], odds.std(0, ddof=1)[np.arange(30), chosen], rtol=1e-3, atol=1e-8)
    np.testing.assert_allclose(table[[f"p_{number}" for number in range(10)]], odds.mean(0), rtol=1e-4, atol=1e-8)


def test_images_of_a_folder_are_predicted_as_the_rows_that_they_show(
    digits: Path, prepared: str, tmp_path: Path
) -> None:
    """A file has 256 steps where the data have 17, so each pixel comes back to a thirtieth of a step."""
    features = rows(prepared, "digits")[0][:12]
    (tmp_path / "images").mkdir()
    for number, image in enumerate(features[:, 0]):
        pixels = np.round(image / HIGHEST * 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"images/größe {number:02}.png")
    np.savez(tmp_path / "given.npz", features=features)
    known = predicted(tmp_path, f"trained={digits}", "input=given.npz", "tracker=off")
    shown = predicted(tmp_path, f"trained={digits}", "input=images", "tracker=off")
    assert shown["row"].tolist() == [f"größe {number:02}.png" for number in range(12)]
    assert shown["prediction"].tolist() == known["prediction"].tolist()
    np.testing.assert_allclose(shown["probability"], known["probability"], atol=0.01)
    single = predicted(tmp_path, f"trained={digits}", "input='images/größe 03.png'", "tracker=off")
    pd.testing.assert_series_equal(single.iloc[0], shown.iloc[3], check_names=False)


# --- two classes, one member -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tumours(new_folder: Callable[[str], Path], prepared: str) -> Path:
    """A model of two classes with one member."""
    surviving.warm_up()
    folder = new_folder("tumours")
    asked = ["experiment=breast_cancer_mlp", "trainer.max_epochs=2", *here.QUICK, "tracker=off", prepared]
    here.pretend_search(folder, asked, {"optimizer.lr": 0.01})
    here.run(folder, "confirm", *asked, "study.n_seeds=1", "confirm.best=1")
    return folder / "results/breast_cancer_mlp/confirm/model"


def test_of_two_classes_each_has_its_probability_and_one_member_no_spread(
    tumours: Path, prepared: str, tmp_path: Path
) -> None:
    features, targets = rows(prepared, "breast_cancer")
    np.savez(tmp_path / "given.npz", features=features)
    table = predicted(tmp_path, f"trained={tumours}", "input=given.npz", "tracker=off")
    odds = 1 / (1 + np.exp(-outputs(tumours, features, 1)[0, :, 0]))
    np.testing.assert_allclose(table["p_benign"], odds, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(table["p_malignant"], 1 - odds, rtol=1e-4, atol=1e-6)
    assert table["prediction"].tolist() == ["benign" if one > 0.5 else "malignant" for one in odds]
    assert table["std"].isna().all()
    assert (table["prediction"] == np.where(targets.ravel() == 1, "benign", "malignant")).mean() > 0.8
    lines = (tmp_path / "predictions.csv").read_text().splitlines()
    assert lines[1].split(",")[3] == ""


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (
            ["input=given.csv"],
            ConfigError,
            r"^trained: has no value\. Give one: python pipelines/predict\.py trained=\.\.\.",
        ),
        (["trained=there"], ConfigError, r"^input: has no value\. Give one"),
        (["trained=there", "input=given.csv"], DataError, r"^there/card\.json is missing"),
        (["trained=MODEL", "input=no.csv"], DataError, r"^input: no\.csv does not exist"),
        (["trained=MODEL", "input=given.csv", "output=given.csv/x"], StorageError, r"cannot be written"),
        (
            ["trained=models:/a@b", "input=given.csv"],
            ConfigError,
            r"^trained: tracker=off has no registry\. Give a folder",
        ),
    ],
)
def test_what_cannot_be_answered_is_one_line_and_writes_nothing(
    overrides: list[str], error: type, message: str, diabetes: Path, patients: pd.DataFrame, tmp_path: Path
) -> None:
    asked = [text.replace("MODEL", str(model_of(diabetes))) for text in overrides]
    with pytest.raises(error, match=message) as raised:
        here.run(tmp_path, "predict", *asked, "tracker=off")
    assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["given.csv"]


@pytest.mark.parametrize("name", ["eksplora-nothing@champion", f"{MODEL}@nobody", f"{MODEL}/77", f"{MODEL}/x", MODEL])
def test_a_model_that_is_not_registered_is_refused_with_those_that_are(
    name: str, diabetes: Path, patients: pd.DataFrame, tmp_path: Path
) -> None:
    tracker = f"tracker.uri=sqlite:///{diabetes}/mlruns/mlflow.db"
    with pytest.raises(
        DataError, match=rf"is not in MLflow's registry, which has {MODEL}\. Write models:/<name>@champ"
    ):
        here.run(tmp_path, "predict", f"trained=models:/{name}", "input=given.csv", tracker)
    assert [path.name for path in tmp_path.iterdir()] == ["given.csv"]


def test_where_nothing_was_tracked_there_is_no_registry(patients: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"mlflow\.db is missing: nothing was tracked here\. Set tracker\.uri"):
        here.run(tmp_path, "predict", f"trained=models:/{MODEL}@champion", "input=given.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["given.csv"]


def test_a_mistake_in_the_input_leaves_older_predictions_as_they_are(
    diabetes: Path, patients: pd.DataFrame, tmp_path: Path
) -> None:
    known = predicted(tmp_path, f"trained={model_of(diabetes)}", "input=given.csv", "tracker=off")
    text = (tmp_path / "given.csv").read_text().splitlines()
    (tmp_path / "given.csv").write_text("\n".join([*text[:-1], "not a number" + text[-1][1:]]))
    with pytest.raises(DataError, match=r"^input: given\.csv, line 21, column 's6': 'not a number.*' is no number"):
        here.run(tmp_path, "predict", f"trained={model_of(diabetes)}", "input=given.csv", "tracker=off")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "predictions.csv"), known)


def test_a_mistake_is_answered_by_the_command_with_exit_code_2(diabetes: Path, tmp_path: Path) -> None:
    (tmp_path / "given.npz").write_bytes(b"")
    words = [f"trained={model_of(diabetes)}", "input=given.npz"]
    done = preloaded.run([sys.executable, str(PREDICT), *words], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (error,) = complaints(done)
    assert error == "error: input: given.npz is no npz file. Save it by numpy.savez(path, features=...)."
    assert [path.name for path in tmp_path.iterdir()] == ["given.npz"]
