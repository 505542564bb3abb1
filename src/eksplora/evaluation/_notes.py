"""Notes on the numbers, as sentences for a reader."""

from collections.abc import Mapping

from eksplora.evaluation._weights import Array
from eksplora.evaluation.finite import if_finite
from eksplora.records.measure import Measure

ONE_MEMBER = "One member: no interval over members can be given."
OF_FEW_ROWS = {
    0: "Class '{}' has no test row: its recall is not defined, and averages leave it out.",
    1: "Class '{}' has one test row: no interval over rows can be given of its recall and what is made of it.",
}
ONE_ROW = "One test row: no interval over rows can be given."
BIASED = (
    "The {} of the ensemble of the members lies outside its interval over rows: resampled rows bias this measure, so "
    "that interval says only how large it may be."
)
OVERFLOW = "With dropout left on, some predictions are no finite numbers: nothing is measured of it."


def notes_of(
    each: Array, dropout: Array | None, measures: Mapping[str, Measure], rows: Mapping[str, int] = {}
) -> list[str]:
    """Why something is absent, or to be read with care.

    Args:
        each: What the members predict, (members, rows, ...).
        dropout: The same of passes with dropout left on.
        measures: By name, as `summary` has them.
        rows: How many test rows each class has.
    """
    notes = [OF_FEW_ROWS[count].format(name) for name, count in rows.items() if count in OF_FEW_ROWS]
    notes += [ONE_MEMBER] if len(each) == 1 else []
    notes += [ONE_ROW] if each.shape[1] == 1 else []
    notes += [BIASED.format(name.replace("_", " ")) for name, one in measures.items() if _is_outside(one)]
    if dropout is None:
        return [*notes, "The network drops nothing, so there is no dropout to leave on."]
    return notes if if_finite(dropout) is not None else [*notes, OVERFLOW]


def _is_outside(one: Measure) -> bool:
    """Whether a value lies outside its own interval over rows: what is noise in the rows is doubled in resamples."""
    value, low, high = one.ensemble.mean, one.ensemble.low, one.ensemble.high
    return value is not None and low is not None and high is not None and not low <= value <= high
