"""The configurations that are confirmed: the best of a search, and the experiment's own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from eksplora.counter import fingerprint
from eksplora.errors import DataError
from eksplora.records.search import SearchRecord
from eksplora.study.display import OWN
from eksplora.study.spec import Configure
from eksplora.types import Config

BASELINE = "baseline"
"""Name of the experiment's own configuration, as its files state it."""


def in_words(name: str) -> str:
    """A candidate by its name, as a person knows it.

    Examples:
        >>> in_words("trial-13"), in_words("baseline")
        ('trial-13 of the search', "the experiment's own")
    """
    return OWN if name == BASELINE else f"{name} of the search"


@dataclass(frozen=True)
class Candidate:
    """A configuration to confirm.

    Attributes:
        name: `baseline`, or the trial that it was, e.g. `trial-12`.
        values: What was searched in that trial.
        config: The resolved configuration.
        found: The objective that the search saw; None for a baseline that is not among its best.
    """

    name: str
    values: Mapping[str, Any]
    config: Config
    found: float | None

    @property
    def key(self) -> str:
        """Fingerprint of the configuration."""
        return fingerprint(self.config)


def candidates(configure: Configure, searched: SearchRecord, best: int) -> list[Candidate]:
    """The `best` best trials of a search and the baseline, without repeats, best first.

    A trial that had the baseline's configuration is the baseline, with the values and the objective of the search.

    Args:
        configure: Makes configurations as the search did.
        searched: What the search handed on.
        best: How many of its trials.

    Raises:
        DataError: If the search found nothing, or was of another configuration than the present one.
    """
    ranked = searched.ranked[:best]
    if not ranked:
        raise DataError(f"The search {searched.study} has no finished trial. Search more: study.n_trials.")
    found = []
    for trial in ranked:
        candidate = Candidate(f"trial-{trial.trial}", trial.values, configure(trial.values), trial.value)
        if candidate.key != trial.key:
            raise DataError(
                f"Trial {trial.trial} of {searched.study} was of another configuration than the present files "
                "make of it. Search again, or give the overrides that the search was given."
            )
        found.append(candidate)
    baseline = Candidate(BASELINE, {}, configure({}), None)
    if baseline.key not in [candidate.key for candidate in found]:
        return [*found, baseline]
    return [replace(one, name=BASELINE) if one.key == baseline.key else one for one in found]
