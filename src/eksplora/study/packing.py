"""Packing of trainings that go together: pure functions from trials to populations."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any, TypeVar

from eksplora.counter import fingerprint
from eksplora.data.arrays import batch_rows
from eksplora.search.space import Parameter, SearchInterval, Space, extremes
from eksplora.study.trial import Key, Trial
from eksplora.types import Config

Item = TypeVar("Item")

NODES = ("clipping", "early_stopping", "initialization", "loss", "regularization", "scheduler")
"""Whole nodes that each member of a population has for itself."""

READ_BY_MODEL = ("activation", "dropout")
"""Nodes that nothing is built from: the model's keys take their values."""

NUMBERS = ("optimizer.lr", "optimizer.weight_decay", "trainer.max_epochs", "data.excluded")
"""Keys that each member of a population has for itself: numbers in its arithmetic, and what of the features it sees."""

RATES = ("model.dropout", "model.block_dropout", "dropout.rate")
"""Numbers too, but a rate of 0 builds no layer."""

MOST_ON_CPU, MOST_ON_GPU = 32, 512
"""Members that are tried together when `training.population` is null; the worker cuts what its memory cannot hold."""

LEAST = 4
"""Smaller populations are not cut for the sake of idle workers: below, each member costs more."""

LEARNING_BATCH = 4
"""Trials asked at once where proposals or verdicts learn from results. In flight are at most so many per worker, so a
study of 20 trials still learns, and the fused training of four costs about as much as that of one."""


def signature(config: Config) -> str:
    """Fingerprint of what trials must have in common to be trained as one population."""
    # Baselines and functions train one by one: each is a kind of its own.
    if "model" not in config:
        return fingerprint(config)
    # What is left decides tensor shapes, the optimizer's class and the order of steps: members must agree on it.
    kept = {name: node for name, node in config.items() if name not in NODES + READ_BY_MODEL}
    for key in NUMBERS:
        node, _, number = key.partition(".")
        kept[node] = {name: value for name, value in kept[node].items() if name != number}
    # A rate of 0 builds no layer, so only where there is dropout matters, not how much.
    rates = {key.removeprefix("model.") for key in RATES} & kept["model"].keys()
    kept["model"] = kept["model"] | {key: _layers(kept["model"][key]) for key in rates}
    return fingerprint(kept)


def _layers(rates: Any) -> Any:
    """Layers with dropout."""
    return [rate != 0 for rate in rates] if isinstance(rates, list) else rates != 0


def is_number(parameter: Parameter) -> bool:
    """Whether trials that differ in this key only have one signature."""
    if parameter.key in NUMBERS or parameter.key.partition(".")[0] in NODES:
        return True
    if parameter.key not in RATES:
        return False
    layers = {repr(_layers(value)) for value in extremes(parameter)}
    return isinstance(parameter.domain, SearchInterval) or len(layers) == 1  # an interval's end is never drawn


def most_together(config: Config) -> int:
    """The most members that are handed out together, before any worker was asked."""
    if "model" not in config or config["training"]["engine"] == "single":
        return 1
    # A worker measures its memory later and gives back what does not fit.
    training = config["training"]
    on_cpu = config["trainer"].get("accelerator") == "cpu"
    return training["population"] or (MOST_ON_CPU if on_cpu else MOST_ON_GPU)


def learning_batch(space: Space) -> int:
    """Trials asked at once from a sampler with memory: several only if the whole study could be one population."""
    return LEARNING_BATCH if all(is_number(parameter) for parameter in space) else 1


def filling_batch(config: Config, num_members: int, workers: int) -> int:
    """Trials asked at once where nothing is learned: enough to fill a population for every worker."""
    return max(1, most_together(config) // num_members) * workers


def pack(trials: Sequence[Trial], sizes: Sequence[int], workers: int) -> list[list[Key]]:
    """The populations of new trials, in trial order.

    Members go together when their trials have one signature and their epochs as many steps.

    Args:
        trials: Trials of which no member is in a population.
        sizes: Rows to learn from in each of the protocol's splits.
        workers: For how many there should be work.
    """
    groups: dict[tuple[str, int], list[Key]] = {}
    most: dict[tuple[str, int], int] = {}
    for trial in trials:
        mark = signature(trial.config)
        for member in trial.waiting:
            # Fold sizes may differ by a row, and with it the number of steps: such folds train apart.
            group = mark, steps_of(trial.config, sizes[member.fold])
            groups.setdefault(group, []).append((trial.number, member.index))
            most[group] = most_together(trial.config)
    return [part for group, keys in groups.items() for part in divide(keys, most[group], workers)]


def steps_of(config: Config, rows: int) -> int:
    """Optimizer steps of an epoch over so many rows; 1 for a baseline, which states no batch size."""
    return math.ceil(rows / batch_rows(config["data"].get("batch_size", "full"), rows))


def divide(keys: Sequence[Key], most: int, workers: int = 1) -> list[list[Key]]:
    """Cut trainings evenly into parts of at most `most`; a trial's members stay together where that is possible.

    Examples:
        >>> divide([(0, 0), (0, 1), (1, 0), (1, 1)], most=3)
        [[(0, 0), (0, 1)], [(1, 0), (1, 1)]]
        >>> divide([(0, 0), (0, 1), (0, 2)], most=2)
        [[(0, 0), (0, 1)], [(0, 2)]]
    """
    trials = [list(group) for _, group in groupby(keys, key=lambda key: key[0])]
    # Enough parts for every worker, unless that makes populations of fewer than LEAST.
    parts = max(math.ceil(len(keys) / most), min(workers, len(keys) // LEAST))
    # Whole trials to a part where one fits: pruning judges members that train together.
    longest = max(map(len, trials))
    if longest <= most and parts <= len(trials):
        return [_joined(part) for part in _cut(trials, max(parts, math.ceil(len(trials) / (most // longest))))]
    return _cut(keys, parts)


def _joined(lists: Iterable[Iterable[Key]]) -> list[Key]:
    return [key for keys in lists for key in keys]


def _cut(items: Sequence[Item], parts: int) -> list[list[Item]]:
    """Neighbours in `parts` lists whose lengths differ by at most one, the longer first."""
    # 7 items in 3 parts: 3, 2, 2.
    size, longer = divmod(len(items), parts)
    ends = [part * size + min(part, longer) for part in range(parts + 1)]
    return [list(items[start:end]) for start, end in pairwise(ends)]
