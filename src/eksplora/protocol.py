"""Protocols, which cut the training part for each member: pure functions of the targets, their groups and a seed.

Rows of a group (visits of a patient, photographs of a scene) resemble each other, so that a part that judges must hold
whole groups: otherwise a network is judged on rows whose like it has learned. Where a function takes `groups`, (rows,),
whole groups are cut instead of rows; the parts are then as large as the groups allow.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.counter import derive
from eksplora.errors import ConfigError
from eksplora.ranges import check_count, check_seed
from eksplora.splitting.groups import Groups, groups_at, rows_or_groups
from eksplora.splitting.rows import RowIndices, checked_strata, partition, split_rows, strata_of
from eksplora.types import Cut, Judges, Split


def splits_of(
    protocol: Callable[..., tuple[Split, ...]],
    targets: NDArray[np.generic],
    cut: Cut = Cut(),  # noqa: B008  # it is frozen
    *,
    stratified: bool = False,
    groups: Groups = None,
) -> tuple[Split, ...]:
    """The splits that a protocol makes of the training part, or of the rows of it that are not held out.

    Args:
        protocol: A function of this module, or one's own, which needs to take `targets` alone.
        targets: Targets of the training part.
        cut: Members of a trial, for a protocol that gives each of them a split of its own; which rows may validate,
            for one that can tell; and which rows are held out from all of it.
        stratified: Whether each class is represented in proportion among the rows that are held out.
        groups: The group of each row; its rows stay together.

    Raises:
        ConfigError: The protocol divides a group, because it is one's own and does not take `groups`.
    """
    rows, held_out = np.arange(len(targets)), np.empty(0, dtype=np.int64)
    if cut.outer_folds:
        rows, held_out = outer_rows(targets, cut, stratified, groups)
    late = {"members": cut.members, "judges": cut.judges, "groups": None if groups is None else groups[rows]}
    known = inspect.signature(protocol).parameters
    own: dict[str, Any] = {name: value for name, value in late.items() if name in known}
    splits = tuple(
        Split(train=rows[split.train], validation=rows[split.validation], held_out=held_out)
        for split in protocol(targets=targets[rows], **own)
    )
    if groups is not None:
        _check_whole(splits, groups)
    return splits


def _check_whole(splits: Sequence[Split], groups: NDArray[Any]) -> None:
    """Refuse splits that learn from rows of a group that they are judged on."""
    for split in splits:
        judged = np.concatenate([split.validation, split.held_out])
        divided = np.intersect1d(groups[split.train], groups[judged])
        if not len(divided):
            continue
        raise ConfigError(
            f"protocol: rows of {len(divided)} groups are learned from and judged on at once, because the protocol "
            "does not take `groups`. Choose spread, holdout, kfold or resample, or give it that parameter."
        )


def outer_rows(
    targets: NDArray[np.generic], cut: Cut, stratified: bool, groups: Groups = None
) -> tuple[RowIndices, RowIndices]:
    """The rows that a study may see, and those that are held out from it: a fold of a cross-validation around it.

    Source: Varma and Simon, "Bias in error estimation when using cross-validation for model selection", BMC
    Bioinformatics 7:91, 2006.

    Raises:
        ConfigError: There are fewer rows than folds, or stratified of a class, or fewer groups.
    """
    way_out = "Choose fewer outer splits."
    strata = checked_strata(targets, cut.outer_folds, stratified, groups, key="audit.outer", way_out=way_out)
    fold_of = partition(strata, groups, cut.outer_folds, derive(cut.outer_seed, "outer"))
    return np.flatnonzero(fold_of != cut.outer_fold), np.flatnonzero(fold_of == cut.outer_fold)


def is_spread(protocol: Callable[..., tuple[Split, ...]]) -> bool:
    """Whether a protocol gives each member of a trial a split of its own."""
    return "members" in inspect.signature(protocol).parameters


def holdout(
    *,
    targets: NDArray[np.generic],
    validation_fraction: float,
    seed: int,
    stratified: bool,
    train_rows: int | None = None,  # configurations recorded by earlier versions do not have it
    judges: Judges = "all",
    groups: Groups = None,
) -> tuple[Split, ...]:
    """One split: a validation part cut from the training part; the test part is not involved.

    Source: Hastie, Tibshirani and Friedman, "The elements of statistical learning", 2nd edition, 2009, section 7.2.

    Args:
        targets: Targets of the training part; classes have shape (rows,).
        validation_fraction: Share of the training part's rows to validate on, in (0, 1).
        seed: Decides which rows.
        stratified: Whether each class is represented in proportion.
        train_rows: Rows to learn from, drawn from those that do not validate; None: all of them.
        judges: `later` and `others`: rows that do not validate in a search.
        groups: The group of each row; its rows stay together.

    Raises:
        ConfigError: A value is out of range; the message names the key.
    """
    check_seed(seed, "protocol.seed")
    first = derive(seed, "validation")
    train, validation = split_rows(targets, validation_fraction, first, stratified, groups=groups)
    if judges in FRESH:
        share = min(0.5, len(validation) / len(train))
        fresh = derive(seed, "fresh validation")
        chosen = split_rows(targets[train], share, fresh, stratified, groups=groups_at(groups, train))[1]
        validation = train[chosen]
        train = np.setdiff1d(np.arange(len(targets)), validation)
    if train_rows is not None and train_rows != len(train):
        check_count(train_rows, "protocol.train_rows")
        if train_rows > len(train):
            raise ConfigError(f"protocol.train_rows={train_rows} of {len(train)} rows. Give fewer, or null for all.")
        fraction, seed = train_rows / len(train), derive(seed, "train rows")
        train = train[split_rows(targets[train], fraction, seed, stratified, key="protocol.train_rows")[1]]
    return (Split(train=train, validation=validation),)


def resample(
    *,
    targets: NDArray[np.generic],
    members: int = 1,
    validation_fraction: float,
    seed: int,
    stratified: bool,
    judges: Judges = "all",
    groups: Groups = None,
) -> tuple[Split, ...]:
    """A split for each member: random holdouts, drawn independently. Further members leave the first as they are.

    Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003, section 2.

    Args:
        targets: Targets of the training part; classes have shape (rows,).
        members: Splits to make, at least 1; the first is that of `holdout`.
        validation_fraction: Share of the training part's rows to validate on, in (0, 1).
        seed: Decides which rows.
        stratified: Whether each class is represented in proportion.
        judges: Which rows may validate.
        groups: The group of each row; its rows stay together.

    Raises:
        ConfigError: A value is out of range; the message names the key.
    """
    check_seed(seed, "protocol.seed")
    if members == 1 and judges not in FRESH:
        return holdout(
            targets=targets,
            validation_fraction=validation_fraction,
            seed=seed,
            stratified=stratified,
            groups=groups,
        )
    rows = judging_rows(targets, validation_fraction, seed, stratified, judges, groups)
    share = min(0.5, validation_fraction * len(targets) / len(rows))
    return tuple(
        _validating(
            targets, rows[split_rows(targets[rows], share, draw, stratified, groups=groups_at(groups, rows))[1]]
        )
        for draw in (derive(seed, "resample", judges, number) for number in range(members))
    )


MOST_FOLDS = 10
"""Folds of one repeat of `spread`; more members cut the rows anew."""
FIRST = 0.5
"""Share of the rows that a search of several members validates on; the others judge what it found."""
FRESH = ("later", "others")
"""Rows that judge what a search chose."""


def spread(
    *,
    targets: NDArray[np.generic],
    members: int = 1,
    validation_fraction: float,
    seed: int,
    stratified: bool,
    judges: Judges = "all",
    groups: Groups = None,
) -> tuple[Split, ...]:
    """A split for each member: seeds are spread over the folds of a cross-validation, at no cost beyond a holdout's.

    A single member has the split of `holdout`. Several share out the rows that validate in folds, at most 10 of them,
    and further members repeat that with the rows cut anew. Where a class has fewer rows than there are folds, they are
    resampled. So the members say how far another split of the rows would lead elsewhere, not only another seed.
    Source: Bouthillier et al., "Accounting for variance in machine learning benchmarks", MLSys 2021, section 3.

    What a search chose by flatters. So a search of several members validates on half of the rows, drawn once, and what
    it found is judged on the other half; after a search of a single member on all rows but those that this one
    validated on. Rows that do not validate always learn. Of groups, halves and folds are of whole ones.

    Args:
        targets: Targets of the training part; classes have shape (rows,).
        members: Members of a trial, at least 1.
        validation_fraction: Share of the rows on which a single member validates, in (0, 1).
        seed: Decides which rows.
        stratified: Whether each class is represented in proportion.
        judges: Which rows may validate.
        groups: The group of each row; its rows stay together.

    Returns:
        As many splits as members.

    Raises:
        ConfigError: A value is out of range; the message names the key.
    """
    check_seed(seed, "protocol.seed")
    rows = judging_rows(targets, validation_fraction, seed, stratified, judges, groups)
    folds, own = _folds_for(members), groups_at(groups, rows)
    if members == 1 or (stratified and folds > rows_or_groups(strata_of(targets[rows], stratified), own).min()):
        return resample(
            targets=targets,
            members=members,
            validation_fraction=validation_fraction,
            seed=seed,
            stratified=stratified,
            judges=judges,
            groups=groups,
        )
    units, count = ("rows", len(rows)) if own is None else ("groups", len(np.unique(own)))
    if folds > count:
        raise ConfigError(
            f"study.n_seeds={members}: as many folds need {folds} {units}, {count} can validate. Give fewer."
        )
    cut = kfold(
        targets=targets[rows],
        folds=folds,
        repeats=members // folds,
        seed=derive(seed, "spread", judges) % 2**31,
        stratified=stratified,
        groups=own,
    )
    return tuple(_validating(targets, rows[split.validation]) for split in cut)


def _folds_for(members: int) -> int:
    """Folds of one repeat: as many as divide the members, 10 at most; all of them where nothing divides."""
    return max((folds for folds in range(2, min(members, MOST_FOLDS) + 1) if members % folds == 0), default=members)


def judging_rows(
    targets: NDArray[np.generic],
    fraction: float,
    seed: int,
    stratified: bool,
    judges: Judges,
    groups: Groups = None,
) -> RowIndices:
    """The rows that may validate, ascending; of groups whole ones."""
    if judges == "all":
        return np.arange(len(targets))
    if judges == "others":
        return split_rows(targets, fraction, derive(seed, "validation"), stratified, groups=groups)[0]
    later, first = split_rows(targets, FIRST, derive(seed, "judges"), stratified, key="protocol", groups=groups)
    return first if judges == "first" else later


def _validating(targets: NDArray[np.generic], validation: RowIndices) -> Split:
    """The split that validates on some rows and learns from all others."""
    return Split(train=np.setdiff1d(np.arange(len(targets)), validation), validation=np.sort(validation))


def full(*, targets: NDArray[np.generic]) -> tuple[Split, ...]:
    """One split that learns from every row of the training part, so that none validates: for a last training.

    Source: Goodfellow, Bengio and Courville, "Deep learning", 2016, section 7.8, algorithm 7.2.

    Args:
        targets: Targets of the training part; only the number of rows matters.
    """
    rows = np.arange(len(targets))
    return (Split(train=rows, validation=rows[:0]),)


def kfold(
    *,
    targets: NDArray[np.generic],
    folds: int,
    repeats: int,
    seed: int,
    stratified: bool,
    judges: Judges = "all",
    groups: Groups = None,
) -> tuple[Split, ...]:
    """`folds * repeats` splits of the training part: in each repeat every row validates exactly once.

    Fold sizes differ by at most one row, and stratified so do each class's counts: the rows are dealt to the folds
    like cards, class after class (scikit-learn's KFold and StratifiedKFold have the same sizes). The repeats are
    drawn independently, and further ones leave the first as they are. Source: Kohavi, "A study of cross-validation and
    bootstrap for accuracy estimation and model selection", IJCAI 1995, section 2.

    Args:
        targets: Targets of the training part; classes have shape (rows,).
        folds: Parts of one repeat, from 2 to the number of rows; stratified, to that of the rarest class.
        repeats: Partitions, at least 1.
        seed: Decides which rows lie in which fold.
        stratified: Whether each class is represented in proportion.
        judges: `later` and `others`: the rows are cut anew.
        groups: The group of each row; its rows stay together. Sizes of folds then differ by more than a row, and a
            class that few groups have may be missing in a fold.

    Returns:
        Splits, that of a fold at `repeat * folds + fold`; row numbers ascending.

    Raises:
        ConfigError: A value is out of range; the message names the key.
    """
    check_count(folds, "protocol.folds", least=2, usual=5)
    check_count(repeats, "protocol.repeats")
    check_seed(seed, "protocol.seed")
    seed = derive(seed, "fresh folds") if judges in FRESH else seed
    way_out = "Choose fewer folds" + (" or set protocol.stratified=false." if stratified and groups is None else ".")
    strata = checked_strata(targets, folds, stratified, groups, key="protocol.folds", way_out=way_out)
    partitions = [partition(strata, groups, folds, derive(seed, "repeat", repeat)) for repeat in range(repeats)]
    return tuple(
        Split(train=np.flatnonzero(fold_of != fold), validation=np.flatnonzero(fold_of == fold))
        for fold_of in partitions
        for fold in range(folds)
    )
