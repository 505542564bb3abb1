"""Parts that make no sense together: each rule looks at the resolved configuration of one training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from eksplora.config.composition import choices
from eksplora.config.declared import as_words, declared
from eksplora.config.located import located
from eksplora.config.parts import allowed_targets, is_foreign
from eksplora.errors import ConfigError, UserError
from eksplora.types import Config

CLASSES = ("binary", "classification")
"""The tasks whose targets are classes."""

OF_TORCH: Mapping[str, Mapping[str, Any]] = {
    "torch.nn.BCEWithLogitsLoss": {"tasks": ("binary", "multilabel")},
    "torch.nn.CrossEntropyLoss": {"tasks": ("classification",)},
    "torch.nn.PoissonNLLLoss": {"tasks": ("counts",), "keeps_zero": True},
}
"""Facts about torch's losses; all others state their own, see `eksplora.declares`."""

ON_IMAGES = {
    "horizontal_flip": 0,
    "vertical_flip": 0,
    "rotation_degrees": 0,
    "shift_pixels": 0,
    "crop_fraction": 1,
    "erase_probability": 0,
    "cutmix_alpha": 0,
}
"""Keys of an augmentation that change images, and the value with which they do nothing."""

OUTPUT_RANGES: Mapping[str, tuple[float, float]] = {
    "relu": (0, inf),
    "sigmoid": (0, 1),
    "softplus": (0, inf),
    "thresholded_relu": (0, inf),
    "elu": (-1, inf),
    "gelu": (-0.170, inf),
    "selu": (-1.758, inf),
    "silu": (-0.278, inf),
    "hard_tanh": (-1, 1),
    "tanh": (-1, 1),
}
"""The least and the greatest value of an activation, to three decimals; one that is not here reaches every number."""


@dataclass(frozen=True)
class Rule:
    """Reason for which some parts do not go together.

    Attributes:
        reads: The nodes of a configuration that it looks at.
        reason: Configuration -> the choices, why they do not go together, and what would; None: they do.
    """

    reads: tuple[str, ...]
    reason: Callable[[Config], str | None]

    def check(self, config: Config) -> None:
        """Refuse a configuration.

        Raises:
            ConfigError: With the reason; or that a file lacks a key that is compared, or has another kind of value.
        """
        try:
            reason = self.reason(config)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, UserError):
                raise
            files = " or ".join(f"conf/{group}/" for group in self.reads)
            wrong = f"has no {error}" if isinstance(error, KeyError) else f"cannot be compared ({error})"
            raise ConfigError(f"the chosen file of {files} {wrong}. Compare it with the other files there.") from None
        if reason:
            raise ConfigError(reason)


def check_mix(config: Config) -> None:
    """Refuse parts that make no sense together.

    Raises:
        ConfigError: Naming the choices, why they do not go together, and what would.
    """
    for rule in RULES:
        rule.check(config)


def task_of(config: Mapping[str, Any]) -> str:
    """The name of a configuration's task."""
    return str(config["task"]["_target_"].rpartition(".")[2])


def losses_for(task: str) -> list[str]:
    """The files of `conf/loss/` that are for a task."""
    return [name for name in choices("loss") if any(task in _tasks_of(loss) for loss in allowed_targets("loss", name))]


def fact(loss: str, name: str, usual: Any) -> Any:
    """A fact about a loss, see `eksplora.declares`."""
    known = OF_TORCH.get(loss, {})
    return known[name] if name in known else declared(loss, name, usual)


def _tasks_of(loss: str) -> tuple[str, ...]:
    return as_words(fact(loss, "tasks", ("regression",)))


def _wrong_loss(config: Config) -> str | None:
    """Reason against a loss that would train on numbers of another meaning."""
    target, task = config["loss"]["_target_"], task_of(config)
    if task in _tasks_of(target):
        return None
    own = ""
    if is_foreign(target):
        located("loss", target)  # one that cannot be imported says nothing of tasks
        own = f', or say in {target} that it is for this one: tasks = ("{task}",)'
    wanted, options = " or task=".join(_tasks_of(target)), " or loss=".join(losses_for(task))
    return f"loss: {target} is for task={wanted}, not {task}. Choose loss={options}{own}."


def _squashed_scores(config: Config) -> str | None:
    """Softmax or sigmoid would be taken twice, an exponential of what is bounded."""
    given, task, loss = config["model"].get("output_activation", "identity"), task_of(config), config["loss"]
    if given == "identity":
        return None
    if task in (*CLASSES, "multilabel"):
        inside = "softmax" if task == "classification" else "sigmoid"
        return (
            f"model.output_activation={given} does not go with task={task}: {inside} is part of the loss "
            f"({loss['_target_']}), which wants raw scores. Choose model.output_activation=identity."
        )
    if task == "counts":
        return (
            f"model.output_activation={given} does not go with task=counts: outputs are logarithms of rates, which may "
            "be any number. Choose model.output_activation=identity."
        )
    return None


def _other_levels(config: Config) -> str | None:
    levels, wanted = config["loss"].get("levels"), config["task"].get("levels")
    if levels == wanted:
        return None
    return f"loss.levels={levels} are not those of the task, {wanted}. Set task.levels, which both take."


def _alpha_without_selu(config: Config) -> str | None:
    """The values that alpha dropout sets keep the mean and variance of SELU's outputs only.

    Where a list names activations, or rates, layer by layer, the network itself knows which come together.
    """
    model = config["model"]
    name, rate = model.get("activation"), model.get("dropout")
    if model.get("dropout_kind") != "alpha" or not rate or isinstance(rate, list):
        return None
    if not declared(model["_target_"], "takes_alpha_dropout", True):
        return (
            f"dropout.kind=alpha does not go with {model['_target_']}, which drops other numbers than an activation's. "
            "Choose dropout=standard."
        )
    if name == "selu" or isinstance(name, list):
        return None
    return (
        f"dropout.kind=alpha does not go with activation={name}: the values that it sets keep mean and variance of "
        "SELU's outputs only. Choose activation=selu or dropout=standard."
    )


def _balanced_numbers(config: Config) -> str | None:
    asked = [key for key, value in config["imbalance"].items() if value != "none"]
    if not asked or task_of(config) in CLASSES:
        return None
    return f"imbalance.{asked[0]}: task={task_of(config)} has no classes to balance. Choose imbalance=none."


def _asked(config: Config, key: str, idle: float) -> float:
    """A number of eksplora's augmentation; one of the user's own does what it likes."""
    augmentation = config["augmentation"]
    return idle if "_target_" in augmentation else float(augmentation[key])


def _augmented_table(config: Config) -> str | None:
    shape, augmentation = config["data"]["input_shape"], config["augmentation"]
    asked = [key for key, idle in ON_IMAGES.items() if _asked(config, key, idle) != idle]
    if not asked or len(shape) == 3:
        return None
    return (
        f"augmentation.{asked[0]}={augmentation[asked[0]]} is for images, but the data have {shape} features. "
        "Choose augmentation=none or mixup, or data of images."
    )


def _shifted_away(config: Config) -> str | None:
    shape, pixels = config["data"]["input_shape"], _asked(config, "shift_pixels", 0)
    if len(shape) != 3 or pixels < min(shape[1:]):
        return None
    return (
        f"augmentation.shift_pixels={pixels} can move an image of {shape[1]}x{shape[2]} pixels out of sight. "
        "Give a smaller number."
    )


def _shifted_zero(config: Config) -> str | None:
    scaling, loss = config["data"].get("target_scaling", "none"), config["loss"]["_target_"]
    if scaling == "none" or not fact(loss, "keeps_zero", False):
        return None
    return (
        f"data.target_scaling={scaling} does not go with {loss}: it compares with the targets' own zero. "
        "Choose data.target_scaling=none."
    )


def _scaled_labels(config: Config) -> str | None:
    scaling = config["data"].get("target_scaling", "none")
    if task_of(config) != "multilabel" or scaling == "none":
        return None
    return (
        f"data.target_scaling={scaling} does not go with task=multilabel: labels are no numbers to scale. "
        "Choose data.target_scaling=none."
    )


def _unreachable_targets(config: Config) -> str | None:
    scaling, given = config["data"].get("target_scaling", "none"), config["model"].get("output_activation", "identity")
    if scaling == "none" or given not in OUTPUT_RANGES:
        return None
    return (
        f"model.output_activation={given} does not go with data.target_scaling={scaling}: {_missed(given)}. "
        "Choose model.output_activation=identity or data.target_scaling=none."
    )


def _missed(activation: str) -> str:
    """Targets of mean 0 and deviation 1 that an activation's values do not reach."""
    least, most = OUTPUT_RANGES[activation]
    if least == 0:
        return "it has no values below 0, where about half of such targets are"
    bound = f"stay between {least:g} and {most:g}" if most < inf else f"never fall below {least:g}"
    return f"its values {bound}, while such targets have no bound"


def _mixed_twice(config: Config) -> str | None:
    if not (_asked(config, "mixup_alpha", 0) and _asked(config, "cutmix_alpha", 0)):
        return None
    return (
        "augmentation.mixup_alpha and augmentation.cutmix_alpha are both above 0: a batch is mixed once. "
        "Set one of them to 0.0."
    )


def _mixed_alone(config: Config) -> str | None:
    asked = [key for key in ("mixup_alpha", "cutmix_alpha") if _asked(config, key, 0)]
    if not asked or config["data"]["batch_size"] != 1:
        return None
    return (
        f"augmentation.{asked[0]} does nothing with data.batch_size=1: a row is mixed with another of its batch. "
        "Choose data.batch_size=2 or more."
    )


def _mixed_codes(config: Config) -> str | None:
    if not config["model"].get("cardinalities") or not _asked(config, "mixup_alpha", 0):
        return None
    return (
        "augmentation.mixup_alpha does not go with model.cardinalities: a mean of two codes is the code of neither. "
        "Choose augmentation=none."
    )


def _no_mean(config: Config) -> str | None:
    reduction = config["loss"].get("reduction", "mean")
    if reduction == "mean":
        return None
    return f"loss.reduction={reduction}: training takes the mean over the rows of a batch. Choose loss.reduction=mean."


RULES = (
    Rule(("loss", "task"), _wrong_loss),
    Rule(("loss",), _no_mean),
    Rule(("loss", "model", "task"), _squashed_scores),
    Rule(("loss", "task"), _other_levels),
    Rule(("activation", "dropout", "model"), _alpha_without_selu),
    Rule(("imbalance", "task"), _balanced_numbers),
    Rule(("augmentation", "data"), _augmented_table),
    Rule(("augmentation", "data"), _shifted_away),
    Rule(("augmentation",), _mixed_twice),
    Rule(("augmentation", "data"), _mixed_alone),
    Rule(("augmentation", "model"), _mixed_codes),
    Rule(("data", "loss"), _shifted_zero),
    Rule(("data", "task"), _scaled_labels),
    Rule(("data", "model"), _unreachable_targets),
)
"""Every rule; what it reads decides which values of a space it is tried on."""
