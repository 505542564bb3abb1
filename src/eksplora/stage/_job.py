"""What a worker does with a job: build its parts and train its members. Importing this module imports torch and Lightning."""

import json
from functools import lru_cache, partial
from typing import Any, Protocol

import pytorch_lightning as pl
import torch
import torchmetrics  # noqa: F401  # imported once, before workers are forked
from pytorch_lightning.utilities.exceptions import MisconfigurationException

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
    """Arrays and split of a data and a protocol configuration; kept, because the next trial most often wants the same."""
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
    network = recipe.network()
    optimizer = _build("optimizer", lambda: recipe.optimizer(network.parameters()))
    recipe.schedule(0)
    _build("trainer", lambda: _check_trainer(recipe))
    _build("loss", lambda: _check_forward(recipe, network, split))
    del optimizer


def _check_trainer(recipe: Recipe) -> None:
    if recipe.max_epochs < 1:
        raise ConfigError(f"trainer.max_epochs must be at least 1, got {recipe.max_epochs}. Give the epochs to train.")
    recipe.trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)


def _check_forward(recipe: Recipe, network: torch.nn.Module, split: Split) -> None:
    rows = torch.from_numpy(split.train[:2])
    target = recipe.task.target(recipe.data.targets[rows])
    with torch.no_grad():
        output = network(recipe.data.features[rows])
        recipe.loss(output, target)
        recipe.metric.clone().update(recipe.task.prediction(output), recipe.task.metric_target(target))


def _build(key: str, make: Any) -> Any:
    """Call `make`; what it raises becomes an error that names the key."""
    try:
        return make()
    except ConfigError:
        raise
    except MisconfigurationException as error:
        raise ConfigError(f"{key}: {error} Use trainer=cpu on this machine.") from error
    except (TypeError, ValueError, RuntimeError) as error:
        text = str(error).strip().splitlines()[0]
        raise ConfigError(f"{key}: does not go with the other parts ({text}). Choose another {key}, task or metric.") from error


__all__ = ["JobReport", "check", "pl", "recipe_of", "run", "train"]
