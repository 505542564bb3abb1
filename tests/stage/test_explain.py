"""What a confirmed model looks at: for a table that went through all stages, and for images."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import confirming as here
import numpy as np
import pytest
import surviving
import torch
from sklearn.metrics import log_loss, mean_absolute_error

from eksplora.config import compose_request
from eksplora.errors import ConfigError, DataError
from eksplora.explanation import features as explained
from eksplora.inference import load_ensemble

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

EXPLAIN = Path(__file__).parents[2] / "pipelines/explain.py"
METHODS = ("permutation", "shap", "integrated_gradients", "ablation")


@pytest.fixture(scope="module")
def digits(new_folder: Callable[[str], Path], prepared: str) -> Path:
    """Two small CNNs of images; nothing of it is tracked."""
    surviving.warm_up()
    folder = new_folder("digits")
    asked = ["experiment=digits_cnn", "trainer.max_epochs=2", "model.filters=[4]", "tracker=off", *here.QUICK, prepared]
    here.pretend_search(folder, asked, {"optimizer.lr": 0.01})
    here.run(folder, "confirm", *asked, "study.n_seeds=2")
    for stage in ("evaluate", "explain"):
        here.run(folder, stage, *asked, *(["explain.images=5"] if stage == "explain" else []))
    return folder


@pytest.fixture(scope="module")
def alone(new_folder: Callable[[str], Path], prepared: str) -> Path:
    """One member of two classes with dropout, from search to report; nothing of it is tracked."""
    surviving.warm_up()
    folder = new_folder("alone")
    asked = ["experiment=breast_cancer_mlp", "trainer.max_epochs=2", "model.dropout=0.2", "tracker=off"]
    asked += [*here.QUICK, prepared]
    here.run(folder, "search", *asked, "sampler=random", "study.n_trials=2", "output=results/breast_cancer_mlp")
    for stage in ("confirm", "evaluate", "explain", "report"):
        members = ["study.n_seeds=1"] if stage in ("confirm", "explain") else []
        here.run(folder, stage, *asked, *members)
    return folder


# --- tables ------------------------------------------------------------------------------------------------------


def test_every_feature_has_a_place_in_every_method_with_an_interval_over_members(diabetes: Path) -> None:
    features = here.facts(diabetes, "explain")["features"]
    assert tuple(features["methods"]) == METHODS
    for name, method in features["methods"].items():
        assert {row["feature"] for row in method["rows"]} == set(features["names"]), name
        means = [row["importance"]["mean"] for row in method["rows"]]
        assert means == sorted(means, reverse=True)
        assert sum(row["first"] for row in method["rows"]) == pytest.approx(1)
        for row in method["rows"]:
            known = row["importance"]
            assert known["low"] <= known["mean"] <= known["high"]
            assert (row["without"] is not None) == (name == "ablation")
    assert {(one["a"], one["b"]) for one in features["agreement"]} == {
        (a, b) for place, a in enumerate(METHODS) for b in METHODS[place + 1 :]
    }


def test_permutation_importance_is_in_the_unit_of_the_error_that_is_named(diabetes: Path) -> None:
    """By hand for one feature: far more shuffles, scikit-learn's error, one member at a time."""
    method = here.facts(diabetes, "explain")["features"]["methods"]["permutation"]
    assert method["says"].startswith("How much the mean absolute error grows when")
    model = load_ensemble(diabetes / "results/diabetes_mlp/confirm/model")
    (path,) = (Path(str(model.config["data"]["root"])) / "prepared").glob("diabetes/test_features.npy")
    features, targets = np.load(path), np.load(path.with_name("test_targets.npy"))
    column, generator = model.card["feature_names"].index("bmi"), np.random.default_rng(0)
    plain = [mean_absolute_error(targets, own) for own in model.members(features)]
    grown = []
    for _ in range(200):
        shuffled = features.copy()
        shuffled[:, column] = generator.permutation(shuffled[:, column])
        grown.append([mean_absolute_error(targets, own) for own in model.members(shuffled)])
    (row,) = [row for row in method["rows"] if row["feature"] == "bmi"]
    spread = np.std(grown, axis=0).max()
    assert row["importance"]["mean"] == pytest.approx(
        np.mean(np.mean(grown, axis=0) - plain), abs=3 * spread / np.sqrt(10)
    )


def test_ablation_names_its_study_whose_trials_mlflow_shows(diabetes: Path) -> None:
    method = here.facts(diabetes, "explain")["features"]["methods"]["ablation"]
    (study,) = [path.name for path in (diabetes / "mlruns/studies").glob("diabetes_mlp-ablation*")]
    assert study in method["says"]
    excluded = {run.data.params.get("data.excluded") for run in here.runs(diabetes, study).values()}
    assert {"['bmi']", "['s5']"} <= excluded or {'["bmi"]', '["s5"]'} <= excluded


def test_the_table_s_facts_say_what_was_explained(diabetes: Path) -> None:
    facts = here.facts(diabetes, "explain")
    assert (facts["kind"], facts["members"], facts["rows"], facts["overlays"]) == ("numbers", 3, 88, None)
    assert facts["architecture"]["parameters"] == sum(
        parameter.numel()
        for parameter in load_ensemble(diabetes / "results/diabetes_mlp/confirm/model").networks[0].parameters()
    )
    assert facts["provenance"] == here.facts(diabetes, "confirm")["provenance"]


def test_the_same_command_again_trains_nothing_and_says_the_same(diabetes: Path, prepared: str, tmp_path: Path) -> None:
    here.copy(diabetes, tmp_path)
    asked = [*here.DIABETES, prepared, *here.MEMBERS["explain"]]
    before, trained = handed_on(tmp_path), here.trained(tmp_path)
    said = here.run(tmp_path, "explain", *asked)
    assert handed_on(tmp_path) == before, "else the report would be written again"
    assert here.trained(tmp_path) == trained
    assert re.search(r"^  took     permutation \d+\.\d s, shap \d", said, re.MULTILINE)


def handed_on(folder: Path) -> bytes:
    """What DVC compares."""
    (path,) = folder.glob("results/*/explain/explain.json")
    return path.read_bytes()


def test_without_ablation_the_page_says_why(diabetes: Path, prepared: str, tmp_path: Path) -> None:
    here.copy(diabetes, tmp_path)
    here.run(tmp_path, "explain", *here.DIABETES, prepared, "tracker=off", "explain.ablated=9")
    facts = here.facts(tmp_path, "explain")
    assert "ablation" not in facts["features"]["methods"]
    assert "No ablation: 10 features (explain.ablated: 9)." in facts["notes"]


def test_one_member_of_two_classes_is_explained_without_an_interval_and_the_page_says_so(alone: Path) -> None:
    facts = here.facts(alone, "explain")
    ablation = facts["features"]["methods"]["ablation"]["rows"]
    assert {row["feature"] for row in ablation} == set(facts["features"]["names"])
    assert all(row["importance"]["low"] is row["importance"]["high"] is row["without"] is None for row in ablation)
    assert "One member: no interval over members can be given." in facts["notes"]
    assert facts["features"]["methods"]["permutation"]["says"].startswith("How much the log-loss grows")
    page = (alone / "results/breast_cancer_mlp/report.html").read_text()
    assert "One member: no interval over members can be given." in page
    details = json.loads((alone / "results/breast_cancer_mlp/evaluate/details.json").read_text())
    assert [one["name"] for one in details["agreements"]] == ["dropout"]
    assert details["classes"] == ["malignant", "benign"]


# --- images ------------------------------------------------------------------------------------------------------


def test_images_have_overlays_of_the_worst_and_the_best_rows(digits: Path) -> None:
    facts = here.facts(digits, "explain")
    (path,) = digits.glob("results/*/evaluate/details.json")
    examples = json.loads(path.read_text())["examples"]
    overlays = facts["overlays"]
    assert facts["features"] is None
    assert [one["row"] for one in overlays] == [*examples["worst"][:2], *examples["best"][:3]]
    for one in overlays:
        for name, low in (("image", 0), ("gradients", -1), ("occlusion", -1)):
            values = np.array(one[name])
            assert values.shape == (8, 8)
            assert low <= values.min() and values.max() <= 1
    assert all(one["actual"] == one["predicted"] for one in overlays[2:])
    assert all(one["actual"] != one["predicted"] for one in overlays[:2])


def test_the_last_hidden_layer_is_mapped_and_scored_over_members(digits: Path) -> None:
    found = here.facts(digits, "explain")["embeddings"]
    assert {len(points) for points in found["maps"].values()} == {359}
    assert {"pca", "tsne"} <= set(found["maps"])
    assert len(found["scores"]["adjusted_rand"]["members"]) == 2
    assert 0.3 < found["scores"]["v_measure"]["over_members"]["mean"] <= 1


def test_test_images_go_into_the_details_of_the_evaluation(digits: Path) -> None:
    (path,) = digits.glob("results/*/evaluate/details.json")
    details = json.loads(path.read_text())
    shown = {*details["examples"]["worst"], *details["examples"]["best"]}
    assert {str(row) for row in shown} <= set(details["images"])
    assert np.array(details["images"][str(details["examples"]["best"][0])]).shape == (8, 8)


# --- errors that are explained --------------------------------------------------------------------------------


def test_errors_of_members_are_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=20)
    scores = generator.normal(size=(2, 20, 3))
    powers = np.exp(scores) / np.exp(scores).sum(2, keepdims=True)
    found = explained._log_loss(torch.from_numpy(scores), torch.from_numpy(labels))
    assert found.tolist() == pytest.approx([log_loss(labels, own, labels=range(3)) for own in powers])
    odds, two = generator.normal(size=(2, 20, 1)), generator.integers(2, size=20)
    found = explained._binary_log_loss(torch.from_numpy(odds), torch.from_numpy(two))
    assert found.tolist() == pytest.approx([log_loss(two, 1 / (1 + np.exp(-own[:, 0]))) for own in odds])
    numbers, targets = generator.normal(size=(2, 20, 2)), generator.normal(size=(20, 2))
    found = explained._absolute_error(torch.from_numpy(numbers), torch.from_numpy(targets))
    assert found.tolist() == pytest.approx([mean_absolute_error(targets, own) for own in numbers])


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("explain.ablated=-1", r"explain\.ablated must be .*, got -1\. Try "),
        ("explain.images=-2", r"explain\.images must be .*, got -2\."),
        ("explain.alpha=1.5", r"explain\.alpha must be .*, got 1\.5\."),
    ],
)
def test_numbers_that_mean_nothing_are_refused(override: str, message: str, diabetes: Path, prepared: str) -> None:
    with pytest.raises(ConfigError, match=message):
        here.run(diabetes, "explain", *here.DIABETES, prepared, override)


def test_weights_that_were_altered_are_refused(diabetes: Path, prepared: str, tmp_path: Path) -> None:
    here.copy(diabetes, tmp_path)
    weights = tmp_path / "results/diabetes_mlp/confirm/model/member-1.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match=r"member-1\.safetensors is not what was confirmed"):
        here.run(tmp_path, "explain", *here.DIABETES, prepared)


def test_before_the_stages_it_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    words = [sys.executable, str(EXPLAIN), "experiment=wine_mlp"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: results/wine_mlp/confirm/confirm.json is missing: the stage confirm has not ended. "
        "Run the stage before: python pipelines/confirm.py experiment=wine_mlp, or dvc repro.\n"
    )


def test_the_stage_is_composed_with_its_own_keys() -> None:
    settings = compose_request("explain", ["experiment=boston_mlp"]).settings
    assert (settings.explain.ablated, settings.study.n_seeds, settings.output) == (30, 10, "results/boston_mlp")
