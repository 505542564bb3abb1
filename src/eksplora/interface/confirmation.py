"""A confirmed search as an object: how good its best configurations are on fresh members, and the model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eksplora.interface.look import lines, number, table
from eksplora.interface.model import Model
from eksplora.records.confirm import Configuration, ConfirmRecord
from eksplora.records.estimate import Estimate
from eksplora.records.folder import read_record

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, repr=False)
class Confirmation:
    """Configurations on members that the search never saw.

    Attributes:
        experiment: The experiment.
        chosen: Name of the chosen configuration: a trial of the search, or `baseline`, the experiment's own.
        estimate: Its objective with interval and scope.
        model: The chosen configuration, trained on all rows of the training part.
    """

    experiment: str
    chosen: str
    estimate: Estimate
    model: Model
    _record: ConfirmRecord

    @property
    def verdicts(self) -> list[str]:
        """Sentences on the configurations against the chosen one, and its headline."""
        others = [one.versus_best for one in self._record.configurations if one.versus_best is not None]
        return [self._record.headline, *(one.in_words for one in others)]

    @property
    def configurations(self) -> "DataFrame":
        """A row for each configuration, best first: its mean with interval, and what the search saw of it."""
        return rows_of(self._record.configurations)

    def __repr__(self) -> str:
        return lines(f"Confirmation of {self.experiment}", self._facts())

    def _repr_html_(self) -> str:
        return table(f"Confirmation of {self.experiment}", self._facts())

    def _facts(self) -> dict[str, str]:
        return {"chosen": self.chosen, **estimated(self.estimate, self._record.metric), "verdict": self.verdicts[0]}


def estimated(estimate: Estimate, metric: str) -> dict[str, str]:
    """A value in words: itself, its interval, what it is about."""
    facts = {metric: number(estimate.mean)}
    if estimate.low is not None and estimate.high is not None:
        facts["interval"] = f"{number(estimate.low)} to {number(estimate.high)} (95%)"
    return facts | ({"scope": estimate.scope} if estimate.scope else {})


def rows_of(configurations: list[Configuration]) -> "DataFrame":
    """Configurations as a table."""
    import pandas as pd

    rows = [
        {
            "name": one.name,
            "mean": one.known.mean,
            "low": one.known.low,
            "high": one.known.high,
            "std": one.known.std,
            "members": len(one.members),
            "found_by_search": one.found_by_search,
            "versus_best": one.versus_best.verdict if one.versus_best else "",
            **{key: tuple(value) if isinstance(value, list) else value for key, value in one.values.items()},
        }
        for one in configurations
    ]
    numbers = ("mean", "low", "high", "std", "found_by_search")
    return pd.DataFrame(rows).astype(dict.fromkeys(numbers, float))


def confirmation_of(results: Path, experiment: str, folders: tuple[str, ...]) -> Confirmation:
    """The confirmation that lies in a folder of results.

    Args:
        results: The folder.
        experiment: Its experiment.
        folders: Folders of configurations besides those that are searched anyway.

    Raises:
        DataError: If it is not there, or cannot be read.
    """
    record = read_record(results, ConfirmRecord, experiment=experiment)
    model = Model(results / "confirm/model", folders)
    return Confirmation(experiment, record.chosen, record.best.known, model, record)
