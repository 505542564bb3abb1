"""Importance of the features of a table for a confirmed model."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from eksplora.config.compatibility import task_of
from eksplora.data.card import target_units
from eksplora.explain.facts import Facts
from eksplora.explain.feature_facts import Tabular, feature_facts
from eksplora.explain.ranking import agreement, ranking
from eksplora.explanation.ablation import Ablation, ablate
from eksplora.explanation.model import ExplainedModel
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.explain import FeaturesRecord
from eksplora.study.spec import StudySpec
from eksplora.training.task import comparable


def features_of(
    spec: StudySpec, model: ExplainedModel, confirmed: ConfirmRecord, begins: Callable[[str], None]
) -> Facts[FeaturesRecord]:
    """Importance of the features, by three methods and by training without each."""
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
    outcome, ablation = ablate(spec, confirmed, names)
    seconds = sum(trial.seconds for trial in outcome.ledger.trials.values())
    return Facts(
        _with_ablation(found.facts, ablation),
        {**found.seconds, "ablation": seconds},
        [*found.notes, *(f"Without {name} the training did not finish." for name in ablation.failed)],
    )


def _with_ablation(features: FeaturesRecord, ablation: Ablation) -> FeaturesRecord:
    """Features with their ranking by retraining; the same where nothing can be compared."""
    if not ablation.losses:
        return features
    says = (
        f"How much worse {ablation.metric} gets when the model is trained again without the feature "
        f"(study {ablation.study}), on the rows that validate."
    )
    ranked = ranking(np.array(list(ablation.losses.values())).T, list(ablation.losses), says)
    rows = [replace(row, without=ablation.verdicts.get(row.feature)) for row in ranked.rows]
    methods = {**features.methods, "ablation": replace(ranked, rows=rows)}
    return replace(features, methods=methods, agreement=agreement(methods))


def _error_of(model: ExplainedModel) -> tuple[Callable[[Tensor, Tensor], Tensor], str]:
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
