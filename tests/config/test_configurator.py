import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eksplora.config import Configurator, check_space, compose_request, compose_root, parse_space, plain, schema
from eksplora.errors import ConfigError
from eksplora.installation import CONF
from eksplora.search._distribution import suggest
from eksplora.search.space import Choice, Condition, Parameter, SearchInterval, SearchRange, Space

BOSTON = ("experiment=boston_mlp", "trainer.max_epochs=7", "data.root=${paths.data}")


def composed(overrides: Sequence[str]) -> dict[str, Any]:
    """What the command line gives."""
    config = plain(compose_root("search", overrides))
    return {key: config[key] for key in (*schema.TRAINING_KEYS, "paths")}


def text(config: Any) -> str:
    """A configuration as it is recorded: 1 and 1.0 and true differ."""
    return json.dumps(config, sort_keys=True)


def as_override(key: str, value: Any) -> str:
    return f"{key}={json.dumps(value)}"


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "optimizer": st.sampled_from(["adam", "sgd", "rmsprop"]),
        "scheduler": st.sampled_from(["constant", "exponential"]),
        "optimizer.lr": st.floats(1e-8, 10),
        "data.batch_size": st.integers(1, 400),  # referred to by none
        "data.input_shape": st.lists(st.integers(1, 30), min_size=1, max_size=3),  # model.input_shape refers to it
        "data.num_targets": st.integers(1, 9),  # two others refer to it, one through the other
        "task.num_outputs": st.integers(1, 9),  # itself a reference, and referred to
        "model.num_outputs": st.integers(1, 9),
        "model.widths": st.lists(st.integers(1, 512), max_size=4),
        "model.activation": st.sampled_from(["relu", "tanh"]) | st.lists(st.sampled_from(["relu", "elu"]), min_size=1),
        "training.population": st.integers(1, 20),  # typed
        "early_stopping.min_delta": st.integers(0, 3) | st.floats(0, 1),
        "early_stopping.restore_best_weights": st.booleans(),
        "paths.data": st.sampled_from(["data", "elsewhere"]),
    },
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(VALUES, min_size=1, max_size=2))
def test_a_trials_configuration_is_what_the_same_overrides_on_the_command_line_compose(
    trials: list[dict[str, Any]],
) -> None:
    configure = Configurator("search", BOSTON)
    for values in trials:  # one after another: no trial leaves a trace in the next
        overrides = [*BOSTON, *(as_override(key, value) for key, value in values.items())]
        assert text(configure(values)) == text(composed(overrides))


def test_values_that_are_references_are_resolved_as_on_the_command_line() -> None:
    configure = Configurator("search", BOSTON)
    values = {
        "model.widths": ["${data.batch_size}", 4],
        "optimizer.weight_decay": "${optimizer.lr}",
        "optimizer.lr": 0.5,
    }
    config = configure(values)
    assert config["model"]["widths"] == [32, 4]
    assert config["optimizer"]["weight_decay"] == 0.5
    assert text(configure({})) == text(composed(BOSTON))


def test_a_configuration_is_the_callers_own() -> None:
    configure, widths = Configurator("search", BOSTON), [8, 8]
    before = text(configure({"model.widths": widths}))
    config = configure({"model.widths": widths})
    config["model"]["widths"].append(1)
    config["optimizer"]["betas"].append(1)
    assert widths == [8, 8]
    assert text(configure({"model.widths": widths})) == before


def test_only_what_trains_is_in_a_trials_configuration() -> None:
    assert set(Configurator("search", BOSTON)({})) == {*schema.TRAINING_KEYS, "paths"}


# --- the check ---------------------------------------------------------------------------------------------------


def check(*parameters: Parameter, overrides: Sequence[str] = BOSTON) -> None:
    check_space(parameters, Configurator("search", overrides))


OPTIMIZERS = Parameter("optimizer", Choice(("adam", "sgd")))
RMSPROP_OR_SGD = (
    r"Make it conditional: space\.when\.optimizer\.momentum=optimizer=choice\(momentum, nesterov, rmsprop, sgd\)\.$"
)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            [Parameter("optimizer.lrr", SearchInterval(0, 1))],
            r"optimizer\.lrr: no such key\. Did you mean 'optimizer\.lr'\?",
        ),
        ([Parameter("optimiser.lr", SearchInterval(0, 1))], r"optimiser\.lr: no such key\. Did you mean 'optimizer'\?"),
        (
            [Parameter("optimizer.momentum", SearchInterval(0, 1))],
            r"no such key with this optimizer\. It needs .*optimizer=sgd",
        ),
        (
            [OPTIMIZERS, Parameter("optimizer.momentum", SearchInterval(0, 1))],
            "no such key when optimizer=adam. " + RMSPROP_OR_SGD,
        ),
        (
            [
                OPTIMIZERS,
                Parameter("optimizer.momentum", SearchInterval(0, 1), Condition("optimizer", ("adam", "sgd"))),
            ],
            "no such key when optimizer=adam",
        ),
        (
            [Parameter("optimizer", Choice(("adam", "adm")))],
            r"'adm' is no file of conf/optimizer/\. Did you mean 'adam'",
        ),
        ([Parameter("optimizer", SearchInterval(0.5, 1))], "'0.5' is no file of conf/optimizer/"),
        (
            [Parameter("optimizer.lr", Choice((0.1, "a")))],
            r"optimizer\.lr: 'a' is of the wrong type\. Give a value like",
        ),
        ([Parameter("data.batch_size", SearchInterval(1, 9))], r"whole numbers only\. Write int\(interval"),
        ([Parameter("data.batch_size", SearchRange(1, 9, 0.5))], "is of the wrong type"),
        ([Parameter("data.batch_size", Choice((1, True)))], "True is of the wrong type. Give .*whole number"),
        ([Parameter("model.widths", Choice(([8], 8)))], r"model\.widths: 8 is of the wrong type\. Give a list"),
        ([Parameter("model.widths", Choice((["a"],)))], "is of the wrong type"),
        (
            [Parameter("early_stopping.restore_best_weights", Choice((1,)))],
            r"Give a value like False \(true or false\)",
        ),
        ([Parameter("sampler", Choice(("tpe", "random")))], "sampler: trials of one study share it. Search one of"),
        ([Parameter("objective", Choice(("mae", "mse")))], "objective: trials of one study share it"),
        ([Parameter("data", Choice(("boston_housing", "diabetes")))], "data: trials of one study share it"),
        ([Parameter("objective.metric", Choice(("a", "b")))], r"objective\.metric"),
        ([Parameter("paths.data", Choice(("a", "b")))], r"paths\.data"),
        ([Parameter("study.seed", Choice((1, 2)))], r"study\.seed: no such key"),
        (
            [Parameter("loss", Choice(("mse", "cross_entropy")))],
            "CrossEntropyLoss is for task=classification, not regression",
        ),
    ],
)
def test_a_key_or_value_without_a_place_is_refused_before_the_first_trial(space: list[Parameter], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(*space)


@pytest.mark.parametrize(
    "space",
    [
        [OPTIMIZERS, Parameter("optimizer.lr", SearchInterval(0, 1))],
        [OPTIMIZERS, Parameter("optimizer.momentum", SearchInterval(0, 1), Condition("optimizer", ("sgd",)))],
        [Parameter("optimizer.lr", Choice((1, 0.5)))],
        [Parameter("model.activation", Choice(("relu", ["relu", "tanh", "relu", "tanh"])))],
        [Parameter("model.dropout", Choice((0.5, [0.1, 0.2, 0.3, 0.4])))],
        [Parameter("data.batch_size", SearchInterval(1.0, 9.0, integer=True))],
        [Parameter("early_stopping.patience", SearchRange(1, 9, 1))],
        [Parameter("loss", Choice(("mse", "mae", "huber"))), Parameter("trainer.max_epochs", Choice((1, 2)))],
    ],
)
def test_a_space_with_a_place_for_everything_is_taken(space: list[Parameter]) -> None:
    check(*space)


def test_the_kind_of_a_value_is_the_files_and_not_the_command_lines() -> None:
    check(Parameter("optimizer.lr", SearchInterval(0.5, 1.5)), overrides=[*BOSTON, "optimizer.lr=1"])


def test_every_value_of_a_searched_group_is_checked_whatever_the_others_are() -> None:
    groups = [Parameter("scheduler", Choice(("constant", "exponential"))), OPTIMIZERS]
    rate = Parameter("scheduler.decay_rate", SearchInterval(0.5, 1))
    with pytest.raises(ConfigError, match="no such key when scheduler=constant"):
        check(*groups, Parameter(rate.key, rate.domain, Condition("optimizer", ("sgd",))))
    check(*groups, Parameter(rate.key, rate.domain, Condition("scheduler", ("exponential",))))


# --- the experiments ---------------------------------------------------------------------------------------------

EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


def space_of(overrides: Sequence[str]) -> Space:
    return parse_space(compose_request("search", overrides).settings.space)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_its_space_fits(experiment: str) -> None:
    overrides = [f"experiment={experiment}"]
    space, configure = space_of(overrides), Configurator("search", overrides)
    assert space
    check_space(space, configure)
    assert configure({})["experiment"] == experiment


def test_random_trials_of_the_digits_space_are_what_the_command_line_composes() -> None:
    import optuna

    overrides = ["experiment=digits_cnn"]
    space, configure = space_of(overrides), Configurator("search", overrides)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [suggest(study.ask(), space) for _ in range(6)]
    assert {values["optimizer"] for values in drawn} == {"adam", "sgd"}
    for values in drawn:
        typed = composed([*overrides, *(as_override(key, value) for key, value in values.items())])
        assert text(configure(values)) == text(typed)
