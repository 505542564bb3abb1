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
        evaluated: The evaluation; None where a function of the user's own was searched, which leaves no network.
        details: The test part in detail; likewise.
        explained: The explanation; None where the model was not explained.
        curves: Each column of the learning curves.
        audited: The audit of the search; None where there was none.
        command: The command that writes the report; None where it is not known.
    """

    searched: SearchRecord
    confirmed: ConfirmRecord
    evaluated: EvaluationRecord | None
    details: DetailsRecord | None
    explained: ExplanationRecord | None
    curves: Mapping[str, list[float]]
    audited: AuditRecord | None = None
    command: Command | None = None

    @property
    def has_network(self) -> bool:
        """Whether there is a network that the test part can be opened for."""
        return self.evaluated is not None

    @property
    def tested(self) -> EvaluationRecord:
        """The evaluation, for what is shown of networks only."""
        assert self.evaluated is not None
        return self.evaluated

    @property
    def test_part(self) -> DetailsRecord:
        """The test part in detail, for what is shown of networks only."""
        assert self.details is not None
        return self.details
