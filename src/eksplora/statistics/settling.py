"""Means to settle an open question for other rows: more members, or more rows."""

from eksplora.statistics.generalization import Method, Sample, Uncertain
from eksplora.statistics.power import rows_needed, splits_needed


def settling(
    found: Uncertain, sample: Sample, room: float, *, alpha: float, power: float = 0.8
) -> tuple[int | None, int | None]:
    """About how many members, and how many rows, would tell a distance of the size seen from 0.

    Args:
        found: A mean with its error, for more than these rows.
        sample: What it is of.
        room: The distance, such as the mean itself; nothing settles one of 0.
        alpha: Level of significance, in (0, 1).
        power: The chance to see it, in (0, 1).

    Returns:
        Members in all, None where more of them cannot; rows in all, None where they cannot. See `more` for a question
        that those at hand have left open.
    """
    if not found.error or room <= 0:
        return None, None
    t, members = room / found.error, None
    rows = rows_needed(t, sample.num_rows, alpha=alpha, power=power, fixed=found.seeds)
    if found.method is Method.RESAMPLED:
        members = splits_needed(found.units + (room - found.mean), sample.ratio, alpha=alpha, power=power)
    elif found.seeds:
        members = rows_needed(t, len(sample.values), alpha=alpha, power=power, fixed=1 - found.seeds)
    return members, rows


def more(needed: tuple[int | None, int | None], sample: Sample) -> tuple[int | None, int | None]:
    """Members and rows in all, where those that are there did not suffice: one more at least."""
    members, rows = needed
    return (
        None if members is None else max(members, len(sample.values) + 1),
        None if rows is None else max(rows, sample.num_rows + 1),
    )
