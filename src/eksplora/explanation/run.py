"""The parts of an explanation, from a confirmed model, its data and its evaluation."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eksplora.config import part
from eksplora.console.table import print_best
from eksplora.data.card import target_names
from eksplora.explain.architecture import architecture
from eksplora.explain.embedding import MOST_ROWS, evenly
from eksplora.explain.embedding_facts import embedding_facts
from eksplora.explain.facts import Facts
from eksplora.explain.overlay_facts import overlay_facts
from eksplora.explanation.features import features_of
from eksplora.explanation.model import ExplainedModel, opened
from eksplora.inference.ensemble import BLOCK_ROWS, Ensemble
from eksplora.inference.stacked import everyone
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.details import DetailsRecord
from eksplora.records.explain import EmbeddingsRecord, ExplanationRecord, FeaturesRecord, OverlayRecord
from eksplora.study.spec import StudySpec


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
    features: Facts[FeaturesRecord | None] = Facts(None, {})
    overlays: Facts[list[OverlayRecord] | None] = Facts(None, {})
    if model.is_table:
        features = features_of(spec, model, confirmed, begins)
    else:
        begins("overlays of images")
        overlays = _overlays(model, details, spec.config["explain"]["images"])
    begins("maps of the last hidden layer")
    embeddings = _embeddings(model)
    found: tuple[Facts[object], ...] = (features, overlays, embeddings)
    example = torch.from_numpy(np.zeros(model.features.shape[1:], dtype=np.float32))
    record = ExplanationRecord(
        studies=confirmed.studies,
        provenance=confirmed.provenance,
        command=spec.command,
        experiment=spec.experiment,
        kind=details.kind,
        members=len(ensemble.networks),
        rows=len(model.features),
        features=features.facts,
        overlays=overlays.facts,
        embeddings=embeddings.facts,
        architecture=architecture(ensemble.networks[0].network, example),
        notes=[
            *_of_targets(ensemble),
            *_of_codes(ensemble),
            *_of_weights(part(spec.config, "data")),
            *dict.fromkeys(note for one in found for note in one.notes),
        ],
    )
    return record, {name: value for one in found for name, value in one.seconds.items()}


def _of_targets(ensemble: Ensemble) -> list[str]:
    """Note on which of several targets is explained."""
    names = target_names(ensemble.card)
    if ensemble.classes is not None or len(names) < 2:
        return []
    return [f"{len(names)} targets: importance is for all of them, attributions are for the first, {names[0]}."]


def _of_weights(dataset: Any) -> list[str]:
    """Note on how rows with weights count."""
    return [] if dataset.beside("test", "weights") is None else ["Each row counts once here, whatever its weight."]


def _of_codes(ensemble: Ensemble) -> list[str]:
    """Note on features without attributions, because no derivative goes through a code."""
    names = [ensemble.card["feature_names"][column] for column, _ in ensemble.config["model"].get("cardinalities", [])]
    if not names:
        return []
    return [
        f"Codes of categories have no derivative: by attributions {', '.join(names)} count nothing. Read importance."
    ]


def _overlays(model: ExplainedModel, details: DetailsRecord, most: int) -> Facts[list[OverlayRecord] | None]:
    """Overlays of the images that the members do worst and best on."""
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


def _embeddings(model: ExplainedModel) -> Facts[EmbeddingsRecord | None]:
    """Maps of the last hidden layer, and how far it separates classes."""
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


def show(record: ExplanationRecord, seconds: Mapping[str, float], folder: Path) -> None:
    """Print what matters most."""
    if record.features:
        methods = record.features.methods
        means = {name: {row.feature: row.importance.mean for row in found.rows} for name, found in methods.items()}
        rows = [
            {
                "feature": row.feature,
                **{name: known.get(row.feature) for name, known in means.items()},
                "first in": f"{row.first:.0%}",
            }
            for row in methods["permutation"].rows[:10]
        ]
        print_best(rows, title="What matters most: importance by method; first in: members, by permutation", limit=10)
    if (made := record.architecture) is not None:
        print(f"  network  {made.parameters} parameters, {made.multiply_adds} multiply-adds a row")
    print(f"  took     {', '.join(f'{name} {value:.1f} s' for name, value in seconds.items())}")
    print(f"  facts    {folder / 'explain.json'}")
