"""A data set: fetched once, prepared once, described by its card, and opened part by part."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from eksplora.counter import derive
from eksplora.data import _raw, _scaling, _store, _verify
from eksplora.data.card import FORMAT, PreparedData, RawData, Rows, check_shape, describe
from eksplora.errors import ConfigError, DataError, command_line, nearest
from eksplora.ranges import Range, check_choice, check_flag, check_fraction, check_seed, refusal
from eksplora.splitting.rows import split_rows

PartName = Literal["train", "test"]


class Dataset:
    """A data set with a raw form under `<root>/raw/<name>`, made into a prepared form under `<root>/prepared/<name>`.

    A subclass says where the data come from (`name`, `source`, `licence`, `from_source`, and `source_files` where that
    reads files); how the raw form is read, where that is files of the source (`read`); and, where the split is not ours
    to choose, what it is (`fixed_split`, `cut`).

    Args:
        root: Folder of raw and prepared data.
        batch_size: Rows per optimizer step, or `full` for all rows to learn from.
        scaling: `standard`, `minmax`, `robust`, `quantile`, `pixel`, `channel` or `none`; fitted on the rows to learn
            from.
        input_shape: Shape of one row's features; checked against the data.
        num_classes: Number of classes, or None for a regression; checked against the data.
        num_targets: Numbers to predict per row, or None for classes; checked against the data.
        stratified: Whether parts keep the proportions of the classes.
        test_fraction: Share of all rows in the test part; None where the split is fixed.
        split_seed: Decides which rows are test rows; None where the split is fixed.
        target_scaling: `none`, or for the targets of a regression `standard` or `log`; fitted as `scaling` is.
        excluded: Names of features that the network does not see: they are 0 to it, in every row.

    Raises:
        ConfigError: A value is out of range; the message names its key.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    licence: ClassVar[str]
    fixed_split: ClassVar[str | None] = None

    def __init__(
        self,
        *,
        root: str,
        batch_size: int | str,
        scaling: str,
        input_shape: Sequence[int],
        num_classes: int | None,
        num_targets: int | None,
        stratified: bool,
        test_fraction: float | None = None,
        split_seed: int | None = None,
        target_scaling: str = "none",
        excluded: Sequence[str] = (),
    ) -> None:
        check_batch(batch_size)
        if isinstance(input_shape, str) or not isinstance(input_shape, Sequence):
            raise ConfigError(refusal("data.input_shape", "a list of sizes", input_shape, "[13]"))
        check_flag(stratified, "data.stratified")
        check_choice(scaling, "data.scaling", _scaling.KINDS)
        check_choice(target_scaling, "data.target_scaling", _scaling.TARGET_KINDS)
        if target_scaling != "none" and num_targets is None:
            raise ConfigError(
                f"data.target_scaling={target_scaling}: classes are no numbers to scale. Set data.target_scaling=none."
            )
        self.target_scaling, self.excluded = target_scaling, _names(excluded)
        self.root, self.batch_size, self.scaling, self.stratified = Path(root), batch_size, scaling, stratified
        self.stated = {"input_shape": list(input_shape), "num_classes": num_classes, "num_targets": num_targets}
        self.split = self._split_parameters(test_fraction, split_seed)
        self.folder = self.root / "prepared" / self.name
        self.raw_folder = self.root / "raw" / self.name

    def from_source(self) -> RawData:
        """The source's rows in its own order; asked only where there is no raw form. Heavy imports belong inside."""
        raise NotImplementedError(f"{type(self).__name__} has neither from_source nor made")

    def source_files(self) -> Sequence[Path]:
        """The files that `from_source` reads: where a person edits one, raw and prepared form are made anew."""
        return ()

    def read(self) -> Rows:
        """The rows of the raw form, in the source's order; called after its hashes were found to agree."""
        way_out = f"Delete the folder {self.raw_folder}. {self._way_out()}"
        arrays = _verify.read_card(self.raw_folder, "fetched", way_out).get("arrays", {})
        missing = [name for name in ("features", "targets") if name not in arrays]
        if missing:
            raise DataError(f"{self.raw_folder} holds no array {missing[0]}. {way_out}")
        known = [name for name in Rows.__dataclass_fields__ if name in arrays]
        return Rows(
            **{
                name: np.array(_verify.map_array(self.raw_folder / f"{name}.npy", arrays[name], way_out))
                for name in known
            }
        )

    def cut(self, rows: Rows) -> tuple[Rows, Rows]:
        """Training and test rows: here by the seeded split of `test_fraction` and `split_seed`, of whole groups."""
        seed = derive(self.split["seed"], "test")
        fraction = self.split["test_fraction"]
        train, test = split_rows(
            rows.targets, fraction, seed, self.stratified, key="data.test_fraction", groups=rows.groups
        )
        return rows.take(train), rows.take(test)

    def made(self) -> tuple[PreparedData, dict[str, Any]]:
        """Both parts, and what the card says besides: here of the raw form, which is made if it is not there.

        A data set whose raw form is the user's own file says here what is made of it, and has no `from_source`.
        """
        raw = self.fetch()
        train, test = self.cut(self.read())
        facts: dict[str, Any] = {key: raw[key] for key in ("sources", "target_names", "codes") if key in raw}
        return PreparedData(train, test, raw["feature_names"], raw["classes"]), facts

    def fetch(self) -> dict[str, Any]:
        """Make the raw form unless it is there already, and return its card; each of its files has the card's hash.

        Once it is there the source is asked again only where one of its files has been edited. Several processes may
        call it at once; a kill at any moment leaves nothing half-written in its place.

        Raises:
            DataError: The source is missing or altered, or the raw form has changed since it was fetched.
            StorageError: The root cannot be written or the disk is full.
        """
        return _raw.fetched(self.raw_folder, self._origin(), self.from_source, self.source_files())

    def prepare(self) -> dict[str, Any]:
        """Make the prepared form, from the raw one, unless it is there already, and return its card.

        A prepared form does not need the raw one. Several processes may call it at once; a kill at any moment leaves
        nothing half-written in its place.

        Raises:
            ConfigError: `input_shape`, `num_classes` or `num_targets` do not fit the data.
            DataError: See `fetch`.
            StorageError: The root cannot be written or the disk is full.
        """
        _store.once(self.folder, self._is_prepared, self._build)
        return self.card()

    def card(self) -> dict[str, Any]:
        """Description of the prepared form; see `card.describe` and `conf/data`.

        Raises:
            ConfigError: `input_shape`, `num_classes` or `num_targets` do not fit the data.
            DataError: The card is missing or altered, or describes another split.
        """
        card = _verify.read_card(self.folder, "prepared", self._way_out())
        if card["split"] != self.split:
            raise DataError(f"{self.folder} was prepared with another split ({card['split']}). {self._way_out()}")
        self._check(card)
        return card

    def open(self, part: PartName) -> tuple[NDArray[Any], NDArray[Any]]:
        """Features and targets of a part as read-only memory maps; the other part's files are not touched.

        Raises:
            DataError: A file is missing or altered.
        """
        card = self.card()
        way_out = f"Delete the folder {self.folder}. {self._way_out()}"
        features, targets = (
            _verify.open_array(
                self.folder / f"{part}_{what}.npy",
                card["arrays"][f"{part}_{what}"],
                way_out,
                may_be_missing=what in _may_be_missing(card),
            )
            for what in ("features", "targets")
        )
        classes = self.stated["num_classes"]
        if classes is not None and len(targets) and (targets.min() < 0 or targets.max() >= classes):
            found = f"{targets.min()} to {targets.max()}"
            raise DataError(f"{self.folder}: the classes of {part} are {found}, its card has {classes}. {way_out}")
        return features, targets

    def beside(self, part: PartName, what: Literal["groups", "weights"]) -> NDArray[Any] | None:
        """The group (a number) or the weight of each row of a part, (rows,); None where the data have none.

        Raises:
            DataError: A file is missing or altered.
        """
        name = f"{part}_{what}"
        entry = self.card()["arrays"].get(name)
        if entry is None:
            return None
        way_out = f"Delete the folder {self.folder}. {self._way_out()}"
        return _verify.open_array(self.folder / f"{name}.npy", entry, way_out)

    def fitted_scaling(self, features: NDArray[Any], rows: NDArray[np.int64]) -> _scaling.Scaling:
        """The scaling of features (rows, ...) that the rows to learn from ask for; columns of codes stay."""
        codes = [column for column, _ in self.card().get("codes", ())]
        if codes:
            return _scaling.for_table(self.scaling, features, codes=codes, rows=rows)
        return _scaling.fit(self.scaling, features[rows])

    def excluded_columns(self) -> list[int]:
        """Numbers of the features that the network does not see.

        Raises:
            ConfigError: If the data have no feature of such a name, or would have none left.
        """
        if self.excluded and len(self.card()["input_shape"]) != 1:
            raise ConfigError(f"data.excluded: {self.name} is no table of features. Set data.excluded=[].")
        names = self.card()["feature_names"] if self.excluded else []
        for name in self.excluded:
            if name not in names:
                raise ConfigError(f"data.excluded: {self.name} has no feature '{name}'. {nearest(name, names)}")
        columns = sorted({names.index(name) for name in self.excluded})
        if self.excluded and len(columns) == len(names):
            raise ConfigError(f"data.excluded: no feature of {self.name} is left. Leave at least one.")
        return columns

    def rows(self, part: PartName) -> int:
        """Number of rows of a part, from the card."""
        return int(self.card()["rows"][part])

    def _split_parameters(self, test_fraction: float | None, split_seed: int | None) -> dict[str, Any]:
        if self.fixed_split is not None:
            if (test_fraction, split_seed) != (None, None):
                raise ConfigError(
                    f"data.test_fraction and data.split_seed: the split of {self.name} is fixed. Drop them."
                )
            return {"method": self.fixed_split}
        if test_fraction is None or split_seed is None:
            raise ConfigError(f"data.test_fraction and data.split_seed: {self.name} needs both. Try 0.2 and 0.")
        check_fraction(test_fraction, "data.test_fraction", usual=0.2)
        check_seed(split_seed, "data.split_seed")
        method = "seeded split, each class in proportion" if self.stratified else "seeded split"
        return {"method": method, "test_fraction": test_fraction, "seed": split_seed, "stratified": self.stratified}

    def _is_prepared(self) -> bool:
        try:
            card = _verify.read_card(self.folder, "prepared", "")
        except DataError:
            return False
        is_of_files = not _raw.changed(card, self.source_files())
        return bool(card["split"] == self.split and is_of_files and _verify.is_complete(self.folder, card))

    def _build(self) -> None:
        data, facts = self.made()
        for rows in (data.train, data.test):
            if rows.weights is not None and not (
                np.isfinite(rows.weights).all() and rows.weights.min(initial=0) >= 0 and rows.weights.any()
            ):
                raise DataError(
                    f"{self.name}: weights of rows are numbers of 0 or more, not all 0. Correct its source."
                )
        for name, array in data.arrays().items():
            if not _verify.are_numbers(array, may_be_missing=name.partition("_")[2] in _may_be_missing(facts)):
                raise DataError(f"{self.name}: {name} holds values that are no finite numbers. Correct its source.")
        card = {"format": FORMAT["prepared"], **self._origin(), "split": self.split, **describe(data), **facts}
        self._check(card)
        try:
            check_shape(card, data)
        except ValueError as error:
            raise DataError(f"{self.name}: {error}. Correct what its module gives as the source's rows.") from None
        _store.write(self.folder, data.arrays(), card)

    def _origin(self) -> dict[str, str]:
        return {"name": self.name, "source": self.source, "licence": self.licence}

    def _check(self, card: dict[str, Any]) -> None:
        for key, stated in self.stated.items():
            if card[key] != stated:
                raise ConfigError(f"data.{key} is {stated}, but {self.name} has {card[key]}. Set it to {card[key]}.")

    def _way_out(self) -> str:
        return f"Run `{command_line('prepare', data=self.name)}`."


def _may_be_missing(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Kinds of arrays in which a number may be missing (NaN): only cells of a user's own table, the targets aside."""
    return ("features",) if card.get("table") is not None else ()


def _names(excluded: Sequence[str]) -> tuple[str, ...]:
    if isinstance(excluded, str) or not all(isinstance(name, str) for name in excluded):
        raise ConfigError(refusal("data.excluded", "a list of names", excluded, f"[{excluded}]"))
    return tuple(excluded)


def check_batch(batch_size: int | str) -> None:
    """Refuse what is no number of rows."""
    Range(least=1, is_whole=True, also="full", usual=32).check(batch_size, "data.batch_size")
