"""Work on a job: build its parts and train its population. This module imports torch and Lightning."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torchmetrics  # noqa: F401  # imported once, before workers are forked
from pydantic import TypeAdapter  # noqa: F401  # likewise: it checks the card of the data
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from eksplora.augmentation import Augmentation
from eksplora.augmentation.foreign import OwnAugmentation
from eksplora.config import check_mix, part
from eksplora.config.compatibility import OUTPUT_RANGES, fact
from eksplora.config.parts import is_foreign
from eksplora.counter import fingerprint
from eksplora.data.arrays import batch_rows, check_batch_size
from eksplora.errors import ConfigError, nearest
from eksplora.imbalance import Imbalance
from eksplora.model.foreign import with_shapes
from eksplora.ranges import check_count
from eksplora.training import engine
from eksplora.training.allocation import keep_freed_memory
from eksplora.training.clipping import Clipping
from eksplora.training.fit import fit
from eksplora.training.member import MemberState
from eksplora.training.recipe import EarlyStopping, Fold, Recipe
from eksplora.training.regularization import Regularization
from eksplora.types import Checked, Config, Job, Member, Report, Training
from eksplora.work import lightning
from eksplora.work.building import built, folds_of, part_of
from eksplora.work.measurement import Measured
from eksplora.work.optimizer import check_optimizer
from eksplora.work.weighted import metric_for

T = TypeVar("T")

ANY_MEMBER = Member(index=0, seed=0)
"""Stands for the members of a trial where no particular one is meant: its rows are cut for one."""


def run(kind: str, value: Any, report: Report) -> Checked | None:
    """Serve a worker's request: `job` trains a `Job`, `check` builds a configuration without training it."""
    if kind == "check":
        return check(value)
    train(value, report)
    return None


def train(job: Job, report: Report) -> None:
    """Train a job's members as one population, or give the job back when they cannot be one."""
    keep_freed_memory()
    torch.set_num_threads(job.threads)
    members = [state_of(training) for training in job.trainings]
    if lightning.is_own_module(job.trainings[0].config):
        if len(members) > 1:
            report.split(1, "a LightningModule is trained by its own steps")
        else:
            lightning.train(job.trainings[0], members[0], job, report)
        return
    if len(members) > 1:
        chosen = engine.choose(members, device_of(job.trainings[0].config))
        if chosen.size < len(members):
            report.split(chosen.size, chosen.reason)
            return
    fit(members, job, Measured(report, job))


def state_of(training: Training) -> MemberState:
    """A member with everything that it is trained with."""
    recipe, folds = recipe_of(training.config, training.member)
    return MemberState(recipe, training, folds[training.member.fold])


def device_of(config: Config) -> torch.device:
    """Device that a configuration is trained on."""
    accelerator = config["trainer"]["accelerator"]
    on_gpu = accelerator in ("gpu", "cuda") or (accelerator == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if on_gpu else "cpu")


def recipe_of(config: Config, member: Member = ANY_MEMBER) -> tuple[Recipe, tuple[Fold, ...]]:
    """All parts of a training, built from its resolved configuration, and the folds of its protocol for a member."""
    check_mix(config)
    if not is_foreign(config["optimizer"]["_target_"]):  # what the numbers of another one mean, is not known
        built("optimizer", lambda: check_optimizer(config["optimizer"]))
    folds = folds_of(config, member.cut)
    batch_size, sizes = config["data"]["batch_size"], [len(fold.split.train) for fold in folds]
    check_batch_size(batch_size, min(sizes))
    recipe = Recipe(
        network=part_of(config, "model", _partial_=True),
        initialize=part_of(config, "initialization"),
        task=part_of(config, "task"),
        loss=part_of(config, "loss"),
        metric=metric_for(part_of(config, "metric"), folds[0].weights),
        metric_name=config["objective"]["metric"],
        direction=config["objective"]["direction"],
        optimizer=part_of(config, "optimizer"),
        schedule=part_of(config, "scheduler"),
        trainer=part_of(config, "trainer"),
        max_epochs=config["trainer"]["max_epochs"],
        batch_size=batch_rows(batch_size, max(sizes)),
        early_stopping=_settings(EarlyStopping, config, "early_stopping"),
        config_hash=fingerprint(config),
        regularization=_settings(Regularization, config, "regularization"),
        clipping=_settings(Clipping, config, "clipping"),
        augmentation=_augmentation(config),
        imbalance=_settings(Imbalance, config, "imbalance"),
        **config["training"],
    )
    return recipe, folds


def _augmentation(config: Config) -> Augmentation | OwnAugmentation | None:
    """Changes to the features of a batch: a user's own part, or eksplora's; None: nothing."""
    if "_target_" in config["augmentation"]:
        return OwnAugmentation(part_of(config, "augmentation"))
    augmentation = _settings(Augmentation, config, "augmentation")
    return augmentation if augmentation.is_active else None


def _settings(make: Callable[..., T], config: Config, key: str) -> T:
    """The numbers of a group as its dataclass.

    Raises:
        ConfigError: If a file of the group states a key that the dataclass has not, or lacks one that it has.
    """
    known = inspect.signature(make).parameters
    for name in config[key]:
        if name not in known:
            raise ConfigError(f"{key}.{name} is unknown. {nearest(name, known)} See the files in conf/{key}/.")
    lacking = [name for name, one in known.items() if one.default is one.empty and name not in config[key]]
    if lacking:
        raise ConfigError(f"{key}.{lacking[0]} is missing. Add it to the chosen file of conf/{key}/.")
    return make(**config[key])


WITHOUT_LINK = ("eksplora.training.task.regression", "eksplora.training.task.quantiles")
"""Tasks whose prediction is the output itself."""


def check(config: Config) -> Checked:
    """Build every part of a configuration and push two rows through it, or one where a batch will have but one.

    Raises:
        ConfigError: Naming the key whose value cannot be used.
    """
    recipe, folds = recipe_of(config)
    fold = folds[0]
    check_count(recipe.max_epochs, "trainer.max_epochs", usual=100)
    if lightning.is_own_module(config):
        return lightning.check(config, MemberState(recipe, Training(0, ANY_MEMBER, config, ""), fold))
    _check_codes(config)
    network = built("model", recipe.network)
    _check_network(config, network)
    built("model", lambda: with_shapes(network, fold.features[:1]))
    built("initialization", lambda: recipe.initialize(network, torch.Generator()))
    built("scheduler", lambda: recipe.schedule(0, 1, ()))
    built("optimizer", lambda: _check_groups(recipe.optimizer(network.parameters())))
    built("trainer", lambda: _check_trainer(recipe))
    smallest = min((len(fold.split.train) - 1) % recipe.batch_size + 1 for fold in folds)
    rows = torch.from_numpy(fold.split.train[: min(2, smallest)])
    targets = recipe.task.target(fold.targets)
    least = fact(config["loss"]["_target_"], "least_target", None)
    if least is not None and (targets < least).any():
        name = config["loss"]["_target_"]
        raise ConfigError(f"loss: {name} is for targets of {least} or more, the data have less. Choose another loss.")
    _check_reach(config, targets)
    if isinstance(change := recipe.augmentation, OwnAugmentation):
        built("augmentation", lambda: change(fold.features[rows][None], torch.zeros(1, dtype=torch.int64)))
    target = targets[rows]
    output = built("model", lambda: network(fold.features[rows]))
    _check_output(config, output, (len(rows), recipe.task.num_outputs))
    output = output.detach()
    built("loss", lambda: _check_loss(recipe, output, target))
    weights = None if fold.weights is None else fold.weights[rows]
    built("objective", lambda: _check_metric(recipe, output, target, weights))
    return Checked()


def _check_codes(config: Config) -> None:
    """Refuse a network of ours that would take codes of categories for numbers, or for other codes than they are."""
    model, known = config["model"], part(config, "data").card().get("codes") or []
    asked = [list(pair) for pair in model.get("cardinalities", [])]
    if sorted(asked) == sorted(map(list, known)) or (is_foreign(model["_target_"]) and "cardinalities" not in model):
        return
    wanted = str([list(pair) for pair in known]).replace(" ", "")
    if "cardinalities" in model:
        raise ConfigError(f"model.cardinalities={asked}: the data have {wanted}. Set model.cardinalities={wanted}.")
    raise ConfigError(
        f"model: {model['_target_']} would take the codes of {len(known)} columns for numbers. Choose model=table_mlp "
        f"with model.cardinalities={wanted}."
    )


def _check_network(config: Config, network: object) -> None:
    """Refuse what is no network, or more than one."""
    target = config["model"]["_target_"]
    if isinstance(network, LightningModule):
        raise ConfigError(
            f"model: {target} makes a LightningModule, whose own steps, loss and optimizer would be passed over. Name "
            "its class, which is trained by Lightning's loop, or give its network: a torch.nn.Module."
        )
    if not isinstance(network, nn.Module):
        raise ConfigError(
            f"model: {target} makes a {type(network).__name__}. Give a torch.nn.Module that maps features to outputs."
        )


def _check_output(config: Config, output: object, shape: tuple[int, int]) -> None:
    """Refuse outputs of another form than the task has: a loss may take more columns than there are classes."""
    if isinstance(output, Tensor) and (tuple(output.shape), output.dtype) == (shape, torch.float32):
        return
    found = f"a {type(output).__name__}"
    if isinstance(output, Tensor):
        found = f"{output.dtype} of shape {list(output.shape)}"
    raise ConfigError(
        f"model: {config['model']['_target_']} puts out {found.removeprefix('torch.')} for {shape[0]} rows. "
        f"Return one float32 tensor of shape (rows, {shape[1]}), as task.num_outputs says."
    )


def _check_reach(config: Config, targets: Tensor) -> None:
    """Refuse an output activation whose values do not reach the targets; of scaled ones `build.check_mix` does."""
    given, scaling = config["model"].get("output_activation"), config["data"].get("target_scaling", "none")
    if config["task"]["_target_"] not in WITHOUT_LINK or given not in OUTPUT_RANGES or scaling != "none":
        return
    (least, most), low, high = OUTPUT_RANGES[given], float(targets.min()), float(targets.max())
    if low < least or high > most:
        raise ConfigError(
            f"model.output_activation={given} has values from {least:g} to {most:g}, the targets lie between {low:g} "
            f"and {high:g}. Choose model.output_activation=identity."
        )


def _check_groups(optimizer: object) -> None:
    """Refuse what is no optimizer with a learning rate: the scheduler sets that."""
    if not isinstance(optimizer, torch.optim.Optimizer) or "lr" not in optimizer.param_groups[0]:
        raise ConfigError(
            f"optimizer: {type(optimizer).__name__} is no torch.optim.Optimizer whose groups of parameters have 'lr'. "
            "Derive it from torch.optim.Optimizer, with lr among its defaults."
        )


def _check_trainer(recipe: Recipe) -> None:
    recipe.trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)


def _check_loss(recipe: Recipe, output: Tensor, target: Tensor) -> None:
    """Refuse a loss that takes outputs of another shape."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # torch only warns of shapes that it can broadcast
        recipe.loss(output, target)


def _check_metric(recipe: Recipe, output: Tensor, target: Tensor, weights: Tensor | None) -> None:
    known = () if weights is None else (weights,)
    recipe.metric.clone().update(recipe.task.prediction(output), recipe.task.metric_target(target), *known)
