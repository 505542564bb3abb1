"""How the members of a simulated study divide the rows: by the product's own protocols."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from eksplora.protocol import holdout, kfold, resample, splits_of, spread
from eksplora.types import Cut, Judges, Split


@dataclass(frozen=True)
class Design:
    """A protocol with its members.

    Attributes:
        protocol: Without its seed.
        members: Of a configuration; they take the splits in turn, as those of a study do.
        judges: Which rows may validate.
    """

    protocol: Callable[..., tuple[Split, ...]]
    members: int
    judges: Judges = "all"

    def cut(self, rows: int, seed: int) -> "Division":
        """The members' splits of so many rows."""
        protocol = partial(self.protocol, seed=seed, stratified=False)
        known = splits_of(protocol, np.zeros(rows), Cut(members=self.members, judges=self.judges))
        splits = np.arange(self.members) % len(known)
        learned, judged = np.zeros((2, self.members, rows), dtype=bool)
        for member, number in enumerate(splits):
            learned[member, known[number].train] = judged[member, known[number].validation] = True
        return Division(splits, learned, judged)


@dataclass(frozen=True)
class Division:
    """Which member has which rows.

    Attributes:
        splits: The split of each member, (members,).
        learned: Whether a member learns from a row, (members, rows).
        judged: Whether it validates on it, (members, rows).
    """

    splits: NDArray[np.int64]
    learned: NDArray[np.bool_]
    judged: NDArray[np.bool_]

    @property
    def ratio(self) -> float:
        """Rows that a member validates on over rows that it learns from."""
        return float((self.judged.sum(1) / self.learned.sum(1)).mean())


_FIFTH = 0.2

DESIGNS: Mapping[str, Design] = {
    "holdout, 1 seed": Design(partial(holdout, validation_fraction=_FIFTH), 1),
    "holdout, 8 seeds": Design(partial(holdout, validation_fraction=_FIFTH), 8),
    "k-fold, 5 folds x 2 seeds": Design(partial(kfold, folds=5, repeats=1), 10),
    "k-fold, 5 folds x 2 repeats": Design(partial(kfold, folds=5, repeats=2), 10),
    "resample, 8 members": Design(partial(resample, validation_fraction=_FIFTH), 8),
    "spread, 8 members": Design(partial(spread, validation_fraction=_FIFTH), 8),
    "spread, 8 members, fresh rows": Design(partial(spread, validation_fraction=_FIFTH), 8, "later"),
    "spread, 16 members": Design(partial(spread, validation_fraction=_FIFTH), 16),
}
"""By name; the rows of `fresh rows` are those that did not judge a search, as in `confirm`."""
