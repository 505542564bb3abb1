"""A study as an object: what it found, in tables, sentences and pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eksplora.errors import ConfigError, DataError, nearest
from eksplora.interface.asked import Asked
from eksplora.interface.look import Figure, lines, number, table
from eksplora.records.estimate import UNKNOWN, Estimate
from eksplora.records.record import read
from eksplora.records.search import SearchRecord, TrialRecord

if TYPE_CHECKING:
    from pandas import DataFrame

    from eksplora.study.run import Outcome

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
    """

    name: str
    experiment: str
    is_over: bool
    folder: Path
    results: Path
    estimate: Estimate
    _record: SearchRecord
    _asked: Asked

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
                f"the best of {len(self._record.finished)} is too good by luck; .confirm() measures it anew"
            )
        return facts | ({"verdict": self.verdicts[0]} if self.verdicts else {})


def best_facts(best: TrialRecord, estimate: Estimate, metric: str) -> dict[str, str]:
    """The best trial in words: what it is, its value, its interval, what that is about."""
    values = ", ".join(f"{key}={number(value)}" for key, value in best.values.items())
    facts = {"best": f"trial {best.trial}: {values}" if values else f"trial {best.trial}"}
    facts[metric] = number(best.value)
    if estimate.low is not None and estimate.high is not None:
        facts["interval"] = f"{number(estimate.low)} to {number(estimate.high)} (95%)"
    return facts | ({"scope": estimate.scope} if estimate.scope else {})


def study_of(outcome: "Outcome", results: Path, asked: Asked) -> Study:
    """The object of a study that has run.

    Args:
        outcome: How it ended.
        results: Folder of the experiment's results.
        asked: What was asked for.
    """
    record = read(outcome.folder / "summary/search.json", SearchRecord, way_out=_WAY_OUT)
    return Study(
        name=outcome.name,
        experiment=record.experiment,
        is_over=outcome.is_over,
        folder=outcome.folder,
        results=results,
        estimate=_estimate(outcome),
        _record=record,
        _asked=asked,
    )


def _estimate(outcome: "Outcome") -> Estimate:
    from eksplora.statistics.bounded import estimate
    from eksplora.study.findings import sample_of

    best: Any = outcome.ledger.best
    return UNKNOWN if best is None else estimate(sample_of(best, outcome.folder), outcome.metric)
