"""The parts of an explanation, from a confirmed model, its data and what the evaluation has shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eksplora.config import part
from eksplora.config.compatibility import task_of
from eksplora.console.table import print_best
from eksplora.counter import derive
from eksplora.data.card import target_names, target_units
from eksplora.errors import DataError, command_line
from eksplora.explain.architecture import architecture
from eksplora.explain.embedding import MOST_ROWS, evenly
from eksplora.explain.embedding_facts import embedding_facts
from eksplora.explain.facts import Facts
from eksplora.explain.feature_facts import Tabular, feature_facts
from eksplora.explain.overlay_facts import overlay_facts
from eksplora.explain.ranking import agreement, table
from eksplora.explanation.ablation import ablate
from eksplora.inference.confirmed import confirmed_model
from eksplora.inference.ensemble import BLOCK_ROWS, Ensemble
from eksplora.inference.stacked import Together, everyone
from eksplora.installation import or_repro
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.details import DetailsRecord
from eksplora.records.explain import ExplanationRecord
from eksplora.study.spec import StudySpec
from eksplora.training.task import comparable


@dataclass(frozen=True)
class Model:
    """A confirmed model with the rows that it is explained on.

    Attributes:
        ensemble: Its members.
        networks: The same, in one pass.
        features: Of the test part, raw.
        targets: Of the test part.
        background: Features of the training part, raw.
        seed: From which all draws derive.
    """

    ensemble: Ensemble
    networks: Together
    features: NDArray[Any]
    targets: NDArray[Any]
    background: NDArray[Any]
    seed: int

    @property
    def is_table(self) -> bool:
        """Whether rows are features, not images."""
        return self.features.ndim == 2

    @property
    def outputs(self) -> Callable[[Tensor], Tensor]:
        """Raw features (members, rows, ...) to scores of classes, or to predicted numbers: (members, rows, columns)."""
        if self.ensemble.classes is not None:
            return self.networks
        task = part(self.ensemble.config, "task")

        def predicted(features: Tensor) -> Tensor:
            outputs = self.networks(features)
            numbers: Tensor = task.prediction(outputs.flatten(0, 1))
            return numbers.reshape(*outputs.shape[:2], -1)

        return predicted


def explained(
    spec: StudySpec,
    folder: Path,
    confirmed: ConfirmRecord,
    details: DetailsRecord,
    begins: Callable[[str], None] = lambda step: None,
) -> tuple[ExplanationRecord, dict[str, float]]:
    """All that is explained, and the seconds that each part took.

    Each step `begins` with its name, an empty one where a study shows itself.

    The record is equal whenever the same is explained, so that stages that read it do not run again. So how long it
    took stands beside it.

    Raises:
        DataError: If weights, configuration or data are not those that were confirmed.
    """
    begins("opening the test part")
    model = opened(spec, folder, confirmed, details)
    ensemble = model.ensemble
    parts = {"features": Facts(None, {}), "overlays": Facts(None, {})}
    if model.is_table:
        parts["features"] = _features(spec, model, confirmed, begins)
    else:
        begins("overlays of images")
        parts["overlays"] = _overlays(model, details, spec.config["explain"]["images"])
    begins("maps of the last hidden layer")
    parts["embeddings"] = _embeddings(model)
    example = torch.from_numpy(np.zeros(model.features.shape[1:], dtype=np.float32))
    record = ExplanationRecord(
        studies=confirmed.studies,
        provenance=confirmed.provenance,
        command=spec.command,
        experiment=spec.experiment,
        kind=details.kind,
        members=len(ensemble.networks),
        rows=len(model.features),
        features=parts["features"].facts,
        overlays=parts["overlays"].facts,
        embeddings=parts["embeddings"].facts,
        architecture=architecture(ensemble.networks[0].network, example),
        notes=[
            *_of_targets(ensemble),
            *_of_codes(ensemble),
            *_of_weights(part(spec.config, "data")),
            *dict.fromkeys(note for found in parts.values() for note in found.notes),
        ],
    )
    return record, {name: value for found in parts.values() for name, value in found.seconds.items()}


def opened(spec: StudySpec, folder: Path, confirmed: ConfirmRecord, details: DetailsRecord) -> Model:
    """Confirmed model, with the rows that it is explained by.

    Raises:
        DataError: If weights, configuration or data are not those that were confirmed.
    """
    dataset = part(spec.config, "data")
    ensemble = confirmed_model(folder, confirmed, dataset)
    (features, targets), (background, _) = dataset.open("test"), dataset.open("train")
    if details.rows != len(features):
        raise DataError(
            f"details.json is of {details.rows} test rows, the test part has {len(features)}. Evaluate again: "
            f"{command_line('evaluate', experiment=spec.experiment)}{or_repro()}."
        )
    return Model(
        ensemble,
        Together(ensemble.networks),
        without_gaps(features, ensemble.networks[0].shift),
        np.array(targets),
        without_gaps(background, ensemble.networks[0].shift),
        derive(spec.config["explain"]["seed"], "explain") % 2**31,
    )


def _of_targets(ensemble: Ensemble) -> list[str]:
    """Which of several targets is explained."""
    names = target_names(ensemble.card)
    if ensemble.classes is not None or len(names) < 2:
        return []
    return [f"{len(names)} targets: importance is for all of them, attributions are for the first, {names[0]}."]


def _of_weights(dataset: Any) -> list[str]:
    """How rows with weights count."""
    return [] if dataset.beside("test", "weights") is None else ["Each row counts once here, whatever its weight."]


def _of_codes(ensemble: Ensemble) -> list[str]:
    """Which features have no attributions, because no derivative goes through a code."""
    names = [ensemble.card["feature_names"][column] for column, _ in ensemble.config["model"].get("cardinalities", [])]
    if not names:
        return []
    return [
        f"Codes of categories have no derivative: by attributions {', '.join(names)} count nothing. Read importance."
    ]


def without_gaps(features: NDArray[Any], shift: Tensor) -> NDArray[Any]:
    """Features with the shift of their scaling where a cell is missing: the networks see 0 there either way.

    Args:
        features: Raw, (rows, ...); NaN where one is missing.
        shift: Of the scaling of the networks, which have learned from the same rows.
    """
    if not np.issubdtype(features.dtype, np.floating):
        return np.array(features)
    return np.where(np.isnan(features), shift.numpy(), features)


# --- tables ------------------------------------------------------------------------------------------------------


def _features(spec: StudySpec, model: Model, confirmed: ConfirmRecord, begins: Callable[[str], None]) -> Facts:
    """Which features matter, by three methods and by training without each."""
    begins("importance of features")
    names = list(model.ensemble.card["feature_names"])
    error, error_name = _error_of(model)
    given = Tabular(
        outputs=model.outputs,
        members=model.networks.size,
        features=model.features,
        targets=model.targets,
        background=model.background,
        names=names,
        error=error,
        error_name=error_name,
        classes=model.ensemble.classes,
    )
    found = feature_facts(given, seed=model.seed)
    most = spec.config["explain"]["ablated"]
    if len(names) < 2 or len(names) > most:
        why = f"{len(names)} features" if most else "explain.ablated is 0"
        return Facts(found.facts, found.seconds, [*found.notes, f"No ablation: {why} (explain.ablated: {most})."])
    begins("")
    return _with_ablation(spec, confirmed, names, found)


def _with_ablation(spec: StudySpec, confirmed: ConfirmRecord, names: Sequence[str], found: Facts) -> Facts:
    """The facts of features with what retraining says."""
    outcome, lost = ablate(spec, confirmed, list(names))
    notes = [f"Without {name} the training did not finish." for name in lost["failed"]]
    if lost["losses"]:
        says = (
            f"How much worse {lost['metric']} gets when the model is trained again without the feature "
            f"(study {outcome.name}), on the rows that validate."
        )
        ranked = table(np.array(list(lost["losses"].values())).T, list(lost["losses"]), says)
        for row in ranked["rows"]:
            row |= lost["verdicts"].get(row["feature"], {})
        found.facts["methods"]["ablation"] = ranked
        found.facts["agreement"] = agreement(found.facts["methods"])
    seconds = sum(trial.seconds for trial in outcome.ledger.trials.values())
    return Facts(found.facts, {**found.seconds, "ablation": seconds}, [*found.notes, *notes])


def _error_of(model: Model) -> tuple[Callable[[Tensor, Tensor], Tensor], str]:
    """The error that grows when a feature is shuffled, and its name; of (members, rows, columns) and targets."""
    if model.ensemble.classes is None:
        units = target_units(model.ensemble.card)
        error = partial(_absolute_error, units=None if units is None else torch.from_numpy(units))
        what = "of probabilities" if task_of(model.ensemble.config) == "multilabel" else ""
        return error, f"the mean absolute error {what}".rstrip() + (
            "" if units is None else " in standard deviations of the targets"
        )
    return (_log_loss if model.ensemble.config["task"]["num_outputs"] > 1 else _binary_log_loss), "the log-loss"


def _absolute_error(predicted: Tensor, targets: Tensor, *, units: Tensor | None = None) -> Tensor:
    difference = predicted.double() - targets.double().reshape(1, *predicted.shape[1:])
    return comparable(difference, units).abs().mean((1, 2))


def _log_loss(scores: Tensor, labels: Tensor) -> Tensor:
    known = scores.double().log_softmax(2)
    chosen = labels.long().reshape(1, -1, 1).expand(len(known), -1, 1)
    return -known.gather(2, chosen).mean((1, 2))


def _binary_log_loss(odds: Tensor, labels: Tensor) -> Tensor:
    wanted = labels.double().reshape(1, -1, 1).expand_as(odds)
    return torch.nn.functional.binary_cross_entropy_with_logits(odds.double(), wanted, reduction="none").mean((1, 2))


# --- images, and the last hidden layer ---------------------------------------------------------------------------


def _overlays(model: Model, details: DetailsRecord, most: int) -> Facts:
    """Where the members look in the images that they do worst and best on."""
    worst, best = details.examples.worst, details.examples.best
    half = max(most // 2, most - len(best))
    numbers = [*worst[:half], *best][:most]
    if not numbers:
        return Facts(None, {}, ["No overlays: explain.images is 0."])
    low, high = float(model.background.min()), float(model.background.max())
    return overlay_facts(
        model.outputs,
        images=model.features[numbers],
        numbers=numbers,
        actual=model.targets[numbers].tolist(),
        members=model.networks.size,
        classes=model.ensemble.classes,
        baseline=np.full(model.features.shape[1:], low, dtype=np.float64),
        pixel_range=(low, high),
    )


def _embeddings(model: Model) -> Facts:
    """Maps of the last hidden layer, and how far classes come apart in it."""
    taken = evenly(len(model.features), MOST_ROWS)
    rows = torch.from_numpy(model.features[taken])
    try:
        with torch.inference_mode():
            blocks = [
                model.networks.hidden(everyone(block, model.networks.size)) for block in torch.split(rows, BLOCK_ROWS)
            ]
    except ValueError as error:
        return Facts(None, {}, [f"No maps: {error}."])
    return embedding_facts(
        torch.cat(blocks, dim=1).double().numpy(),
        labels=model.targets[taken],
        numbers=[int(number) for number in taken],
        is_classes=model.ensemble.classes is not None,
        seed=model.seed,
    )


# --- the terminal ------------------------------------------------------------------------------------------------


def show(record: ExplanationRecord, seconds: Mapping[str, float], folder: Path) -> None:
    """Print what matters most."""
    if record.features:
        methods = record.features["methods"]
        means = {name: {row["feature"]: row["mean"] for row in found["rows"]} for name, found in methods.items()}
        first = methods["permutation"]["rows"]
        rows = [
            {
                "feature": row["feature"],
                **{name: known.get(row["feature"]) for name, known in means.items()},
                "first in": f"{row['first']:.0%}",
            }
            for row in first[:10]
        ]
        print_best(rows, title="What matters most: importance by method; first in: members, by permutation", limit=10)
    if (made := record.architecture) is not None:
        print(f"  network  {made.parameters} parameters, {made.multiply_adds} multiply-adds a row")
    print(f"  took     {', '.join(f'{name} {value:.1f} s' for name, value in seconds.items())}")
    print(f"  facts    {folder / 'explain.json'}")
