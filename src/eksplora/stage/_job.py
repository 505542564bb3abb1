"""What a worker does with a job: build its parts and train its members. This module imports torch and Lightning."""

import json
import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Protocol

import torch
import torchmetrics  # noqa: F401  # imported once, before workers are forked
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn

from eksplora.build import part
from eksplora.counter import fingerprint
from eksplora.data._arrays import TrainingArrays, check_batch_size, training_arrays
from eksplora.errors import ConfigError
from eksplora.training.fit import fit
from eksplora.training.recipe import EarlyStopping, Recipe, TrainingData
from eksplora.types import Config, Job, MemberResult, Report, Split, Status


class JobReport(Report, Protocol):
    """A report that takes the results of members too."""

    def member(self, result: MemberResult) -> None:
        """Hand over what came of a member."""


def run(kind: str, value: Any, report: JobReport) -> None:
    """Serve a worker's request: `job` trains a `Job`, `check` builds a configuration without training it."""
    if kind == "check":
        check(value)
    else:
        train(value, report)


def train(job: Job, report: JobReport) -> None:
    """Train the members of a job one after another; one that does not finish ends the job."""
    torch.set_num_threads(job.threads)
    recipe, split = recipe_of(job.config)
    for member in job.members:
        result = fit(recipe, member, split, job, report)
        report.member(result)
        if result.status is not Status.FINISHED:
            return


def recipe_of(config: Config) -> tuple[Recipe, Split]:
    """All parts of a training, built from its resolved configuration, and its split."""
    data = config["data"] | {"batch_size": 1}  # trials that differ in batch size share the arrays
    arrays, split = _arrays(json.dumps({"data": data, "protocol": config["protocol"]}, sort_keys=True))
    check_batch_size(config["data"]["batch_size"], len(split.train))
    rows = TrainingData(
        torch.from_numpy(arrays.features), torch.from_numpy(arrays.targets), arrays.scaling.shift, arrays.scaling.scale
    )
    recipe = Recipe(
        network=partial(part, config, "model"),
        initialize=part(config, "initialization"),
        task=part(config, "task"),
        loss=part(config, "loss"),
        metric=part(config, "metric"),
        metric_name=config["objective"]["metric"],
        direction=config["objective"]["direction"],
        optimizer=part(config, "optimizer"),
        schedule=part(config, "scheduler"),
        trainer=part(config, "trainer"),
        max_epochs=config["trainer"]["max_epochs"],
        batch_size=config["data"]["batch_size"],
        early_stopping=EarlyStopping(**config["early_stopping"]),
        data=rows,
        config_hash=fingerprint(config),
    )
    return recipe, split


@lru_cache(maxsize=2)
def _arrays(text: str) -> tuple[TrainingArrays, Split]:
    """Arrays and split of a data and a protocol configuration; kept: the next trial most often wants the same."""
    config = json.loads(text)
    dataset = part(config, "data")
    _, targets = dataset.open("train")
    split = part(config, "protocol")(targets=targets)
    return training_arrays(dataset, split), split


def check(config: Config) -> None:
    """Build every part of a configuration and push two rows through it.

    Raises:
        ConfigError: Naming the key whose value cannot be used.
    """
    recipe, split = recipe_of(config)
    if recipe.max_epochs < 1:
        raise ConfigError(f"trainer.max_epochs must be at least 1, got {recipe.max_epochs}. Give the epochs to train.")
    network = recipe.network()
    recipe.schedule(0)
    _build("optimizer", lambda: recipe.optimizer(network.parameters()))
    _build("trainer", lambda: _check_trainer(recipe))
    rows = torch.from_numpy(split.train[:2])
    target = recipe.task.target(recipe.data.targets[rows])
    output = network(recipe.data.features[rows]).detach().requires_grad_()
    _build("loss", lambda: _check_loss(recipe, output, target))
    _build("objective", lambda: _check_metric(recipe, output.detach(), target))


def _check_trainer(recipe: Recipe) -> None:
    recipe.trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)


def _check_loss(recipe: Recipe, output: Tensor, target: Tensor) -> None:
    """Refuse a loss that computes something, but not what the task means."""
    if isinstance(recipe.loss, nn.BCEWithLogitsLoss) and not ((target >= 0) & (target <= 1)).all():
        raise ValueError("it wants targets from 0 to 1")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # torch only warns of shapes that it can broadcast
        (slope,) = torch.autograd.grad(recipe.loss(output, target), output)
    if not slope.any():  # e.g. cross entropy over a single output: softmax makes it 1 whatever it is
        raise ValueError("it does not change with the network's outputs")


def _check_metric(recipe: Recipe, output: Tensor, target: Tensor) -> None:
    recipe.metric.clone().update(recipe.task.prediction(output), recipe.task.metric_target(target))


def _build(key: str, make: Callable[[], object]) -> None:
    """Call `make`; what it raises becomes an error that names the key."""
    try:
        make()
    except MisconfigurationException as error:
        raise ConfigError(f"{key}: {_one_line(error)} Use trainer=cpu on this machine.") from error
    except (TypeError, ValueError, RuntimeError, UserWarning) as error:
        way_out = f"Choose another {key}." if key == "trainer" else f"Choose a {key} that fits the task and the model."
        raise ConfigError(f"{key}: does not go with the other parts ({_one_line(error)}). {way_out}") from error


def _one_line(error: Exception) -> str:
    """The first sentences of a library's error."""
    return " ".join(str(error).split()).split(" (Triggered internally")[0]
