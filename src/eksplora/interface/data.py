"""The argument `data`: a data set by its name, a file, or a table of pandas, Polars or Arrow."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eksplora.config import as_word, choices, compose_request
from eksplora.errors import ConfigError, nearest
from eksplora.files import write_file

Target = str | Sequence[str] | None


def data_words(data: object, target: Target, experiment: str | None, folder: Path) -> list[str]:
    """Overrides that choose what is studied.

    Args:
        data: Name of a data set, a file or folder, or a table of pandas, Polars or Arrow; None: the experiment's own.
        target: The column, or columns, to predict; None: the data set has one.
        experiment: Name of an experiment; None: the one that follows from the data.
        folder: Where prepared data lie: a table in memory is written there.

    Raises:
        ConfigError: If they are not known, or say too little.
    """
    if target is not None and not (isinstance(target, str) or _are_texts(target)):
        raise ConfigError(f"target: {target!r} is no name of a column. Give one in quotes, or a list of them.")
    if experiment is not None and experiment not in choices("experiment"):
        raise ConfigError(f"experiment: '{experiment}' is none. {nearest(experiment, choices('experiment'))}")
    chosen = [] if experiment is None else [f"experiment={experiment}"]
    if data is None:
        if experiment is None:
            raise ConfigError(
                "data: none is given. Give a file, a table, or the name of a data set: ek.search('wine')."
            )
        return chosen
    if isinstance(data, str) and data in choices("data"):
        return chosen or _own_experiment(data)
    path = _file(data, target, folder)
    if target is None and path.is_file():
        raise ConfigError(f"target: none is given for {path.name}. Name the column to predict: target='price'.")
    target_word = [] if target is None else [f"data.target={as_word('target', target)}"]
    kind = "images" if path.is_dir() else "table"
    return [*chosen, f"data={kind}", f"data.path={as_word('data', str(path))}", *target_word]


def _are_texts(values: object) -> bool:
    return isinstance(values, list | tuple) and bool(values) and all(isinstance(value, str) for value in values)


def _own_experiment(data: str) -> list[str]:
    """The experiment of a named data set: the first of conf/experiment/ that is of it."""
    for name in choices("experiment"):
        if compose_request("search", [f"experiment={name}"]).choices["data"] == data:
            return [f"experiment={name}"]
    raise ConfigError(f"data: no experiment is of '{data}'. Name one: experiment=...")


def _file(data: object, target: Target, folder: Path) -> Path:
    """The file of data; a table in memory is written to one.

    Raises:
        ConfigError: If there is none.
    """
    if is_frame(data):
        return _written(data, target, folder)
    if not isinstance(data, str | Path):
        raise ConfigError(f"data: {type(data).__name__} is no table. Give one of pandas, Polars or Arrow, or a file.")
    path = Path(data)
    if not path.exists():
        hint = nearest(str(data), choices("data")) if "." not in path.name and len(path.parts) == 1 else ""
        raise ConfigError(f"data: {data} is neither a file here nor a data set. {hint or 'Correct its path.'}")
    return path


def is_frame(data: object) -> bool:
    """Whether something is a table of pandas, Polars or Arrow: one that gives its columns as Arrow does."""
    return hasattr(data, "__arrow_c_stream__")


def names_of(frame: Any) -> list[str]:
    """Names of the columns of a table."""
    return [str(name) for name in getattr(frame, "column_names", None) or frame.columns]


def _written(frame: Any, target: Target, folder: Path) -> Path:
    """The file of a table: equal tables have one. An index of rows is left out.

    Raises:
        ConfigError: If it lacks the target.
    """
    columns = names_of(frame)
    for name in [target] if isinstance(target, str) else target or ():
        if name not in columns:
            raise ConfigError(f"target: the table has no column '{name}'. {nearest(name, columns)}")
    if target is None:
        raise ConfigError(f"target: none is given. Name the column to predict, one of {', '.join(columns)}.")
    content = as_parquet(frame)
    path = folder / "frames" / hashlib.sha256(content).hexdigest()[:12] / "frame.parquet"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content)
    return path


def as_parquet(frame: Any) -> bytes:
    """A table as the content of a Parquet file.

    Raises:
        ConfigError: If a column has values of several kinds.
    """
    from pyarrow import RecordBatchReader, parquet

    buffer = io.BytesIO()
    try:
        if hasattr(frame, "to_parquet"):
            frame.rename(columns=str).to_parquet(buffer, index=False)
        elif hasattr(frame, "write_parquet"):
            frame.write_parquet(buffer)
        else:
            parquet.write_table(RecordBatchReader.from_stream(frame).read_all(), buffer)
    except (ValueError, TypeError) as error:  # pyarrow's own errors are of these kinds
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"data: the table cannot be written ({reason}). Give each column values of one kind."
        ) from None
    return buffer.getvalue()
