"""Kinds of events, each stated once: `line` writes it from here, reads it into here, and checks it against it.

Fields with a value are those that earlier versions did not write. Keys that are not listed are passed over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Interval

from eksplora.types import Command, Direction, Judges, Status
from eksplora.untrusted import is_name

Count = Annotated[int, Interval(ge=0, le=2**53)]
"""A number of something, or a time in milliseconds; what MLflow's databases and JSON's numbers can hold."""

Seed = Annotated[int, Interval(ge=0, lt=2**64)]


class _IsName:
    """Lets pydantic refuse a text that is no name."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        from pydantic_core import core_schema  # a new study reads nothing back

        return core_schema.no_info_after_validator_function(_check_name, handler(source))


def _check_name(text: str) -> str:
    if not is_name(text):
        raise ValueError("no name of letters, digits, '.', '_' and '-'")
    return text


Name = Annotated[str, _IsName()]
"""Names that become a folder, or a part of a search in MLflow."""

Files = Mapping[str, str]
"""Paths in the study's folder, by the path that each file has as an artifact."""

Metrics = Mapping[str, float | None]
Curves = Mapping[str, Sequence[float | None]]
Trainings = Sequence[tuple[Count, Count]]
"""Trial and member of each."""


@dataclass
class StudyDataset:
    """The data of a study: name, hash of the prepared arrays, rows of the training part.

    Attributes:
        columns: Of a user's own table: the kind of each, by name.
        warnings: Of the table's card, one sentence each.
    """

    name: str
    digest: str
    rows: Count
    columns: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass
class StudyEvent:
    """The first event: what the study is, and where it comes from."""

    id: Name
    name: Name
    experiment: Name
    metric: str
    direction: Direction
    params: Mapping[str, Any]
    tags: Mapping[str, Any]
    provenance: Mapping[str, str]
    texts: Mapping[str, str]
    members: str = "1 seed"
    definition: Mapping[str, Any] | None = None
    parent: tuple[Name, Name] | None = None
    dataset: StudyDataset | None = None
    command: Command | None = None


@dataclass
class Start:
    """A driver begins, or goes on."""

    pid: Count = 0
    workers: Count | None = None
    threads: Count | None = None


@dataclass
class TrialMember:
    """A training of a trial."""

    index: Count
    seed: Seed
    fold: Count = 0
    members: Count = 1
    judges: Judges = "all"
    outer_fold: Count = 0
    outer_folds: Count = 0
    outer_seed: Seed = 0


@dataclass
class TrialEvent:
    """A trial begins, or goes on."""

    trial: Count
    params: Mapping[str, Any]
    searched: dict[str, Any]
    config: str
    members: Sequence[TrialMember]
    tags: Mapping[str, Any]
    resolved: dict[str, Any] | None = None
    key: str = ""
    repeats: Count | None = None


@dataclass
class PackedPopulation:
    """Trainings that go together."""

    population: Count
    trainings: Trainings


@dataclass
class Packed:
    """Trainings were put together, or populations cut into others."""

    populations: Sequence[PackedPopulation]
    replaced: Sequence[Count]
    reason: str


@dataclass
class PopulationEvent:
    """A population goes to a worker for the first time."""

    population: Count
    trainings: Trainings


@dataclass
class PopulationEnd:
    """All of a population's results are in."""

    population: Count


@dataclass
class Judged:
    """The pruner's decisions: (trial, epoch, objective, whether it gives the trial up)."""

    verdicts: Sequence[tuple[Count, Count, float, bool]]


@dataclass
class Epochs:
    """Epochs of a member: one value per epoch from `first` on in each curve, and the time of each."""

    trial: Count
    member: Count
    first: Count
    curves: Curves
    times: Sequence[Count]


@dataclass
class MemberEvent:
    """Result of a member."""

    trial: Count
    member: Count
    status: Status
    value: float | None
    best_epoch: Count
    epochs: Count
    step: Count
    seconds: float
    message: str = ""
    curves: Curves | None = None
    weights: str | None = None
    weights_sha256: str | None = None
    device: str | None = None
    engine: str | None = None
    test: Metrics = field(default_factory=dict)


@dataclass
class TrialEnd:
    """A trial is over, or was interrupted."""

    trial: Count
    status: Status
    value: float | None
    metrics: Metrics
    message: str
    artifacts: Files
    curves: Curves = field(default_factory=dict)


@dataclass
class Stop:
    """A driver ends."""

    status: Status
    message: str
    metrics: Metrics
    tags: Mapping[str, Any]
    artifacts: Files
    best_artifacts: Files
    best_trial: Count | None = None


@dataclass
class Evaluation:
    """The test part was opened for a trial; `members` has the metrics of each."""

    trial: Count
    metrics: Metrics
    members: Sequence[Metrics]
    artifacts: Files
    test_sha256: Mapping[str, str] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass
class ReportEvent:
    """A page was written about the model that the study trained; `sha256` has the hashes of its files."""

    artifacts: Files
    trial: Count = 0
    sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Other:
    """An event of a kind that a newer version writes."""

    kind: str
    data: dict[str, Any]


Body = (
    StudyEvent
    | Start
    | TrialEvent
    | Packed
    | PopulationEvent
    | PopulationEnd
    | Judged
    | Epochs
    | MemberEvent
    | TrialEnd
    | Stop
    | Evaluation
    | ReportEvent
    | Other
)
"""The particulars of an event."""

KINDS: Mapping[str, type[Any]] = {
    "study": StudyEvent,
    "start": Start,
    "trial": TrialEvent,
    "packed": Packed,
    "population": PopulationEvent,
    "population_end": PopulationEnd,
    "judged": Judged,
    "epochs": Epochs,
    "member": MemberEvent,
    "trial_end": TrialEnd,
    "stop": Stop,
    "evaluation": Evaluation,
    "report": ReportEvent,
}
"""The shape of each kind of event."""
