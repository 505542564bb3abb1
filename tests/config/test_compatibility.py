import sys
from math import inf
from pathlib import Path

import pytest
import torch
import yaml
from own_folder import write

from eksplora.config import Configurator, check_mix, check_space, compose_request, forget
from eksplora.config.compatibility import OF_TORCH, OUTPUT_RANGES, RULES, losses_for
from eksplora.errors import ConfigError
from eksplora.installation import CONF
from eksplora.model.activations import ACTIVATIONS
from eksplora.search.space import Choice, Condition, Parameter, SearchInterval, SearchRange

CNN, MLP = "experiment=digits_cnn", "experiment=diabetes_mlp"
BINARY = "experiment=breast_cancer_mlp"


def targets(group: str) -> set[str]:
    files = (CONF / group).glob("*.yaml")
    return {str(yaml.safe_load(Path(file).read_text(encoding="utf-8")).get("_target_")) for file in files}


def test_every_loss_that_the_rules_name_is_a_file() -> None:
    assert targets("loss") >= set(OF_TORCH)


def test_the_losses_of_a_task() -> None:
    assert set(losses_for("classification")) == {"cross_entropy", "focal", "kl_divergence", "poisson"}
    assert set(losses_for("binary")) == {"binary_cross_entropy", "focal"}
    assert losses_for("quantiles") == ["quantile"]
    assert {"mse", "mae", "huber", "log_cosh", "mape", "msle"} <= set(losses_for("regression"))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_range_of_an_output_activation_is_that_of_its_function(name: str) -> None:
    values = ACTIVATIONS[name]()(torch.linspace(-50, 50, 100_001).view(1, -1)).detach()
    least, most = OUTPUT_RANGES.get(name, (-inf, inf))
    assert values.min().item() == pytest.approx(least, abs=5e-4) if least > -inf else values.min() < -0.4
    assert values.max().item() == pytest.approx(most, abs=5e-4) if most < inf else values.max() > 40


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ([CNN, "loss=mse"], r"^loss: torch\.nn\.MSELoss is for task=regression, not classification\. Choose"),
        ([BINARY, "loss=cross_entropy"], r"^loss: torch\.nn\.CrossEntropyLoss is for task=classification, not binary"),
        ([MLP, "loss=focal"], r"^loss: eksplora\.loss\.focal is for task=binary or task=classification, not reg"),
        ([MLP, "task=quantiles"], r"^loss: torch\.nn\.MSELoss is for task=regression, not quantiles\. Choose"),
        (
            [CNN, "loss=poisson", "model.output_activation=sigmoid"],
            r"^model\.output_activation=sigmoid does not go with task=classification: softmax is part of the loss "
            r"\(eksplora\.loss\.poisson\), which wants raw scores\. Choose model\.output_activation=identity\.$",
        ),
        ([BINARY, "model.output_activation=sigmoid"], r"sigmoid is part of the loss \(torch\.nn\.BCEWithLogitsLoss\)"),
        ([MLP, "task=counts", "loss=poisson_nll", "model.output_activation=relu"], r"outputs are logarithms of rates"),
        ([MLP, "loss=poisson_nll"], r"^loss: torch\.nn\.PoissonNLLLoss is for task=counts, not regression"),
        (
            [MLP, "task=quantiles", "loss=quantile", "loss.levels=[0.2,0.5,0.9]"],
            r"^loss\.levels=\[0\.2, 0\.5, 0\.9\] are",
        ),
        (
            [MLP, "dropout=alpha"],
            r"^dropout\.kind=alpha does not go with activation=relu: .*Choose activation=selu or dropout=standard\.$",
        ),
        ([MLP, "imbalance=class_weights"], r"^imbalance\.class_weights: task=regression has no classes to balance"),
        ([MLP, "imbalance=weighted_sampling"], r"^imbalance\.sampling: task=regression has no classes"),
        ([MLP, "augmentation=flip"], r"^augmentation\.horizontal_flip=.* is for images, but the data have \[10\] feat"),
        ([MLP, "augmentation=crop"], r"^augmentation\.crop_fraction="),
        (
            [CNN, "augmentation=mixup", "augmentation.cutmix_alpha=1.0"],
            r"both above 0: a batch is mixed once",
        ),
        ([CNN, "augmentation=cutmix", "data.batch_size=1"], r"^augmentation\.cutmix_alpha does nothing with data\.b"),
        ([CNN, "augmentation.shift_pixels=8"], r"can move an image of 8x8 pixels out of sight\. Give a smaller number"),
        ([CNN, "loss.reduction=sum"], r"^loss\.reduction=sum: training takes the mean over the rows of a batch\."),
        (
            [CNN, "model=cnn_residual", "activation=selu", "dropout=alpha"],
            r"CNNResidual, which drops other numbers than",
        ),
        (
            [MLP, "model.output_activation=softplus", "data.target_scaling=standard"],
            r"^model\.output_activation=softplus does not go with data\.target_scaling=standard: it has no values "
            r"below 0, where about half of such targets are\. Choose model\.output_activation=identity or data\.target",
        ),
        (
            [MLP, "model.output_activation=tanh", "data.target_scaling=standard"],
            r"its values stay between -1 and 1, while",
        ),
        (
            [MLP, "model.output_activation=silu", "data.target_scaling=standard"],
            r"its values never fall below -0\.278, while",
        ),
        ([MLP, "loss=msle", "data.target_scaling=standard"], r"^data\.target_scaling=standard does not go with"),
        ([MLP, "loss=mape", "data.target_scaling=standard"], r"compares with the targets' own zero\. Choose"),
    ],
)
def test_a_mix_that_makes_no_sense_is_refused_with_the_reason(overrides: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        compose_request("train", overrides)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("class Own: pass\n", r"is for task=regression, not .* or say in mixed_loss\.Own that .*: tasks = \("),
        ("class Own:\n", r"^loss: mixed_loss\.Own cannot be imported \(IndentationError: .* at mixed_loss\.py:\d\)"),
    ],
)
def test_an_own_loss_that_says_nothing_of_tasks_or_cannot_be_imported_is_named_so(
    source: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "conf/loss/own.yaml", "# mine\n_target_: mixed_loss.Own\n")
    write(tmp_path / "mixed_loss.py", source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    try:
        with pytest.raises(ConfigError, match=reason):
            compose_request("train", [CNN, "loss=own"])
    finally:
        forget()
        sys.modules.pop("mixed_loss", None)


@pytest.mark.parametrize(
    "overrides",
    [
        [CNN, "loss=poisson"],
        [CNN, "loss=focal", "imbalance=class_weights", "augmentation=cutmix"],
        [BINARY, "loss=focal", "imbalance=weighted_sampling", "augmentation=mixup"],
        [MLP, "dropout=alpha", "activation=selu"],
        [MLP, "task=quantiles", "loss=quantile"],
        [MLP, "task=counts", "loss=poisson_nll"],
        [MLP, "model.output_activation=relu"],
        [MLP, "model.output_activation=leaky_relu", "data.target_scaling=standard"],
        [MLP, "model.output_activation=prelu", "data.target_scaling=standard"],
        [MLP, "data.target_scaling=standard", "loss=huber"],
        [MLP, "augmentation=mixup"],
        [MLP, "dropout=alpha", "model.activation=[selu,relu]"],  # the network sees which layers drop units
    ],
)
def test_a_mix_that_makes_sense_is_taken(overrides: list[str]) -> None:
    check_mix(compose_request("train", overrides).config)


def of(key: str, *options: object) -> Parameter:
    return Parameter(key, Choice(options))


SELU_OR_RELU = of("activation", "relu", "selu")
ALPHA = Choice(("standard", "alpha"))


def check(base: list[str], *space: Parameter) -> None:
    check_space(space, Configurator("search", base))


@pytest.mark.parametrize(
    ("base", "space", "reason"),
    [
        ([MLP], [Parameter("dropout", ALPHA)], r"^dropout\.kind=alpha does not go with activation=relu"),
        ([MLP, "activation=selu"], [SELU_OR_RELU, Parameter("dropout", ALPHA)], r"^dropout\.kind=alpha does not go"),
        (
            [CNN],
            [of("model.output_activation", "identity", "sigmoid")],
            r"softmax is part of the loss",
        ),
        (
            [MLP],
            [Parameter("augmentation.shift_pixels", SearchRange(0, 4, 1))],
            r"^augmentation\.shift_pixels=\d is for",
        ),
        (
            [MLP],
            [
                of("loss", "mse", "mape"),
                of("data.target_scaling", "none", "standard"),
            ],
            r"^data\.target_scaling=standard does not go with eksplora\.loss\.mape",
        ),
        (
            [CNN],
            [of(f"augmentation.{key}_alpha", 0.2) for key in ("mixup", "cutmix")],
            r"mixed once",
        ),
        (
            [MLP],
            [of("clipping.norm", "abc", 1.0)],
            r"^space\.params\.clipping\.norm: 'abc' is of the wr",
        ),
        (
            [MLP, "model.dropout=0.2"],
            [Parameter("dropout.rate", SearchInterval(0.1, 0.4))],
            r"^space\.params\.dropout\.rate: the model does not take it, model\.dropout is given\. Search that one\.$",
        ),
    ],
    ids=str,
)
def test_a_space_with_a_combination_that_makes_no_sense_is_refused(
    base: list[str], space: list[Parameter], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        check(base, *space)


@pytest.mark.parametrize(
    ("base", "space"),
    [
        ([MLP], [SELU_OR_RELU, Parameter("dropout", ALPHA, Condition("activation", ("selu",)))]),
        ([MLP], [of("activation", "selu"), Parameter("dropout", ALPHA)]),
        (
            [MLP],
            [
                of("model.activation", "relu", "selu"),
                Parameter("dropout", ALPHA, Condition("model.activation", ("selu",))),
            ],
        ),
        ([MLP], [of("loss", "mse", "mape"), Parameter("dropout.rate", SearchInterval(0.1, 0.4))]),
    ],
    ids=str,
)
def test_a_space_whose_combinations_make_sense_is_taken(base: list[str], space: list[Parameter]) -> None:
    check(base, *space)


@pytest.mark.parametrize("experiment", ["wine_mlp", "digits_cnn"])
def test_whatever_a_file_lacks_or_says_the_rules_refuse_it_in_one_line(experiment: str) -> None:
    config = compose_request("search", [f"experiment={experiment}"]).config
    refused = 0
    for group in {group for rule in RULES for group in rule.reads}:
        node = config[group]
        for key in node if isinstance(node, dict) else ():
            lacking = {other: value for other, value in node.items() if other != key}
            for changed in (lacking, *({**node, key: value} for value in (None, "x", [], [None], {}, -1, True))):
                try:
                    check_mix({**config, group: changed})
                except ConfigError as error:
                    refused += 1
                    assert str(error).endswith("."), error
    assert refused > 50
