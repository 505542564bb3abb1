"""Record of an evaluation."""

from dataclasses import dataclass, field

from eksplora.records.confirm import OfModel
from eksplora.records.estimate import Compared
from eksplora.records.measure import Measure
from eksplora.records.record import Record


@dataclass(frozen=True, kw_only=True)
class ColumnRecord(Record):
    """A column of a user's own table: its kind, and how many prepared columns are made of it.

    Attributes:
        content: Its range, or its most frequent values.
        counts: Rows in ten equal steps of the range, or of the most frequent values.
    """

    name: str
    kind: str
    role: str
    is_stated: bool
    missing: int
    distinct: int
    counts: list[int]
    content: str
    prepared: int


@dataclass(frozen=True, kw_only=True)
class DataRecord(Record):
    """A data set: its name, where it comes from, and how many rows each part has.

    Attributes:
        columns: Of a user's own table; empty for other data.
        warnings: Of the table's card, one sentence each.
        notes: How the table was read, one sentence each.
    """

    name: str
    source: str
    rows: dict[str, int]
    columns: list[ColumnRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class BiasVariance(Record):
    """The loss that a member is expected to have, and its bias and variance, see `statistics.decomposition`."""

    loss: float
    bias: float
    variance: float


@dataclass(frozen=True, kw_only=True)
class BesideBaseline(Record):
    """A plain baseline, fitted to all rows of the training part: its value, and the delivered model against it."""

    name: str
    value: float
    versus: Compared


@dataclass(frozen=True, kw_only=True)
class EvaluationRecord(OfModel):
    """A confirmed model on the test part.

    Attributes:
        experiment: Its experiment.
        headline: The result in a sentence.
        metric: The objective's metric.
        rows: Test rows.
        data: The data set; None: an earlier version did not write it.
        test: Measures by name.
        baselines: Plain baselines beside the delivered model, by the objective's metric; empty: an earlier version did
            not fit them.
        bias_variance: None for several targets at once.
        test_sha256: Hashes of the test part's features and targets.
        model: Name of the chosen configuration.
        opened: For how many confirmed models this test part has been opened; 0: not counted.
    """

    experiment: str = ""
    headline: str
    metric: str
    rows: int
    data: DataRecord | None = None
    test: dict[str, Measure]
    baselines: list[BesideBaseline] = field(default_factory=list)
    bias_variance: BiasVariance | None = None
    test_sha256: dict[str, str] = field(default_factory=dict)
    model: str = ""
    opened: int = 0
