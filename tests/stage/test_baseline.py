"""Baselines as a user runs them, beside a network of the same experiment, against scikit-learn and numpy by hand."""

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import preloaded
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score, roc_auc_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from spooling import plain
from surviving import command
from waiting import until

from eksplora.baselines.choice import check_overrides, chosen, configurator
from eksplora.baselines.networks import in_words
from eksplora.config import Request, compose_request, part
from eksplora.errors import ConfigError
from eksplora.events import spool as spools
from eksplora.stage.baseline import study_name
from eksplora.types import Config, Member, MemberResult, Status, Training
from eksplora.work import baseline as job

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"
FOLDS = ["experiment=diabetes_mlp", "protocol=kfold", "protocol.folds=3"]
NAME = "diabetes_mlp-baseline-kfold"
REGRESSORS = ["boosting_regressor", "mean", "mlp_regressor"]
CLASSIFIERS = ["boosting_classifier", "majority", "mlp_classifier"]
SHORT = "baseline.max_iter=20"

LEFT_OUT = {"shuffle", "verbose", "warm_start", "random_state", "quantile", "scoring", "class_weight"} | {
    f"{kind}_{what}" for kind, what in (("categorical", "features"), ("monotonic", "cst"), ("interaction", "cst"))
}
"""Parameters of scikit-learn that the files do not offer."""

Fitted = Callable[..., MemberResult]


def run(folder: Path, pipeline: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONWARNINGS": "error::UserWarning"}
    arguments = [sys.executable, str(PIPELINES / f"{pipeline}.py"), *overrides]
    return preloaded.run(arguments, cwd=folder, env=environment)


def names_of(request: Request) -> list[str]:
    """The baselines that a request asks for."""
    return chosen(request.overrides, request.config, request.choices)


def config_of(prepared: str, name: str, *overrides: str) -> Config:
    """The configuration of one baseline; its data are prepared."""
    request = compose_request("baseline", [prepared, *overrides])
    part(request.config, "data").prepare()
    return configurator(request.overrides, names_of(request))({"baseline": name})


@pytest.fixture
def fitted(prepared: str, tmp_path: Path) -> Fitted:
    """What came of one baseline."""

    def fit(name: str, *overrides: str, seed: int = 5, fold: int = 0) -> MemberResult:
        config = config_of(prepared, name, *overrides)
        return job.fit(Training(3, Member(1, seed, fold), config, str(tmp_path)))

    return fit


def halves(prepared: str, *overrides: str, fold: int = 0) -> tuple[NDArray[Any], ...]:
    """Raw features and targets of the rows to learn from, and of those that validate."""
    config = compose_request("train", [prepared, *overrides]).config
    dataset = part(config, "data")
    dataset.prepare()
    features, targets = dataset.open("train")
    split = part(config, "protocol")(targets=targets)[fold]
    flat = np.asarray(features).reshape(len(features), -1)
    return (
        flat[split.train],
        np.asarray(targets)[split.train],
        flat[split.validation],
        np.asarray(targets)[split.validation],
    )


# --- the numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fold", [0, 2])
def test_the_mean_predictor_is_off_by_what_numpy_says(prepared: str, fitted: Fitted, fold: int) -> None:
    _, targets, _, others = halves(prepared, *FOLDS, fold=fold)
    result = fitted("mean", *FOLDS, fold=fold)
    assert result.value == pytest.approx(
        np.abs(others - targets.mean(dtype=np.float64)).mean(dtype=np.float64), rel=1e-6
    )
    assert result.curves["train/mae"] == [
        pytest.approx(np.abs(targets - targets.mean(dtype=np.float64)).mean(), rel=1e-6)
    ]
    assert result.curves["val/mae"] == [result.value]


@pytest.mark.parametrize("experiment", ["wine_mlp", "breast_cancer_mlp"])
def test_the_majority_predictor_is_right_as_often_as_the_largest_class(
    prepared: str, fitted: Fitted, experiment: str
) -> None:
    _, targets, _, others = halves(prepared, f"experiment={experiment}")
    largest = np.bincount(targets.ravel()).argmax()
    assert fitted("majority", f"experiment={experiment}").value == pytest.approx((others == largest).mean(), rel=1e-6)


def test_a_regressor_is_scikit_learns_with_the_same_rows_scaling_and_seed(prepared: str, fitted: Fitted) -> None:
    features, targets, new, others = halves(prepared, "experiment=diabetes_mlp")
    scaler = StandardScaler().fit(features.astype(np.float64))
    learned, shown = (scaler.transform(rows.astype(np.float64)).astype(np.float32) for rows in (features, new))
    by_hand = MLPRegressor(random_state=11, max_iter=20)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        by_hand.fit(learned, targets.astype(np.float32).ravel())
    result = fitted("mlp_regressor", "experiment=diabetes_mlp", SHORT, seed=11)
    assert result.value == pytest.approx(mean_absolute_error(others, by_hand.predict(shown)), rel=1e-5)
    assert fitted("mlp_regressor", "experiment=diabetes_mlp", SHORT, seed=12).value != result.value


def test_targets_are_learned_scaled_and_judged_in_their_own_unit(prepared: str, fitted: Fitted) -> None:
    asked = ["experiment=diabetes_mlp", "data.target_scaling=standard"]
    features, targets, new, others = halves(prepared, "experiment=diabetes_mlp")
    scaler, unit = (StandardScaler().fit(values.astype(np.float64)) for values in (features, targets))
    by_hand = MLPRegressor(random_state=5, max_iter=20)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        by_hand.fit(scaler.transform(features).astype(np.float32), unit.transform(targets).astype(np.float32).ravel())
    predicted = unit.inverse_transform(by_hand.predict(scaler.transform(new).astype(np.float32)).reshape(-1, 1))
    result = fitted("mlp_regressor", *asked, SHORT)
    assert result.value == pytest.approx(mean_absolute_error(others, predicted), rel=1e-4)
    assert fitted("mean", *asked).value == pytest.approx(fitted("mean", "experiment=diabetes_mlp").value, rel=1e-6)


@pytest.mark.parametrize(
    ("experiment", "objective", "judge"),
    [
        ("wine_mlp", "accuracy", lambda targets, odds: accuracy_score(targets, odds.argmax(1))),
        ("wine_mlp", "auroc", lambda targets, odds: roc_auc_score(targets, odds, multi_class="ovr")),
        ("breast_cancer_mlp", "binary_accuracy", lambda targets, odds: accuracy_score(targets, odds.argmax(1))),
    ],
)
def test_a_classifier_is_scikit_learns_judged_by_its_probabilities(
    prepared: str, fitted: Fitted, experiment: str, objective: str, judge: Callable[..., float]
) -> None:
    features, targets, new, others = halves(prepared, f"experiment={experiment}")
    scaler = StandardScaler().fit(features.astype(np.float64))
    learned, shown = (scaler.transform(rows.astype(np.float64)).astype(np.float32) for rows in (features, new))
    by_hand = MLPClassifier([8], random_state=5, max_iter=20)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        by_hand.fit(learned, targets.ravel())
    short = [SHORT, "baseline.hidden_layer_sizes=[8]"]
    result = fitted("mlp_classifier", f"experiment={experiment}", f"objective={objective}", *short)
    assert result.value == pytest.approx(judge(others.ravel(), by_hand.predict_proba(shown)), rel=1e-5)


def test_images_are_learned_as_rows_of_pixels(prepared: str, fitted: Fitted) -> None:
    features, targets, new, others = halves(prepared, "experiment=digits_cnn")
    assert features.shape[1] == 64
    by_hand = LogisticRegression(max_iter=1000).fit(features / features.max(), targets)  # as good on digits
    plain = accuracy_score(others, by_hand.predict(new / features.max()))
    assert fitted("mlp_classifier", "experiment=digits_cnn", "baseline.max_iter=60").value == pytest.approx(
        plain, abs=0.05
    )


def test_a_class_that_no_learned_row_has_gets_no_probability(prepared: str) -> None:
    config = config_of(prepared, "majority", "experiment=wine_mlp")
    fold = job.folds_of(config)[0]
    estimator = job.estimator_of(config, 0)
    rows = fold.split.train[fold.targets[fold.split.train] != 1]
    estimator.fit(fold.features[rows], fold.targets[rows])
    predicted = job.predicted(config, estimator, fold, fold.split.validation)
    assert predicted.shape == (len(fold.split.validation), 3)
    assert set(map(tuple, predicted.tolist())) <= {(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)}


def test_several_objectives_of_a_regression_are_scikit_learns(prepared: str, fitted: Fitted) -> None:
    _, targets, _, others = halves(prepared, "experiment=diabetes_mlp")
    constant = np.full_like(others, targets.mean(), dtype=np.float64)
    result = fitted("mean", "experiment=diabetes_mlp", "objective=r2")
    assert result.value == pytest.approx(r2_score(others, constant), abs=1e-6)


def test_what_scikit_learn_remarks_is_the_message_and_no_warning(fitted: Fitted) -> None:
    result = fitted("mlp_regressor", "experiment=diabetes_mlp", SHORT)
    assert "Maximum iterations (20) reached" in result.message and "\n" not in result.message
    assert (result.step, result.epochs, result.status, result.weights) == (20, 1, Status.FINISHED, None)
    assert fitted("mean", "experiment=diabetes_mlp").message == ""


# --- what is chosen ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "names", "study"),
    [
        (["experiment=diabetes_mlp"], REGRESSORS, "diabetes_mlp-baseline"),
        (["experiment=diabetes_mlp", "task=quantiles"], REGRESSORS, "diabetes_mlp-baseline"),
        (["experiment=wine_mlp"], CLASSIFIERS, "wine_mlp-baseline"),
        (["experiment=breast_cancer_mlp"], CLASSIFIERS, "breast_cancer_mlp-baseline"),
        (["experiment=digits_cnn"], ["majority", "mlp_classifier"], "digits_cnn-baseline"),
        (["experiment=wine_mlp", "baseline=majority"], ["majority"], "wine_mlp-baseline-majority"),
        ([*FOLDS, "study.n_seeds=2"], REGRESSORS, "diabetes_mlp-baseline-kfold-2-seeds"),
    ],
)
def test_baselines_are_those_for_the_task_or_the_one_that_is_typed(
    overrides: Sequence[str], names: list[str], study: str
) -> None:
    request = compose_request("baseline", overrides)
    assert names_of(request) == names
    assert study_name(request, names) == study


def test_an_override_goes_to_the_baselines_that_have_its_key() -> None:
    request = compose_request("baseline", ["experiment=wine_mlp", "baseline.hidden_layer_sizes=[4,4]"])
    configure = configurator(request.overrides, names_of(request))
    assert configure({"baseline": "mlp_classifier"})["baseline"]["hidden_layer_sizes"] == [4, 4]
    assert "hidden_layer_sizes" not in configure({"baseline": "majority"})["baseline"]
    assert configure({}) == configure({"baseline": "mlp_classifier"})


@pytest.mark.parametrize(
    "estimator", [MLPClassifier, MLPRegressor, HistGradientBoostingClassifier, HistGradientBoostingRegressor]
)
def test_values_in_the_files_are_scikit_learns_defaults(estimator: type[Any]) -> None:
    is_classifier = estimator.__name__.endswith("Classifier")
    request = compose_request("baseline", [f"experiment={'wine_mlp' if is_classifier else 'diabetes_mlp'}"])
    kind = "mlp" if estimator.__name__.startswith("MLP") else "boosting"
    name = f"{kind}_{'classifier' if is_classifier else 'regressor'}"
    stated = configurator(request.overrides, names_of(request))({"baseline": name})["baseline"]
    defaults = estimator().get_params()
    given = {key: value for key, value in stated.items() if key != "_target_"}
    given |= {"hidden_layer_sizes": (100,)} if kind == "mlp" else {}
    left_out = LEFT_OUT | ({"loss"} if name == "boosting_classifier" else set())  # it has only one
    assert given == {key: value for key, value in defaults.items() if key not in left_out}


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("optimizer.lr=0.1", "optimizer.lr"),
        ("model=mlp", "model"),
        ("sampler=tpe", "sampler"),
        ("study.n_trials=3", "study.n_trials"),
        ("data.batch_size=8", "data.batch_size"),
        ("space.overrides=[a]", "space.overrides"),
    ],
)
def test_what_changes_networks_only_is_refused(override: str, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}: has no effect on baselines.* Leave it out\.$"):
        check_overrides(["experiment=boston_mlp", override])


def test_what_decides_rows_members_and_places_is_taken() -> None:
    check_overrides([*FOLDS, "data.scaling=minmax", "objective=r2", "study.seed=1", "tracker=off", "paths.results=x"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["experiment=wine_mlp", "baseline=mean"],
            "^baseline=mean is not for task=classification. Choose baseline=boo",
        ),
        (
            ["experiment=wine_mlp", "baseline.loss=poisson"],
            "^baseline.loss: none of boosting_classifier, majority, mlp_c",
        ),
        (["baseline.max_iter=0.5"], "^baseline.max_iter: 0.5 is of the wrong type. Give a value like 200"),
    ],
)
def test_values_that_cannot_be_are_refused(overrides: Sequence[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        request = compose_request("baseline", overrides)
        configurator(request.overrides, names_of(request))


def test_rows_per_step_are_a_number_or_a_word() -> None:
    for value in (64, "auto"):
        request = compose_request("baseline", [f"baseline.batch_size={value}"])
        assert configurator(request.overrides, names_of(request))({})["baseline"]["batch_size"] == value


def test_a_value_that_scikit_learn_refuses_is_found_by_the_check(prepared: str) -> None:
    for key, value in (("solver", "newton"), ("max_iter", -1), ("batch_size", "large")):
        config = config_of(prepared, "mlp_regressor", "experiment=diabetes_mlp", f"baseline.{key}={value}")
        with pytest.raises(
            ConfigError, match=rf"^baseline: The '{key}' parameter of MLPRegressor must .* conf/baseline/"
        ):
            job.check(config)


# --- a whole study -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(new_folder: Callable[[str], Path]) -> tuple[Path, str]:
    """A network's study and the baselines beside it: their folder, and what the baselines printed."""
    folder = new_folder("baseline")
    quick = ["sampler=random", "study.n_trials=2", "trainer.max_epochs=2", "study.name=networks"]
    done = run(folder, "search", *FOLDS, *quick)
    assert done.returncode == 0, done.stderr
    done = run(folder, "baseline", *FOLDS, SHORT)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return folder, done.stdout


def rows(folder: Path, name: str = NAME) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "results" / name / "trials.csv").read_text().splitlines()))


def members(folder: Path) -> list[dict[str, Any]]:
    spool = folder / "mlruns/studies" / NAME / "spool.jsonl"
    return [plain(event.body) for event in spools.read(spool) if event.kind == "member"]


def test_table_has_a_trial_per_baseline_with_its_spread_over_the_folds(study: tuple[Path, str]) -> None:
    folder, shown = study
    assert sorted(row["baseline"] for row in rows(folder)) == REGRESSORS
    assert f"Study {NAME}: 3 finished. Objective: lowest val/mae." in shown and "means over 1 seed x 3 folds" in shown
    values = [member["value"] for member in members(folder) if member["trial"] == REGRESSORS.index("mean")]
    assert len(values) == 3
    mean = next(row for row in rows(folder) if row["baseline"] == "mean")
    assert float(mean["val/mae"]) == pytest.approx(np.mean(values)) and float(mean["std"]) == pytest.approx(
        np.std(values, ddof=1)
    )
    assert "load_network" not in shown and not list((folder / "results" / NAME / "best").glob("*.safetensors"))


def test_values_are_those_of_a_member_fitted_by_itself(study: tuple[Path, str], prepared: str, fitted: Fitted) -> None:
    for member in (one for one in members(study[0]) if one["member"] == 1):
        name = REGRESSORS[member["trial"]]
        known = next(
            plain(event.body)
            for event in spools.read(study[0] / "mlruns/studies" / NAME / "spool.jsonl")
            if event.kind == "trial"
        )
        seed = known["members"][member["member"]]["seed"]
        alone = fitted(name, *FOLDS, SHORT, seed=seed, fold=member["member"])
        assert alone.value == pytest.approx(member["value"], rel=1e-5)


def test_what_is_printed_compares_with_the_best_network_and_says_what_did_not_converge(study: tuple[Path, str]) -> None:
    folder, shown = study
    best = min(float(row["val/mae"]) for row in rows(folder, "networks"))
    assert f"searched val/mae {best:.4g} in study networks (the best of 2 trials, chosen on these rows" in shown
    assert "note     mlp_regressor: Stochastic Optimizer: Maximum iterations (20) reached" in shown


def test_networks_on_other_rows_are_not_compared_with(study: tuple[Path, str], prepared: str) -> None:
    results = study[0] / "results"
    assert "in study networks" in in_words(results, config_of(prepared, "mean", *FOLDS))
    for other in (["experiment=diabetes_mlp"], [*FOLDS, "protocol.seed=1"], [*FOLDS, "objective=r2"]):
        assert in_words(results, config_of(prepared, "mean", *other)).endswith(
            "python pipelines/search.py experiment=diabetes_mlp"
        )


def test_runs_are_named_after_the_baselines_in_the_experiment_of_the_networks(study: tuple[Path, str]) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{study[0]}/mlruns/mlflow.db")
    (experiment,) = [found for found in client.search_experiments() if found.name != "Default"]
    runs = client.search_runs([experiment.experiment_id])
    assert experiment.name == "diabetes_mlp"
    named = {run.info.run_name: run for run in runs if run.data.tags["study"] == NAME}
    trials = set(REGRESSORS)
    assert set(named) == {NAME} | trials | {f"{trial}-member-{fold}" for trial in trials for fold in range(3)}
    assert {run.data.tags["study"] for run in runs} == {NAME, "networks"}
    recorded = named["mlp_regressor"]
    assert recorded.data.tags["mlflow.parentRunId"] == named[NAME].info.run_id
    assert {run.info.status for run in named.values()} == {"FINISHED"}
    assert {"val/mae", "train/mae", "val/mae_std", "objective", "seconds"} <= set(recorded.data.metrics)
    assert recorded.data.params["baseline.max_iter"] == "20" and recorded.data.params["data.scaling"] == "standard"
    assert not [key for key in recorded.data.params if key.startswith(("model.", "optimizer.", "trainer."))]
    assert "data.batch_size" not in recorded.data.params
    for tag in ("git.commit", "version.scikit-learn", "data.train_features.sha256"):
        assert recorded.data.tags[tag]
    assert "Maximum iterations" in recorded.data.tags["message"]
    assert {"val/mae", "train/mae", "seconds"} <= set(named["mean-member-1"].data.metrics)
    assert "config.yaml" in {item.path for item in client.list_artifacts(recorded.info.run_id)}


def test_same_command_again_fits_nothing_and_shows_the_same(study: tuple[Path, str]) -> None:
    folder, shown = study
    before, table = members(folder), rows(folder)
    done = run(folder, "baseline", *FOLDS, SHORT)
    assert done.returncode == 0, done.stderr
    assert (members(folder), rows(folder)) == (before, table)
    assert done.stdout == shown


def test_ctrl_c_ends_a_fit_at_once_and_keeps_what_is_done(tmp_path: Path) -> None:
    endless = ["baseline.max_iter=100000000", "baseline.tol=0.0", "baseline.n_iter_no_change=100000000"]
    spool = tmp_path / "mlruns/studies/diabetes_mlp-baseline/spool.jsonl"

    def kinds() -> list[str]:
        return [event.kind for event in spools.read(spool)] if spool.exists() else []

    with chdir(tmp_path), command(PIPELINES / "baseline.py", "experiment=diabetes_mlp", *endless) as process:
        until(lambda: "trial_end" in kinds() and kinds().count("population") == 3, process=process)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert (kinds().count("member"), kinds()[-1]) == (1, "stop")


def test_other_values_need_a_name_of_their_own(study: tuple[Path, str]) -> None:
    done = run(study[0], "baseline", *FOLDS, "baseline.max_iter=30")
    assert done.returncode == 2
    assert "begun with other settings (baseline.max_iter: 20 -> 30" in done.stderr
    assert "). Give the changed one a name" in done.stderr


def test_a_misspelt_key_ends_with_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = run(tmp_path, "baseline", "experiment=diabetes_mlp", "baseline.max_iters=3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: baseline.max_iters: no such key. Did you mean 'baseline.max_iter'?\n"
    assert list(tmp_path.iterdir()) == []
