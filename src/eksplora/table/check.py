"""Options of a table that do not fit each other or its file, and tables that are too small."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from eksplora.errors import ConfigError, DataError, nearest
from eksplora.ranges import check_choice, shown
from eksplora.table.card import STATED_KINDS, TASKS, TableOptions
from eksplora.table.reading import read_frame

MOST_NAMED = 30
"""Columns that a message names."""

FEWEST_ROWS = 10
"""Rows with a target that a table must have."""


def check_options(options: TableOptions) -> None:
    """Refuse options that do not go together, before the file is read.

    Raises:
        ConfigError: Naming the key.
    """
    if not options.path:
        raise ConfigError("data.path: has no value. Give the file of a table: data.path=houses.csv.")
    if not options.targets or not all(options.targets):
        names = list(read_frame(Path(options.path), separator=options.separator, encoding=options.encoding).columns)
        shown = ", ".join(names[:MOST_NAMED]) + ", ..." * (len(names) > MOST_NAMED)
        raise ConfigError(f"data.target: has no value. Name the column to predict, one of {shown}.")
    if options.task is not None:
        check_choice(options.task, "data.task", TASKS)
    if options.decimal is not None:
        check_decimal(options.decimal)
    for name, kind in options.columns.items():
        check_choice(kind, f"data.columns.{name}", STATED_KINDS)
    if (options.part is not None) + (options.time is not None) > 1:
        raise ConfigError("data.part and data.time: both say which rows are test rows. Leave one of them out.")


def kinds_of(columns: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """Kinds of columns by name, of a mapping or of texts: `zip=category`.

    Raises:
        ConfigError: If a text says no kind.
    """
    if isinstance(columns, Mapping):
        return dict(columns)
    found = {}
    for text in columns:
        name, sign, kind = text.rpartition("=")
        if not sign:
            raise ConfigError(f"data.columns: {shown(text)} says no kind. Write <column>=<kind>, such as zip=category.")
        found[name] = kind
    return found


def check_decimal(given: str) -> None:
    """Refuse what is no decimal point.

    Raises:
        ConfigError: Naming the key.
    """
    if given not in (".", ","):
        raise ConfigError(f'data.decimal={given} is no decimal point. Give data.decimal=. or data.decimal=",".')


def check_names(options: TableOptions, columns: Collection[str]) -> None:
    """Refuse options that name no column of the file, or the target in another role.

    Raises:
        ConfigError: Naming the key.
    """
    roles = {
        f"data.{key}": value
        for key in ("group", "time", "part", "identifier", "weight")
        if (value := getattr(options, key)) is not None
    }
    named = [
        *(("data.target", name) for name in options.targets),
        *roles.items(),
        *(("data.drop", name) for name in options.drop),
    ]
    for key, name in [*named, *((f"data.columns.{name}", name) for name in options.columns)]:
        if name not in columns:
            raise ConfigError(f"{key}: {options.path} has no column '{name}'. {_nearest_column(name, columns)}")
    for key, name in [*roles.items(), *(("data.drop", name) for name in options.drop)]:
        if name in options.targets:
            raise ConfigError(f"{key}: '{name}' is the target. Name another column.")


def _nearest_column(name: str, columns: Collection[str]) -> str:
    if same := next((one for one in columns if one.lower() == name.lower()), None):
        return f"Did you mean '{same}'?"
    return nearest(name, columns)


def check_rows(options: TableOptions, count: int) -> None:
    """Refuse a table with too few rows that have a target.

    Raises:
        DataError: Naming the file.
    """
    if count < FEWEST_ROWS:
        raise DataError(
            f"data.path: {options.path} has {count} rows with a target: too few to cut into rows to learn from, to "
            f"validate on and to test. Give at least {FEWEST_ROWS}, better some hundreds."
        )
