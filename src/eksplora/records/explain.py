"""Record of an explanation."""

from dataclasses import dataclass, field
from typing import Any

from eksplora.records.architecture import ArchitectureRecord
from eksplora.records.confirm import OfModel
from eksplora.records.estimate import Compared, Estimate, gathered
from eksplora.records.measure import Measure
from eksplora.records.record import Record

Pixels = list[list[float]] | list[list[list[float]]]
"""Numbers from 0 to 1: (height, width) of grey, or (height, width, 3) of red, green and blue."""


@dataclass(frozen=True, kw_only=True)
class FeatureImportance(Record):
    """Importance of a feature by one method.

    Attributes:
        feature: Its name.
        importance: Mean over members, with Student's interval.
        first: Share of members in which it ranks first; those that tie divide it.
        rank: Mean rank over members, from 1, ties at their mean.
        without: Verdict on the training without it; None where nothing was trained.
    """

    feature: str
    importance: Estimate
    first: float
    rank: float
    without: Compared | None = None

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """The estimate and the verdict were written among the other keys."""
        if "in_words" in found:
            found["without"] = {key: found.pop(key) for key in ("verdict", "in_words") if key in found}
        return gathered(found, "importance")


@dataclass(frozen=True, kw_only=True)
class Ranking(Record):
    """Features by one method, the most important first; `says` is a sentence: what is measured, in which unit."""

    says: str
    rows: list[FeatureImportance]


@dataclass(frozen=True, kw_only=True)
class RankAgreement(Record):
    """Spearman's correlation of the mean importances of methods `a` and `b`; None where it is not defined."""

    a: str
    b: str
    spearman: float | None


@dataclass(frozen=True, kw_only=True)
class SingleRows(Record):
    """SHAP values of single rows, of the features that matter most.

    Attributes:
        feature: Names.
        value: The features' own values, from 0 to 1, (features, rows).
        shap: SHAP values of the same rows, mean over members, (features, rows).
    """

    feature: list[str]
    value: list[list[float]]
    shap: list[list[float]]


@dataclass(frozen=True, kw_only=True)
class FeaturesRecord(Record):
    """Features of a table: their names, a ranking by each method, how far methods agree, and single rows."""

    names: list[str]
    methods: dict[str, Ranking]
    agreement: list[RankAgreement] = field(default_factory=list)
    beeswarm: SingleRows | None = None


@dataclass(frozen=True, kw_only=True)
class OverlayRecord(Record):
    """An image with the pixels that support its prediction.

    Attributes:
        row: Its number in the test part.
        actual: Its class, or its target as text.
        predicted: The members' joint prediction.
        probability: Of the predicted class; None of numbers.
        image: Its pixels.
        gradients: Integrated gradients, numbers from -1 to 1, (height, width).
        occlusion: By covering windows of the image, likewise.
        occlusion_window: Side of such a window, in pixels.
    """

    row: int
    actual: str
    predicted: str
    probability: float | None
    image: Pixels
    gradients: list[list[float]]
    occlusion: list[list[float]]
    occlusion_window: int


@dataclass(frozen=True, kw_only=True)
class EmbeddingsRecord(Record):
    """Maps of a hidden layer.

    Attributes:
        of: The layer.
        units: Its width.
        colour: Class number or target of each row.
        row: Numbers of the rows in the test part.
        maps: Points by the method's name, (rows, 2).
        explained: Share of the variance along each axis of the PCA map; None where there is none.
        scores: How well classes are separated, over members; None of numbers.
        notes: What a reader should know.
    """

    of: str
    units: int
    colour: list[float]
    row: list[int]
    maps: dict[str, list[list[float]]]
    explained: list[float | None]
    scores: dict[str, Measure] | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ExplanationRecord(OfModel):
    """Explanation of a model: its inputs and its layers.

    Attributes:
        experiment: Its experiment.
        kind: What is predicted.
        members: Members of the model.
        rows: Test rows.
        features: Importance of each feature of a table; None of images.
        overlays: Images with the pixels that matter; None of a table.
        embeddings: Maps of the last hidden layer; None where there is none.
        architecture: The layers.
        notes: What a reader should know.
    """

    experiment: str = ""
    kind: str
    members: int
    rows: int = 0
    features: FeaturesRecord | None = None
    overlays: list[OverlayRecord] | None = None
    embeddings: EmbeddingsRecord | None = None
    architecture: ArchitectureRecord | None = None
    notes: list[str] = field(default_factory=list)
