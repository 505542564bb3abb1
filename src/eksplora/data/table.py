"""A user's own table as a data set: read by the rules of `eksplora.table`, prepared as a matrix of numbers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.data import _scaling
from eksplora.data.card import PreparedData, Rows
from eksplora.data.dataset import Dataset
from eksplora.errors import DataError
from eksplora.table import TableCard, TableOptions, examine, fingerprint_of
from eksplora.table.check import check_options, kinds_of
from eksplora.table.examination import as_json, name_of, prepared


class Table(Dataset):
    """A table: every column but the target is a feature, unless it has another role or cannot be one.

    Source: kinds of columns are found as by skrub's TableVectorizer, https://skrub-data.org.

    Args:
        path: The file: CSV, TSV, Parquet or Feather; text may be compressed by gzip.
        target: The column to predict, or a list of several.
        fingerprint: Of the file's content and of how it is read; None: found now.
        task: `regression`, `binary`, `classification` or `multilabel`; None: as the target's values say.
        group: A column whose rows of one value stay in one part.
        time: A column by which the latest rows are the test part.
        part: A column that says which rows are test rows.
        identifier: A column that names rows.
        weight: A column with the weights of rows.
        drop: Columns that are left out.
        columns: Kinds of columns, by name; or texts such as `zip=category`.
        separator: Between cells; None: found.
        decimal: `.` or `,`; None: found.
        encoding: Of a text; None: found.
        one_hot: Most categories of a column that get a column each.
        rare: Categories of fewer training rows count as `other`.
        test_fraction: Share of the rows in the test part.
        split_seed: Decides which rows are test rows.
        shared: What every data set has, see `Dataset`. Columns of codes and of 0 and 1 are not scaled.

    Raises:
        ConfigError: A value is out of range; the message names its key.
    """

    licence = "not stated"

    def __init__(
        self,
        *,
        path: str | None,
        target: str | Sequence[str] | None,
        fingerprint: str | None,
        task: str | None,
        group: str | None,
        time: str | None,
        part: str | None,
        identifier: str | None,
        weight: str | None,
        drop: Sequence[str],
        columns: Mapping[str, str] | Sequence[str],
        separator: str | None,
        decimal: str | None,
        encoding: str | None,
        one_hot: int,
        rare: int,
        test_fraction: float,
        split_seed: int,
        **shared: Any,
    ) -> None:
        self.options = TableOptions(
            path=path or "",
            target=target if isinstance(target, str) else tuple(target or ()),
            group=group,
            time=time,
            part=part,
            identifier=identifier,
            weight=weight,
            drop=tuple(drop),
            columns=kinds_of(columns),
            task=task,
            separator=separator,
            decimal=decimal,
            encoding=encoding,
            one_hot=one_hot,
            rare=rare,
            test_fraction=test_fraction,
            split_seed=split_seed,
        )
        check_options(self.options)
        self.fingerprint = fingerprint or fingerprint_of(self.options)
        self.name = name_of(Path(self.options.path))  # type: ignore[misc]  # of a table each has its own
        self.source = Path(self.options.path).name  # type: ignore[misc]
        super().__init__(**shared, test_fraction=test_fraction, split_seed=split_seed)
        self.folder = self.root / "prepared" / f"{self.name}-{self.fingerprint[:12]}"
        self.split = {"method": "by the rules of a table", "fingerprint": self.fingerprint}

    def examine(self) -> TableCard:
        """The card of the table; the file is read once for all commands.

        Raises:
            UserError: As `eksplora.table.examine`.
        """
        return examine(self.options, root=self.root)

    def made(self) -> tuple[PreparedData, dict[str, Any]]:
        """Both parts as numbers, and the table's card.

        Raises:
            DataError: If the file is not the one that the configuration was made for.
        """
        card, rows = prepared(self.options, root=self.root)
        if card.fingerprint != self.fingerprint:
            raise DataError(
                f"data.path: {self.options.path} has changed since data.fingerprint was recorded. Leave "
                "data.fingerprint out for what it is now, or bring that file back."
            )
        none = (None, None)
        both = zip(rows.features, rows.targets, rows.groups or none, rows.weights or none, strict=True)
        train, test = (Rows(*own) for own in both)
        classes = None if card.classes is None else list(card.classes)
        return PreparedData(train, test, list(card.feature_names), classes), facts_of(card)

    def fitted_scaling(self, features: NDArray[Any], rows: NDArray[np.int64]) -> _scaling.Scaling:
        """The scaling that rows to learn from ask for; what is missing in them counts for nothing."""
        card = self.card()
        codes = [number for number, _ in card["codes"]]
        return _scaling.for_table(self.scaling, features, codes=codes, flags=card["flags"], rows=rows)


def facts_of(card: TableCard) -> dict[str, Any]:
    """Keys of a prepared card that only tables have."""
    return {
        "target_names": [target.name for target in card.targets],
        "codes": [list(entry) for entry in card.codes],
        "flags": list(card.flags()),
        "table": json.loads(as_json(card)),
    } | ({"task": "multilabel"} if card.task == "multilabel" else {})
