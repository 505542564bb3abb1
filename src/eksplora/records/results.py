"""All that the stages of an experiment have handed on."""

from collections.abc import Mapping
from dataclasses import dataclass

from eksplora.records.audit import AuditRecord
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.details import DetailsRecord
from eksplora.records.evaluate import EvaluationRecord
from eksplora.records.explain import ExplanationRecord
from eksplora.records.search import SearchRecord
from eksplora.types import Command


@dataclass(frozen=True, kw_only=True)
class Results:
    """Inputs of a report.

    Attributes:
        searched: The search.
        confirmed: The confirmation.
        evaluated: The evaluation.
        details: The test part in detail.
        explained: The explanation; None where the model was not explained.
        curves: Each column of the learning curves.
        audited: The audit of the search; None where there was none.
        command: The command that writes the report; None where it is not known.
    """

    searched: SearchRecord
    confirmed: ConfirmRecord
    evaluated: EvaluationRecord
    details: DetailsRecord
    explained: ExplanationRecord | None
    curves: Mapping[str, list[float]]
    audited: AuditRecord | None = None
    command: Command | None = None
