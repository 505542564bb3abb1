"""A table's card as lines of text, and how it differs from an earlier one."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from eksplora.records.table import histogram
from eksplora.records.target import TargetSummary
from eksplora.table.card import Column, TableCard

LONGEST_NAME, LONGEST_WORDS = 28, 60


def lines_of(card: TableCard) -> list[str]:
    """All of a card: what is predicted, every column, then what is to be known before a result is believed."""
    head = [
        f"{card.name}: {card.rows} rows, {len(card.columns)} columns ({card.fingerprint[:12]})",
        f"  task      {_task(card)}",
        f"  test part {card.test_rows} rows, {card.split}; {card.train_rows} to learn from and to validate on",
        f"  network   {card.input_shape[0]} prepared columns{_codes(card)}",
        "",
    ]
    return [*head, *_aligned([_row(column) for column in card.columns]), "", *warning_lines(card)]


def warning_lines(card: TableCard) -> list[str]:
    """Notes on the reading and warnings, one a line."""
    return [*(f"note: {text}" for text in card.notes), *(f"warning: {text}" for text in card.warnings)]


def _task(card: TableCard) -> str:
    names = ", ".join(target.name for target in card.targets)
    if card.classes is not None:
        counts = [f"{name}: {count}" for name, count in zip(card.classes, card.targets[0].counts, strict=True)]
        more = f", and {len(counts) - 10} more" if len(counts) > 10 else ""
        return f"{card.task} of {names} ({', '.join(counts[:10])}{more})"
    return f"{card.task} of {names} ({'; '.join(map(_summary, card.targets))})"


def _summary(target: TargetSummary) -> str:
    assert target.low is not None and target.high is not None and target.skewness is not None
    return f"{target.low:g} to {target.high:g}, mean {target.mean:.4g}, skewness {target.skewness:.2g}"


def _codes(card: TableCard) -> str:
    return f", {len(card.codes)} of them codes of categories" if card.codes else ""


def _row(column: Column) -> tuple[str, ...]:
    missing = f"{column.missing} missing" if column.missing else ""
    kind = f"{column.kind}{' (given)' if column.is_stated else ''}"
    return column.name[:LONGEST_NAME], kind, column.role, missing, histogram(column.counts), content_of(column)


def content_of(column: Column) -> str:
    """The range of numbers and dates, the most frequent categories."""
    if column.kind == "date" and column.low is not None and column.high is not None:
        return f"{_day(column.low)} to {_day(column.high)}"
    if column.kind in ("number", "boolean") and column.low is not None:
        return f"{column.low:g} to {column.high:g}"
    words = ", ".join(column.values)
    shown = f"{words[:LONGEST_WORDS]}{'...' if len(words) > LONGEST_WORDS else ''}"
    return f"{column.distinct} different{': ' * bool(shown)}{shown}"


def _day(days: float) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)).strftime("%Y-%m-%d")
    except OverflowError:
        return f"{days:g} days after 1970"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def changes(before: TableCard, after: TableCard) -> list[str]:
    """Differences between two cards of a table, in a few words each: rows, columns, values, decisions."""
    old, new = ({column.name: column for column in card.columns} for card in (before, after))
    found = []
    if before.rows != after.rows:
        found.append(f"{after.rows} rows instead of {before.rows}")
    found += [f"column '{name}' is new" for name in new if name not in old]
    found += [f"column '{name}' is gone" for name in old if name not in new]
    both = [name for name in new if name in old]
    found += [
        f"column '{name}' is {new[name].kind} instead of {old[name].kind}"
        for name in both
        if new[name].kind != old[name].kind
    ]
    if before.rows == after.rows and (other := [name for name in both if new[name].digest != old[name].digest]):
        found.append(f"values of {', '.join(other)} differ")
    if before.sha256 == after.sha256:
        found.append("the options differ, the file is the same")
    return found or ["nothing that is used differs"]
