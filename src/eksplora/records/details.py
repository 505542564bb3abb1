"""Details of the test part for a page: every measure, curves, intervals, examples."""

from dataclasses import dataclass, field
from typing import Any, Literal

from eksplora.records.estimate import Estimate
from eksplora.records.measure import Measure
from eksplora.records.record import Record

Image = list[list[int]] | list[list[list[int]]]
"""Whole numbers from 0 to 255: (height, width) of grey, or (height, width, 3) of red, green and blue."""


@dataclass(frozen=True, kw_only=True)
class ClassMeasures(Record):
    """A class: its name, its test rows, and its measures against the rest by name."""

    name: str
    rows: int
    measures: dict[str, Measure]

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """The name was called `class`, and the measures were written among the other keys."""
        if "class" not in found:
            return found
        measures = {key: value for key, value in found.items() if key not in ("class", "rows")}
        return {"name": found["class"], "rows": found.get("rows"), "measures": measures}


@dataclass(frozen=True, kw_only=True)
class Confusion(Record):
    """Rows by actual and by predicted class, and the same as shares of the actual class: None where it has no rows."""

    counts: list[list[int]]
    rates: list[list[float | None]]


@dataclass(frozen=True, kw_only=True)
class ConfusedPair(Record):
    """Rows of one class that were predicted as another: number, share of the class, the most confident."""

    actual: str
    predicted: str
    count: int
    share: float
    rows: list[int]


@dataclass(frozen=True, kw_only=True)
class Curve(Record):
    """A curve of a class with few enough points for a page, and the area below it."""

    name: str
    x: list[float]
    y: list[float]
    area: float | None

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """The name was called `class`."""
        return found | {"name": found.pop("class")} if "class" in found else found


@dataclass(frozen=True, kw_only=True)
class CalibrationBin(Record):
    """Rows whose confidence lies between `low` and `high`: its mean, the share that is right, and how many they are."""

    low: float
    high: float
    confidence: float
    accuracy: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class Selective(Record):
    """Accuracy of the most confident shares of the rows."""

    share: list[float]
    accuracy: list[float]


@dataclass(frozen=True, kw_only=True)
class ClassCurves(Record):
    """Curves of a classification."""

    roc: list[Curve]
    precision_recall: list[Curve]
    calibration: list[CalibrationBin]
    selective: Selective


@dataclass(frozen=True, kw_only=True)
class Examples(Record):
    """Numbers of the rows that the model does worst and best on."""

    worst: list[int]
    best: list[int]


@dataclass(frozen=True, kw_only=True)
class ExampleRow(Record):
    """A row that is shown: of classes the probability, of numbers the difference and the members' spread."""

    row: int
    actual: str | float
    predicted: str | float
    probability: float | None = None
    difference: float | None = None
    std: float | None = None


@dataclass(frozen=True, kw_only=True)
class PredictionInterval(Record):
    """Intervals of predictions.

    Attributes:
        name: By what they are made.
        says: How to read them.
        level: The share of targets that they promise to hold.
        coverage: The share that they hold; the interval is Wilson's.
        width: Mean width.
    """

    name: str
    says: str
    level: float
    coverage: Estimate
    width: float

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """The ends of the coverage were written among the other keys."""
        if not isinstance(found.get("coverage"), dict):
            ends = {"low": found.pop("coverage_low", None), "high": found.pop("coverage_high", None)}
            found["coverage"] = {"mean": found.get("coverage"), **ends}
        return found


@dataclass(frozen=True, kw_only=True)
class Agreement(Record):
    """Quality of the mean of several members, or of passes with dropout, and how far they agree (in nats)."""

    name: str
    says: str
    accuracy: float | None
    calibration_error: float | None
    log_loss: float | None
    mutual_information: float


@dataclass(frozen=True, kw_only=True)
class Residuals(Record):
    """Rows of a test of numbers: predictions, targets, targets less predictions, spread of the members."""

    predicted: list[float]
    actual: list[float]
    residual: list[float]
    std: list[float | None]


@dataclass(frozen=True, kw_only=True)
class NormalQuantiles(Record):
    """Ordered residuals beside the quantiles of the standard normal distribution."""

    normal: list[float]
    residual: list[float]


@dataclass(frozen=True, kw_only=True)
class DetailsRecord(Record):
    """The test part in detail. Of numbers there are residuals and intervals, of classes all else.

    Of labels, of which a row may have several, there are measures and curves; `classes` and `per_class` are theirs.

    Attributes:
        kind: What is predicted.
        rows: Test rows.
        members: Members of the model.
        measures: By name.
        examples: The rows that are shown.
        rows_table: What they are and what is predicted of them.
        notes: What a reader should know.
        images: Pictures of the shown rows by their numbers; empty where rows are no images.
    """

    kind: Literal["classes", "labels", "numbers"]
    rows: int
    members: int = 1
    measures: dict[str, Measure] = field(default_factory=dict)
    examples: Examples
    rows_table: list[ExampleRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    images: dict[str, Image] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    per_class: list[ClassMeasures] = field(default_factory=list)
    confusion: Confusion = Confusion(counts=[], rates=[])
    confused: list[ConfusedPair] = field(default_factory=list)
    curves: ClassCurves = ClassCurves(
        roc=[], precision_recall=[], calibration=[], selective=Selective(share=[], accuracy=[])
    )
    agreements: list[Agreement] = field(default_factory=list)
    residuals: Residuals = Residuals(predicted=[], actual=[], residual=[], std=[])
    quantiles: NormalQuantiles = NormalQuantiles(normal=[], residual=[])
    intervals: list[PredictionInterval] = field(default_factory=list)

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """Agreement of members about classes was called `intervals`."""
        if found.get("kind") == "classes" and "agreements" not in found:
            found["agreements"] = found.pop("intervals", [])
        return found

    def __post_init__(self) -> None:
        numbers = [*self.examples.worst, *self.examples.best]
        if any(not 0 <= number < self.rows for number in numbers):
            raise ValueError(f"examples names a row that is none of {self.rows}")
