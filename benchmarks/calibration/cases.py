"""The kinds of studies that the page is about."""

from collections.abc import Sequence

from benchmarks.calibration.design import DESIGNS
from benchmarks.calibration.learner import LARGE, SMOOTH, WIGGLY, Null
from benchmarks.calibration.study import Case
from eksplora.statistics.generalization import Scope

HOLDOUT = "holdout, 8 seeds"
SPLITS = tuple(name for name in DESIGNS if not name.startswith("holdout"))
"""Designs whose members have several splits."""
FEW = ("k-fold, 5 folds x 2 seeds", "resample, 8 members", "spread, 8 members")
"""One design of each kind."""
GAINS = (0.85, 0.7, 0.5, 0.1)
"""What the second view says, where power is measured: the smaller, the worse is the second configuration."""


def for_data() -> Sequence[Case]:
    """Studies without a difference on data like these."""
    pairs = [
        Case(design, measure, setting=setting)
        for measure, setting in (("mae", SMOOTH), ("accuracy", SMOOTH), ("mae", WIGGLY), ("accuracy", WIGGLY))
        for design in SPLITS
    ]
    roots = [Case(design, "rmse", setting=WIGGLY) for design in FEW]
    others = [Case(design, "mae", null) for null in (Null.PERMUTED, Null.SAME) for design in FEW]
    many = [
        Case(design, measure, configurations=count, setting=setting)
        for measure, setting, count in (("mae", SMOOTH, 4), ("accuracy", WIGGLY, 8))
        for design in FEW
    ]
    return [*pairs, *roots, *others, *many]


def for_narrower() -> Sequence[Case]:
    """Studies without a difference on new rows with the training rows kept, and on these rows."""
    new = [
        Case(HOLDOUT, measure, null, count, setting, scope=Scope.NEW_ROWS)
        for measure, null, count, setting in (
            ("mae", Null.SAME, 2, SMOOTH),
            ("accuracy", Null.SAME, 2, SMOOTH),
            ("mae", Null.PERMUTED, 2, SMOOTH),
            ("accuracy", Null.SAME, 8, SMOOTH),
            ("accuracy", Null.SAME, 2, WIGGLY),
        )
    ]
    new += [
        Case(design, null=Null.SAME, setting=LARGE, scope=Scope.NEW_ROWS) for design in (HOLDOUT, "holdout, 1 seed")
    ]
    these = [
        Case(HOLDOUT, "mae", Null.SAME, scope=Scope.THESE_ROWS),
        Case(HOLDOUT, "rmse", Null.PERMUTED, scope=Scope.THESE_ROWS),
        *(Case(design, "accuracy", Null.SAME, scope=Scope.THESE_ROWS) for design in FEW),
        *(Case("spread, 8 members", "mae", Null.SAME, count, scope=Scope.THESE_ROWS) for count in (2, 8)),
    ]
    return [*new, *these]


def for_power() -> Sequence[Case]:
    """Studies with a difference."""
    kinds = [
        ("mae", SMOOTH, GAINS),
        ("accuracy", SMOOTH, GAINS),
        ("mae", LARGE, GAINS[1:]),
        ("accuracy", LARGE, GAINS[1:]),
    ]
    return [
        Case(design, measure, setting=setting, gain=gain, scope=Scope.NEW_ROWS if design == HOLDOUT else Scope.DATA)
        for measure, setting, gains in kinds
        for gain in gains
        for design in (*FEW, HOLDOUT)
    ]
