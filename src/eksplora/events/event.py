"""What each kind of event holds, stated once; a line that is read back is checked against it.

Fields with a value are those that earlier versions did not write. Keys that are not listed are passed over.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, Field

from eksplora.types import Status
from eksplora.untrusted import is_name

T = TypeVar("T")

Count = Annotated[int, Field(ge=0, le=2**53)]
"""A number of something, or a time in milliseconds; what MLflow's databases and JSON's numbers can hold."""

Seed = Annotated[int, Field(ge=0, lt=2**64)]


def _check_name(text: str) -> str:
    if not is_name(text):
        raise ValueError("no name of letters, digits, '.', '_' and '-'")
    return text


Name = Annotated[str, AfterValidator(_check_name)]
"""What becomes a folder, or a part of a search in MLflow."""

Files = dict[str, str]
"""Paths in the study's folder, by the path that each file has as an artifact."""

Metrics = dict[str, float | None]
Curves = dict[str, list[float | None]]
Trainings = list[tuple[Count, Count]]
"""Trial and member of each."""


@dataclass
class Line(Generic[T]):
    """A line of a spool: `time` in milliseconds since the epoch."""

    kind: str
    time: Count
    data: T


@dataclass
class Dataset:
    """The data of a study: name, hash of the prepared arrays, rows of the training part."""

    name: str
    digest: str
    rows: Count


@dataclass
class Study:
    """The first event: what the study is, and where it comes from."""

    id: Name
    name: Name
    experiment: Name
    metric: str
    direction: Literal["minimize", "maximize"]
    params: dict[str, Any]
    tags: dict[str, Any]
    provenance: dict[str, str]
    texts: dict[str, str]
    members: str = "1 seed"
    definition: dict[str, Any] = field(default_factory=dict)
    parent: tuple[Name, Name] | None = None
    dataset: Dataset | None = None


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


@dataclass
class Trial:
    """A trial begins, or goes on."""

    trial: Count
    params: dict[str, Any]
    searched: dict[str, Any]
    config: str
    members: list[TrialMember]
    tags: dict[str, Any]
    resolved: dict[str, Any] = field(default_factory=dict)
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

    populations: list[PackedPopulation]
    replaced: list[Count]
    reason: str


@dataclass
class Population:
    """A population goes to a worker for the first time."""

    population: Count
    trainings: Trainings


@dataclass
class PopulationEnd:
    """All of a population's results are in."""

    population: Count


@dataclass
class Judged:
    """What the pruner was told and said: (trial, epoch, objective, whether it gives the trial up)."""

    verdicts: list[tuple[Count, Count, float, bool]]


@dataclass
class Epochs:
    """Epochs of a member: one value per epoch from `first` on in each curve, and the time of each."""

    trial: Count
    member: Count
    first: Count
    curves: Curves
    times: list[Count]


@dataclass
class Member:
    """What came of a member."""

    trial: Count
    member: Count
    status: Status
    value: float | None
    best_epoch: Count
    epochs: Count
    step: Count
    seconds: float
    message: str = ""
    curves: Curves = field(default_factory=dict)
    weights: str | None = None
    weights_sha256: str | None = None
    device: str = "cpu"
    engine: str = "single"
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
    tags: dict[str, Any]
    artifacts: Files
    best_artifacts: Files
    best_trial: Count | None = None


@dataclass
class Evaluation:
    """The test part was opened for a trial; `members` has the metrics of each."""

    trial: Count
    metrics: Metrics
    members: list[Metrics]
    artifacts: Files


@dataclass
class Report:
    """A page was written about the model that the study trained."""

    artifacts: Files


LINES: dict[str, Any] = {
    "study": Line[Study],
    "start": Line[Start],
    "trial": Line[Trial],
    "packed": Line[Packed],
    "population": Line[Population],
    "population_end": Line[PopulationEnd],
    "judged": Line[Judged],
    "epochs": Line[Epochs],
    "member": Line[Member],
    "trial_end": Line[TrialEnd],
    "stop": Line[Stop],
    "evaluation": Line[Evaluation],
    "report": Line[Report],
}
"""The line of each kind of event."""

OTHER = Line[dict[str, Any]]
"""The line of a kind that a newer version writes."""
