"""Importance of the features of a table, by three methods."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eksplora.explain._effort import Effort
from eksplora.explain._members import Outputs, evaluated, explained_output
from eksplora.explain.attribution import integrated_gradients, mean_magnitude, shapley_values
from eksplora.explain.embedding import evenly
from eksplora.explain.facts import ONE_MEMBER, Facts, clock, listed, tensor
from eksplora.explain.importance import Error, permutation_importance
from eksplora.explain.ranking import agreement, ranking
from eksplora.records.explain import FeaturesRecord, Ranking, SingleRows

MOST_FEATURES = 10
"""Features in the picture of SHAP values."""


@dataclass(frozen=True, kw_only=True)
class Tabular:
    """Networks and the table that they are asked about.

    Attributes:
        outputs: The networks.
        members: How many there are.
        features: Test rows, raw, (rows, features).
        targets: Of these rows, as `error` takes them.
        background: Training rows, raw, (rows, features).
        names: Of the features.
        error: Smaller is better, see `permutation_importance`.
        error_name: As it stands in a sentence: "the mean squared error".
        classes: Names of the classes; None for numbers.
    """

    outputs: Outputs
    members: int
    features: NDArray[Any]
    targets: NDArray[Any]
    background: NDArray[Any]
    names: Sequence[str]
    error: Error
    error_name: str
    classes: Sequence[str] | None


def feature_facts(given: Tabular, *, seed: int, effort: Effort | None = None) -> Facts[FeaturesRecord]:
    """Permutation importance, SHAP values and integrated gradients.

    Args:
        given: Networks and table.
        seed: Decides all draws.
        effort: How much is computed; None: what takes seconds, see `Effort.for_table`.

    Returns:
        Methods `permutation`, `shap` and `integrated_gradients`; single rows of the 10 features that matter most by
        SHAP.
    """
    effort = effort or Effort.for_table(len(given.features), given.features.shape[1], given.members)
    seconds = dict[str, float]()
    rows = tensor(given.features[evenly(len(given.features), effort.explained)])
    found = evaluated(given.outputs, rows, given.members)
    explained = explained_output(found, is_classes=given.classes is not None)
    with clock(seconds, "permutation"):
        shuffled = _permutation(given, effort, seed)
    with clock(seconds, "shap"):
        shap = _shap(given, rows, explained, effort, seed)
    with clock(seconds, "integrated_gradients"):
        gradients = _gradients(given, rows, explained, effort)
    values = {"permutation": shuffled, "shap": mean_magnitude(shap), "integrated_gradients": mean_magnitude(gradients)}
    says = _sentences(given, effort, len(rows), found.shape[2])
    methods = {name: ranking(importance, given.names, says[name]) for name, importance in values.items()}
    facts = FeaturesRecord(
        names=list(given.names),
        methods=methods,
        agreement=agreement(methods),
        beeswarm=_single_rows(shap.mean(0), rows.numpy(), given.names, methods["shap"]),
    )
    return Facts(facts, seconds, _notes(given, found.shape[2]))


def _permutation(given: Tabular, effort: Effort, seed: int) -> NDArray[np.float64]:
    tested = evenly(len(given.features), effort.rows)
    return permutation_importance(
        given.outputs,
        tensor(given.features[tested]),
        torch.tensor(np.asarray(given.targets[tested])),
        given.error,
        members=given.members,
        repeats=effort.repeats,
        seed=seed,
    )


def _shap(given: Tabular, rows: Tensor, explained: Tensor, effort: Effort, seed: int) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed).permutation(len(given.background))[: effort.background]
    background = tensor(given.background[np.sort(drawn)]).to(rows.dtype)
    return shapley_values(
        given.outputs, rows, background, explained, members=given.members, turns=effort.turns, seed=seed
    )


def _gradients(given: Tabular, rows: Tensor, explained: Tensor, effort: Effort) -> NDArray[np.float64]:
    baseline = tensor(given.background).double().mean(0).to(rows.dtype)
    return integrated_gradients(given.outputs, rows, baseline, explained, members=given.members, steps=effort.steps)


def _sentences(given: Tabular, effort: Effort, explained: int, num_outputs: int) -> dict[str, str]:
    """Meaning of each method's numbers."""
    moved = f"the feature moves {_output_name(given, num_outputs)}"
    tested, compared = min(len(given.features), effort.rows), min(len(given.background), effort.background)
    return {
        "permutation": (
            f"How much {given.error_name} grows when the feature's column is shuffled over {tested} test rows: the "
            f"mean of {effort.repeats} shuffles."
        ),
        "shap": (
            f"SHAP: how far {moved} from its mean over {compared} training rows, in either direction: the mean over "
            f"{explained} test rows."
        ),
        "integrated_gradients": (
            f"Integrated gradients: how far {moved} on the way from the mean training row, in either direction: the "
            f"mean over {explained} test rows."
        ),
    }


def _output_name(given: Tabular, num_outputs: int) -> str:
    if given.classes is None:
        return "the prediction"
    if num_outputs == 1:
        return f"the log-odds of class '{given.classes[-1]}'"
    return "the score of the class that the members predict together"


def _notes(given: Tabular, num_outputs: int) -> list[str]:
    notes = [ONE_MEMBER] if given.members == 1 else []
    if given.classes is None and num_outputs > 1:
        notes.append(f"{num_outputs} targets: SHAP and integrated gradients explain the first.")
    return notes


def _single_rows(shap: NDArray[np.float64], rows: NDArray[Any], names: Sequence[str], ranked: Ranking) -> SingleRows:
    """Values and SHAP values (rows, features) of the features that matter most."""
    shown = [row.feature for row in ranked.rows[:MOST_FEATURES]]
    columns = [list(names).index(name) for name in shown]
    return SingleRows(feature=shown, value=listed(_scaled(rows[:, columns]).T), shap=listed(shap[:, columns].T))


def _scaled(values: NDArray[Any]) -> NDArray[np.float64]:
    """Columns from 0 (the 5th percentile and below) to 1 (the 95th and above); of a constant one all are 0.5.

    Where the percentiles are equal, as of a rare mark, the ends are the least and the largest value. So `shap`'s own
    beeswarm plot colours its points.
    """
    low, high = np.percentile(values, [5, 95], axis=0)
    is_narrow = low == high
    low = np.where(is_narrow, values.min(0), low)
    high = np.where(is_narrow, values.max(0), high)
    reach = np.where(high > low, high - low, 1.0)
    return np.where(high > low, ((values - low) / reach).clip(0, 1), 0.5)
