"""A study as an object: what it found, in tables, sentences and pictures."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eksplora.config import Request, as_word
from eksplora.errors import ConfigError, DataError, nearest
from eksplora.interface.asked import Asked, numbers
from eksplora.interface.confirmation import Confirmation, confirmation_of, estimated
from eksplora.interface.look import Figure, lines, number, table
from eksplora.interface.running import Ran, in_one_line, run_stage, session
from eksplora.records.estimate import UNKNOWN, Estimate
from eksplora.records.record import read
from eksplora.records.search import SearchRecord, TrialRecord

if TYPE_CHECKING:
    from pandas import DataFrame

    from eksplora.study.run import Outcome

_OF_BUDGET = ("study.n_trials=", "study.timeout_seconds=")
_WAY_OUT = "Search again: the same call goes on."


@dataclass(frozen=True, repr=False)
class Study:
    """A search, as its records have it.

    Attributes:
        name: Its name.
        experiment: Its experiment.
        is_over: Whether all of its trials are done; False after a time limit: the same call goes on.
        folder: Where its trials lie.
        results: Folder of the experiment's results.
        estimate: The best trial's objective with its interval. It was chosen for being good, so it flatters.
        decisions: Sentences on what follows from a table or folder of one's own: task, loss, sizes, and warnings.
    """

    name: str
    experiment: str
    is_over: bool
    folder: Path
    results: Path
    estimate: Estimate
    decisions: tuple[str, ...]
    _record: SearchRecord
    _asked: Asked
    _given: str | None
    _confirmed: dict[str, int | None] = field(default_factory=dict, compare=False)

    @property
    def metric(self) -> str:
        """Name of the objective, such as `val/mae`."""
        return self._record.metric

    @property
    def direction(self) -> str:
        """Whether the objective is to be small (`minimize`) or large (`maximize`)."""
        return self._record.direction

    @property
    def best(self) -> TrialRecord:
        """The best trial: its `value`, `members`, `values`.

        Raises:
            DataError: If no trial finished.
        """
        if self._record.best is None:
            raise DataError(f"{self.name}: no trial has finished. {_WAY_OUT}")
        return self._record.best

    @property
    def trials(self) -> "DataFrame":
        """A row for each trial: number, status, the objective under its name, spread, epochs, seconds, its values."""
        import pandas as pd

        rows = [
            {
                "trial": one.trial,
                "status": one.status,
                self.metric: one.value,
                "std": one.std,
                "members": len(one.members),
                "epochs": one.epochs,
                "seconds": one.seconds,
                **{key: tuple(value) if isinstance(value, list) else value for key, value in one.values.items()},
            }
            for one in self._record.all_trials
        ]
        frame = pd.DataFrame(rows).astype({"trial": int, "status": "category"}) if rows else pd.DataFrame()
        return frame.astype({self.metric: float, "std": float}) if rows else frame

    @property
    def verdicts(self) -> list[str]:
        """Sentences on the best trials, each with its scope; empty with one member, which shows no difference."""
        return [one.in_words for one in self._record.verdicts]

    def plot(self, kind: str = "history") -> Figure:
        """A picture of the study.

        Args:
            kind: `history`, `parallel_coordinates`, `slices` or `importance`.

        Raises:
            ConfigError: If there is no such picture, or too few trials for it.
        """
        from eksplora.search.plots import pages

        drawn = dict(pages(self._record))
        if kind not in drawn:
            raise ConfigError(f"kind: '{kind}' is no picture of this study. {nearest(kind, drawn)}")
        return Figure(drawn[kind])

    @in_one_line
    def confirm(self, *, members: int | None = None, best: int | None = None) -> Confirmation:
        """Train the best configurations anew, on members that the search never saw; the best of them on all rows.

        A study that a time limit ended is closed first: trials under way are trained to their end, none begins.

        Args:
            members: Fresh members of each configuration; None: 8.
            best: Configurations of the search that are confirmed; None: 3.

        Raises:
            UserError: For what the caller can correct, in one line.
            KeyboardInterrupt: After Ctrl-C; the same call goes on.
        """
        given = numbers(members=members, best=best)
        with session(self._asked.folders):
            self._hand_on()
            run_stage("confirm", [*self._asked.words, *given, *self._how, self._output])
        self._confirmed.update(members=members, best=best)
        return confirmation_of(self.results, self.experiment, self._asked.folders)

    @in_one_line
    def report(self, *, members: int | None = None, best: int | None = None) -> Path:
        """Confirm, measure on the test part, explain, and write the report of it all; returns its path.

        What is trained already is not trained again.

        Args:
            members: As `confirm` takes them; None: as `confirm` was last called.
            best: The same.
        """
        last = self._confirmed
        self.confirm(
            members=last.get("members") if members is None else members, best=last.get("best") if best is None else best
        )
        with session(self._asked.folders):
            for stage in ("evaluate", "explain", "report"):
                run_stage(stage, [*self._asked.words, *self._how, self._output])
        return self.results / "report.html"

    def _hand_on(self) -> None:
        """Let later stages find this study in the folder of results, whatever was searched there since."""
        if not self.is_over:
            trials = numbers(trials=max(1, len(self._record.all_trials)))
            own = [word for word in self._asked.numbers if not word.startswith(_OF_BUDGET)]
            run(replace(self._asked, numbers=(*own, *trials)), self._given)
        elif self._handed_on() != self.name:
            run(self._asked, self._given)

    def _handed_on(self) -> str | None:
        """Name of the study that lies in the folder of results."""
        path = self.results / "search/search.json"
        return read(path, SearchRecord, way_out=_WAY_OUT).study if path.is_file() else None

    @property
    def _how(self) -> list[str]:
        """Overrides of how a study runs, for any stage."""
        return [word for word in self._asked.numbers if word.startswith("study.workers=")]

    @property
    def _output(self) -> str:
        return f"output={as_word('output', str(self.results))}"

    def __repr__(self) -> str:
        return lines(f"Study {self.name}", self._facts())

    def _repr_html_(self) -> str:
        return table(f"Study {self.name}", self._facts())

    def _facts(self) -> dict[str, str]:
        counts = ", ".join(f"{count} {status}" for status, count in self._record.trials.items()) or "none"
        facts = {"trials": counts if self.is_over else f"{counts} so far; the same call goes on"}
        if self._record.best is not None:
            facts |= best_facts(self._record.best, self.estimate, self.metric)
            facts["caution"] = (
                f"the best of {len(self._record.finished)} is optimistic; .confirm() measures it on fresh members"
            )
        for folder in self._asked.folders:
            facts["network"] = f"its source is in {folder}; commands of the shell take --config-dir {folder}"
        warned = [text.removeprefix("warning: ") for text in self.decisions if text.startswith("warning: ")]
        return (
            facts
            | ({"verdict": self.verdicts[0]} if self.verdicts else {})
            | {f"warning {place}": text for place, text in enumerate(warned, 1)}
        )


def best_facts(best: TrialRecord, estimate: Estimate, metric: str) -> dict[str, str]:
    """The best trial in words: what it is, its value, its interval, what that is about."""
    values = ", ".join(f"{key}={number(value)}" for key, value in best.values.items())
    return {"best": f"trial {best.trial}: {values}" if values else f"trial {best.trial}", **estimated(estimate, metric)}


def run(asked: Asked, name: str | None) -> Study:
    """Run or resume the study that is asked for, within a `session`."""
    own = [] if name is None else [f"study.name={as_word('name', name)}"]
    folder = "output=${paths.results}/" + (name or "${experiment}")
    ran = run_stage("search", [*asked.all, *own, folder])
    return study_of(ran, asked, name)


def study_of(ran: Ran, asked: Asked, given: str | None) -> Study:
    """The object of a study that has run.

    Args:
        ran: The stage.
        asked: What was asked for.
        given: The name that was given; None: there was none.
    """
    outcome = ran.result
    record = read(outcome.folder / "summary/search.json", SearchRecord, way_out=_WAY_OUT)
    return Study(
        name=outcome.name,
        experiment=record.experiment,
        is_over=outcome.is_over,
        folder=outcome.folder,
        results=Path(ran.request.settings.output),
        estimate=_estimate(outcome),
        decisions=_decisions(ran.request),
        _record=record,
        _asked=asked,
        _given=given,
    )


def _decisions(request: Request) -> tuple[str, ...]:
    own = request.own_data
    if own is None:
        return ()
    found = [f"{one.key} is {one.value}, {one.reason}" for one in own.derived if one.reason]
    return (*found, *getattr(own.card, "notes", ()), *(f"warning: {warning}" for warning in own.card.warnings))


def _estimate(outcome: "Outcome") -> Estimate:
    from eksplora.statistics.bounded import estimate
    from eksplora.study.findings import sample_of

    best: Any = outcome.ledger.best
    return UNKNOWN if best is None else estimate(sample_of(best, outcome.folder), outcome.metric)
