"""Record of an explanation."""

from dataclasses import dataclass, field
from typing import Any

from eksplora.records.architecture import ArchitectureRecord
from eksplora.records.confirm import OfModel


@dataclass(frozen=True, kw_only=True)
class ExplanationRecord(OfModel):
    """Explanation of a model: its inputs and its layers.

    Attributes:
        experiment: Its experiment.
        kind: What is predicted.
        members: Members of the model.
        rows: Test rows.
        features: Of a table, what each feature is worth; None of images.
        overlays: Of images, where the members look; None of a table.
        embeddings: Maps of the last hidden layer; None where there is none.
        architecture: The layers.
        notes: What a reader should know.
    """

    experiment: str = ""
    kind: str
    members: int
    rows: int = 0
    features: dict[str, Any] | None = None
    overlays: list[dict[str, Any]] | None = None
    embeddings: dict[str, Any] | None = None
    architecture: ArchitectureRecord | None = None
    notes: list[str] = field(default_factory=list)
