from collections.abc import Sequence
from typing import Any

import pytest

from eksplora.config import compose_request, compose_root, known_keys, plain, unknown_key
from eksplora.config.check import check_kind
from eksplora.errors import ConfigError
from eksplora.installation import CONF


@pytest.mark.parametrize(
    ("overrides", "key", "value"),
    [
        (["study.n_trials=null", "sampler=grid"], "study.n_trials", None),
        (["study.workers=2"], "study.workers", 2),
        (["study.timeout_seconds=5"], "study.timeout_seconds", 5.0),
        (["early_stopping=patience", "early_stopping.patience=null"], "early_stopping.patience", None),
        (["optimizer.lr=1"], "optimizer.lr", 1),
        (["model.activation=[relu,tanh,relu,tanh]"], "model.activation", ["relu", "tanh", "relu", "tanh"]),
        (["model.widths=[]"], "model.widths", []),
        (["experiment=fashion_mnist_cnn", "data.source_dir=x"], "data.source_dir", "x"),
        (["study.name=my-study_1.2"], "study.name", "my-study_1.2"),
    ],
)
def test_values_that_the_files_allow_are_taken(overrides: Sequence[str], key: str, value: Any) -> None:
    request = compose_request("search", overrides)
    node: Any = request.config
    for name in key.split("."):
        node = node[name]
    assert repr(node) == repr(value)
    assert list(request.overrides) == list(overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["~optimizer.eps"], r"^optimizer\.eps: cannot be removed\. Drop ~optimizer\.eps\.$"),
        (
            ["+optimizer.momentun=0.5", "optimizer=sgd"],
            r"^optimizer\.momentun: no such key\. Did you mean 'optimizer\.momentum'",
        ),
        (
            ["trainer.max_epochs=1e3"],
            r"^trainer\.max_epochs: 1000\.0 is of the wrong type\. Give a value like 20 \(a whole",
        ),
        (["data.batch_size=null"], r"^data\.batch_size: null is of the wrong type"),
        (["data.batch_size=true"], r"^data\.batch_size: True is of the wrong type"),
        (["model.activation=[1]"], r"^model\.activation: \[1\] is of the wrong type"),
        (["objective.direction=up"], r"^objective\.direction: 'up' is no direction\. Choose minimize or maximize\.$"),
        (["study.name="], r"^study\.name: '' is no name"),
        (["study.name=."], r"^study\.name: '\.' is no name"),
        (
            ["experiment=digits_cnn", "task=binary"],
            "^task=binary does not go with data=digits. Choose task=classification",
        ),
        (
            ["experiment=digits_cnn", "objective=mae"],
            "^objective=mae is not for task=classification. Choose one of accuracy, ",
        ),
        (["experiment=breast_cancer_mlp", "loss=cross_entropy"], "is for task=classification, not binary"),
    ],
)
def test_values_that_mean_nothing_are_refused_by_key(overrides: Sequence[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compose_request("search", overrides)


def test_no_metric_is_shown_under_the_name_of_another() -> None:
    labels = {path.stem for folder in ("metric", "objective") for path in (CONF / folder).glob("*.yaml")}
    for name in labels - {"mae"}:
        with pytest.raises(ConfigError, match=rf"^objective\.metric={name}: the values are those of objective=mae, "):
            compose_request("search", ["experiment=diabetes_mlp", f"objective.metric={name}"])
    with pytest.raises(
        ConfigError, match=r"^metric\._target_: torchmetrics\.MeanSquaredError is not what conf/metric/"
    ):
        compose_request("search", ["experiment=diabetes_mlp", "metric._target_=torchmetrics.MeanSquaredError"])
    named = compose_request("search", ["experiment=diabetes_mlp", "objective.metric=median_house"])
    assert named.settings.objective.metric == "median_house"


def test_a_data_set_of_two_classes_may_be_either_task() -> None:
    either = ["experiment=breast_cancer_mlp", "task=classification", "loss=cross_entropy", "objective=accuracy"]
    assert compose_request("search", either).config["model"]["num_outputs"] == 2


@pytest.mark.parametrize("known", [1, 0.5, "text", True, [1], None])
def test_a_value_of_the_same_kind_is_always_taken(known: Any) -> None:
    check_kind("data.key", known, known)


@pytest.mark.parametrize(
    ("known", "value"),
    [
        (1, 0.5),
        (1, "1"),
        (1, True),
        (True, 1),
        (0.5, "a"),
        (0.5, True),
        ("a", 1),
        ([1], 1),
        ([1], ["a"]),
        (1, [1]),
        (1, None),
    ],
)
def test_a_value_of_another_kind_is_refused(known: Any, value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^data\.key: .* is of the wrong type\. Give "):
        check_kind("data.key", known, value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("clipping.norm=abc", r"^clipping\.norm: 'abc' is of the wrong type\. Give a value like 1\.0 \(a number\)\.$"),
        (
            "early_stopping.patience=2.5",
            r"^early_stopping\.patience: 2\.5 is .* Give a value like 10 \(a whole number\)\.",
        ),
        ("imbalance.sampling=true", r"^imbalance\.sampling: True is of the wrong type\. Give a value like 'none'"),
        ("+regularization.l3=1", r"^regularization\.l3: no such key\. Did you mean "),
    ],
)
def test_where_a_file_states_null_the_others_of_its_group_say_what_a_key_takes(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compose_request("search", [override])


def test_a_choice_is_the_root_files_unless_another_is_typed() -> None:
    request = compose_request("search", ["experiment=digits_cnn", "sampler=grid"])
    assert (request.choices["sampler"], request.choices["pruner"], request.choices["data"]) == (
        "grid",
        "none",
        "digits",
    )
    assert request.settings.objective.metric == "accuracy"


@pytest.mark.parametrize("root", ["search", "train", "baseline", "prepare", "sync", "ui"])
def test_known_keys_are_those_that_the_composed_root_has_and_those_of_other_choices(root: str) -> None:
    from eksplora.config import flatten

    keys = {key for key in flatten(plain(compose_root(root, []))) if "._" not in key and not key.startswith("space.")}
    assert keys <= known_keys(root)
    if root == "search":
        assert {"optimizer.momentum", "model.filters"} <= known_keys(root)
    if root == "prepare":
        assert not {"optimizer.lr", "study.seed"} & known_keys(root)


def test_a_hint_stays_within_the_group_that_was_meant() -> None:
    known = ["optimizer.lr", "model.lrr", "study.seed"]
    assert unknown_key("optimizer.lrr", known).endswith("Did you mean 'optimizer.lr'?")
    assert unknown_key("optimiser.lr", known).endswith("Did you mean 'optimizer'?")
