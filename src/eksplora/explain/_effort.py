"""Extent of the computations for a table: more for few features, less for many, so that neither takes long."""

from dataclasses import dataclass

_FIRST, _MOST = 1_000_000, 5_000_000
"""Rows that may go through the networks for a method, all members' together: repeats are chosen for the first number,
but not below their least; rows for the second. A million takes four layers of 128 units 2 to 5 seconds on one core."""


@dataclass(frozen=True)
class Effort:
    """Extent of the computations.

    Attributes:
        repeats: Shuffles of each column.
        background: Background rows that each explained row is compared with.
        turns: Pairs of orders of the features for each group of background rows.
        steps: Of integrated gradients.
        rows: Test rows on which columns are shuffled, at most.
        explained: Test rows that are explained one by one, at most.
    """

    repeats: int
    background: int
    turns: int = 1
    steps: int = 50
    rows: int = 2000
    explained: int = 200

    @classmethod
    def for_table(cls, rows: int, features: int, members: int) -> "Effort":
        """Effort of a few seconds: 3 to 30 shuffles of 200 to 2000 rows; 50 to 200 rows compared with 8 to 100 others.

        Args:
            rows: Of the test part.
            features: Of a row.
            members: How many networks there are.

        Examples:
            >>> Effort.for_table(rows=102, features=13, members=8)
            Effort(repeats=30, background=47, turns=1, steps=50, rows=2000, explained=200)
        """
        columns = features * members
        shuffled = _between(200, _MOST // (3 * columns), 2000)
        explained = _between(50, _MOST // (2 * 8 * columns), 200)
        return cls(
            repeats=_between(3, _FIRST // (min(rows, shuffled) * columns), 30),
            background=_between(8, _FIRST // (2 * min(rows, explained) * columns), 100),
            rows=shuffled,
            explained=explained,
        )


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))
