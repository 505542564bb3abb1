"""Notes on the numbers, as sentences for a reader."""

from collections.abc import Mapping

from eksplora.evaluation.predicted import Predicted
from eksplora.evaluation.summary import LEAST_OF_A_CLASS, LEAST_ROWS, MeasuredRows, counted

ONE_MEMBER = "One member: no interval says what another training would give."
NO_ROW = "Class '{}' has no test row: its recall is not defined, and averages leave it out."
FEW_OF_A_CLASS = "Class '{}': {} too few to say how far new rows would move what is measured of it."
OF_GROUPS = (
    "The rows are of {} groups, whose rows are alike: intervals leave out whole groups. Shares of prediction intervals "
    "that hold count rows as if each stood alone."
)
WITH_WEIGHTS = (
    "Rows count by their weights in every measure: {} rows say as much as {} of equal weight. Curves, tables of "
    "confused classes, residuals and shares of prediction intervals count each row once."
)
FEW_GROUPS = "{} groups are too few to say how far new ones would move a measure that few of them can dominate."
FEW_ROWS = "{} too few to say how far new rows would move a measure that few of them can dominate."
OVERFLOW = "With dropout left on, some predictions are no finite numbers: nothing is measured of it."


def notes_of(predicted: Predicted, part: MeasuredRows, rows: Mapping[str, int] = {}) -> list[str]:
    """Notes on what is absent, or to be read with care.

    Args:
        predicted: The predictions that are measured.
        part: The test rows.
        rows: How many test rows each class has.
    """
    notes = [_of_class(name, count) for name, count in rows.items() if count < LEAST_OF_A_CLASS]
    notes += [ONE_MEMBER] if len(predicted.each) == 1 else []
    notes += [WITH_WEIGHTS.format(part.count, part.units)] if part.weights is not None else []
    if part.groups is not None:
        notes += [OF_GROUPS.format(part.units)]
        notes += [FEW_GROUPS.format(part.units)] if part.units < LEAST_ROWS else []
    elif part.count < LEAST_ROWS:
        notes += [FEW_ROWS.format(counted(part.count))]
    if predicted.dropout is None:
        return [*notes, "The network drops nothing, so there is no dropout to leave on."]
    return notes if predicted.passes is not None else [*notes, OVERFLOW]


def _of_class(name: str, count: int) -> str:
    return FEW_OF_A_CLASS.format(name, counted(count)) if count else NO_ROW.format(name)
