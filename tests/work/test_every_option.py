"""Every option of every group that a training can choose trains: two members together, two optimizer steps.

The options are the files on disk, so a new one is tested without a change here, unless it needs partners.
"""

import json
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from collecting import Collects
from safetensors.torch import load_file

from eksplora.config import choices, compose_request, part
from eksplora.installation import CONF
from eksplora.types import Config, Job, Member, MemberResult, Status, Training
from eksplora.work import job as work

GROUPS = (
    "activation",
    "augmentation",
    "clipping",
    "data",
    "dropout",
    "early_stopping",
    "imbalance",
    "initialization",
    "loss",
    "model",
    "objective",
    "optimizer",
    "protocol",
    "regularization",
    "scheduler",
    "task",
    "trainer",
)
LABELS = {
    "task=multilabel",
    *(f"objective={name}" for name in ("label_f1", "mean_average_precision", "subset_accuracy")),
}
"""Of several labels per row, which no data set of ours has: see `test_own_rows.py`."""
LEFT_OUT = {"data=fashion_mnist", "data=images", "data=table", "trainer=gpu", "trainer=ddp", *LABELS}
"""Too large for here, of files of one's own, or for other machines; `test_job.py` trains on several devices."""

CLASSES = ["experiment=wine_mlp", "data=digits"]  # images, which a multi-layer perceptron takes as well
TWO_CLASSES = ["experiment=breast_cancer_mlp"]
NUMBERS = ["experiment=diabetes_mlp"]
COUNTS = [*NUMBERS, "task=counts", "loss=poisson_nll"]
QUANTILES = [*NUMBERS, "task=quantiles", "loss=quantile"]
PARTNERS = {
    "data=boston_housing": NUMBERS,
    "data=breast_cancer": TWO_CLASSES,
    "data=diabetes": NUMBERS,
    "dropout=alpha": [*CLASSES, "activation=selu"],
    "loss=binary_cross_entropy": TWO_CLASSES,
    "loss=huber": NUMBERS,
    "loss=log_cosh": NUMBERS,
    "loss=mae": NUMBERS,
    "loss=mape": NUMBERS,
    "loss=mse": NUMBERS,
    "loss=msle": NUMBERS,
    "loss=poisson_nll": COUNTS,
    "loss=quantile": QUANTILES,
    "objective=binary_accuracy": TWO_CLASSES,
    "objective=mae": NUMBERS,
    "objective=mse": NUMBERS,
    "objective=r2": NUMBERS,
    "objective=rmse": NUMBERS,
    "task=binary": TWO_CLASSES,
    "task=counts": COUNTS,
    "task=quantiles": QUANTILES,
    "task=regression": NUMBERS,
}
"""What an option needs beside it; all others go with `CLASSES`."""

NOT_VALIDATED = {"protocol=full"}
"""Options whose members are judged on the rows that they learned from: none validates."""

TELLING = ("activation", "augmentation", "dropout", "initialization", "model", "optimizer")
"""Groups whose options lead to other weights within two steps. Elsewhere one may be without effect: a norm that no
gradient reaches, a schedule that has not begun."""

SAME_AS_ANOTHER = {"cnn_uniform", "mlp_uniform"}
"""Other keys for the network of another file: with the values of both files it is the same."""

OPTIONS = [f"{group}={name}" for group in GROUPS for name in choices(group)]

Trained = Callable[[str], list[tuple[Training, MemberResult]]]


@cache
def most_learned(parts: str) -> int:
    """Rows to learn from in the largest of the protocol's own splits, of data and a protocol as JSON."""
    config: Config = json.loads(parts)
    dataset = part(config, "data")
    dataset.prepare()
    splits = part(config, "protocol")(targets=dataset.open("train")[1])
    return max(len(split.train) for split in splits)


def job(option: str, data_folder: str, folder: Path) -> Job:
    """Two members of an option, of two steps each."""
    request = compose_request("train", [*PARTNERS.get(option, CLASSES), option])
    config = request.config  # values are set here: as overrides, each option would be composed twice
    config["data"] |= {"root": data_folder}
    config["data"]["batch_size"] = (
        math.ceil(most_learned(json.dumps({key: config[key] for key in ("data", "protocol")})) / 2) + 1
    )
    config["trainer"]["max_epochs"] = 1
    config["training"]["engine"] = "fused"
    members = [Member(index, seed=5 + index, fold=index if option == "protocol=kfold" else 0) for index in range(2)]
    trainings = [Training(0, member, config, str(folder / f"{member.index}")) for member in members]
    return Job(0, trainings, str(folder / "population"), threads=1, checkpoint_seconds=1000.0)


@pytest.fixture(scope="module")
def trained(prepared: str, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The members of an option, each with what came of it; each option is trained once."""

    @cache
    def train(option: str) -> list[tuple[Training, MemberResult]]:
        data_folder = prepared.removeprefix("paths.data=")
        report, asked = Collects(), job(option, data_folder, tmp_path_factory.mktemp("option"))
        work.run("job", asked, report)
        return list(zip(asked.trainings, sorted(report.heard, key=lambda result: result.member), strict=True))

    return train


def test_every_group_that_a_training_chooses_is_here() -> None:
    known = {folder.name for folder in CONF.iterdir() if folder.is_dir()}
    others = {"baseline", "experiment", "exploration", "function", "metric", "paths", "pruner", "sampler", "space"}
    assert known - others - {"tracker"} == set(GROUPS)
    assert set(PARTNERS) | LEFT_OUT <= set(OPTIONS)


@pytest.mark.parametrize("option", [option for option in OPTIONS if option not in LEFT_OUT])
def test_two_members_of_an_option_train_together(option: str, trained: Trained) -> None:
    for training, result in trained(option):
        assert (result.status, result.message) == (Status.FINISHED, "")
        assert (result.engine, result.epochs, result.step) == ("fused", 1, 2)
        assert result.value is not None and result.weights is not None
        rows = "train" if option in NOT_VALIDATED else "val"
        assert result.value == result.curves[f"{rows}/{training.config['objective']['metric']}"][-1]
        numbers = [result.value, *(value for curve in result.curves.values() for value in curve)]
        assert all(map(math.isfinite, numbers)), result.curves
        weights = {name.removeprefix("network."): value for name, value in load_file(result.weights).items()}
        for name, initial in work.state_of(training).network().named_parameters():
            assert torch.isfinite(weights[name]).all(), name
            assert not torch.equal(weights[name], initial), f"{name} is as it was"
    assert len({result.weights_sha256 for _, result in trained(option)}) == 2


@pytest.mark.parametrize("group", TELLING)
def test_options_of_a_group_lead_to_different_weights(group: str, trained: Trained) -> None:
    known: dict[str | None, str] = {}
    for name in sorted(set(choices(group)) - SAME_AS_ANOTHER):
        _, result = trained(f"{group}={name}")[0]
        assert known.setdefault(result.weights_sha256, name) == name
