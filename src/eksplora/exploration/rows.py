"""Losses of rows behind an exploration's claims: a file beside its facts, so that the claims can be judged again."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.errors import DataError, EksploraError
from eksplora.exploration.numbers import COMPARED, RowResult, StudyResult
from eksplora.statistics.bound import is_share
from eksplora.statistics.generalization import Sample
from eksplora.untrusted import path_inside, reading, sha256

NAME = "rows.safetensors"
TOLERANCE = 1e-4
"""Tolerance of a member's value: its rows' losses are added up in another order, and kept as 32-bit floats."""
_NONE = 2
"""Stands for a row that a member was not judged on, where losses are 0 or 1."""

Arrays = dict[str, NDArray[Any]]


def compact(sample: Sample) -> Sample:
    """A sample as the file keeps it: losses are 32-bit floats."""
    losses = sample.losses
    return sample if losses is None else replace(sample, losses=losses.astype(np.float32).astype(np.float64))


def write_rows(folder: Path, studies: Mapping[str, StudyResult]) -> str:
    """Write the losses of all rows of all studies, and return the hash of the file; empty where none are known."""
    from safetensors.numpy import save

    arrays: Arrays = {}
    for key, sample in _samples(studies):
        arrays |= {f"{key}/{name}": array for name, array in _as_arrays(sample).items()}
    if not arrays:
        return ""
    (folder / NAME).write_bytes(save(arrays))
    return sha256(folder / NAME)


def read_rows(
    folder: Path, studies: Mapping[str, StudyResult], expected: str, *, way_out: str
) -> dict[str, StudyResult]:
    """Studies with the losses that belong to their members' values.

    Args:
        folder: Of the exploration.
        studies: Their values from MLflow.
        expected: The hash of the file; empty: there is none.
        way_out: The last sentence of messages.

    Raises:
        DataError: If the file is missing, is another one, or damaged.
        EksploraError: If losses do not add up to the values.
    """
    if not expected:
        return dict(studies)
    path = path_inside(folder, NAME, source=folder / "explore.json", way_out=way_out)
    with reading(path, way_out):
        if sha256(path) != expected:
            raise DataError(f"{path} is not the file that explore.json was written with. {way_out}")
    arrays = _read(path, way_out)
    return {
        name: replace(
            study, rows={row: _with_rows(path, name, row, known, arrays) for row, known in study.rows.items()}
        )
        for name, study in studies.items()
    }


def _read(path: Path, way_out: str) -> Arrays:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}
    except (SafetensorError, ValueError, OSError) as error:
        raise DataError(f"{path} is damaged ({' '.join(str(error).split())}). {way_out}") from None


def _samples(studies: Mapping[str, StudyResult]) -> Iterator[tuple[str, Sample]]:
    for name, study in studies.items():
        for row, found in study.rows.items():
            yield from ((f"{name}/{row}/{column}", sample) for column, sample in found.samples.items())


def _as_arrays(sample: Sample) -> Arrays:
    """A sample without its values; of its losses those of rows that a member was judged on."""
    arrays: Arrays = {"splits": sample.splits, "facts": np.array([sample.ratio, sample.num_rows], dtype=np.float64)}
    losses = sample.losses
    if losses is None:
        return arrays
    rows = np.flatnonzero(~np.isnan(losses).all(0))
    known = losses[:, rows]
    whole = np.where(np.isnan(known), _NONE, known).astype(np.uint8) if is_share(sample) else known.astype(np.float32)
    arrays |= {"rows": rows.astype(np.int64), "losses": np.ascontiguousarray(whole)}
    if sample.groups is not None:
        arrays["groups"] = sample.groups[rows].astype(np.int64)
    if sample.weights is not None:
        arrays["weights"] = sample.weights[rows].astype(np.float64)
    return arrays


def _with_rows(path: Path, study: str, row: str, found: RowResult, arrays: Arrays) -> RowResult:
    """A row with the samples of its columns that the file has."""
    samples = {}
    for column in COMPARED if found.columns else ():
        start = f"{study}/{row}/{column}/"
        own = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
        if own:
            values = np.array(found.columns[column])
            samples[column] = _of_arrays(values, own, f"{path}: {column} of {study}/{row}")
    return replace(found, samples=samples)


def _of_arrays(values: NDArray[np.float64], arrays: Arrays, source: str) -> Sample:
    """A sample from its values and the arrays of the file, whose shapes and sums are checked.

    Raises:
        DataError: If the arrays do not fit each other.
        EksploraError: If the losses do not add up to the values.
    """
    try:
        ratio, num_rows = (float(fact) for fact in arrays["facts"])
        splits = arrays["splits"].astype(np.int64)
        if splits.shape != values.shape or not (0 < ratio < np.inf and 0 <= num_rows < 2**31):
            raise ValueError("splits")
        sample = Sample(values, splits, ratio, int(num_rows))
        sample = _with_losses(sample, arrays) if "losses" in arrays else sample
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        raise DataError(
            f"{source} is damaged: its arrays do not fit each other. Run the stage explore again."
        ) from None
    if sample.losses is not None:
        _check_sums(sample, source)
    return sample


def _with_losses(sample: Sample, arrays: Arrays) -> Sample:
    rows, kept = arrays["rows"].astype(np.int64), arrays["losses"]
    known = kept.astype(np.float64)
    if kept.dtype == np.uint8:
        known[kept == _NONE] = np.nan
    is_right = (
        rows.ndim == 1 and len(rows) and (np.diff(rows) > 0).all() and rows[0] >= 0 and rows[-1] < sample.num_rows
    )
    judged = ~np.isnan(known)
    if (
        not is_right
        or known.shape != (len(sample.values), len(rows))
        or np.isinf(known).any()
        or not judged.any(1).all()
    ):
        raise ValueError("losses")
    if not judged.any(0).all():
        raise ValueError("rows")
    losses = np.full((len(known), sample.num_rows), np.nan)
    losses[:, rows] = known
    return replace(
        sample,
        losses=losses,
        groups=_of_part(arrays.get("groups"), rows, sample.num_rows, np.int64),
        weights=_of_part(arrays.get("weights"), rows, sample.num_rows, np.float64),
    )


def _of_part(own: NDArray[Any] | None, rows: NDArray[np.int64], num_rows: int, kind: Any) -> NDArray[Any] | None:
    if own is None:
        return None
    if own.shape != rows.shape or not np.isfinite(own).all() or (own < 0).any():
        raise ValueError("a number for each row")
    numbers = np.zeros(num_rows, dtype=kind)
    numbers[rows] = own
    return numbers


def _check_sums(sample: Sample, source: str) -> None:
    """Refuse losses whose mean is not the member's value.

    Raises:
        EksploraError: Naming the member.
    """
    losses = sample.losses
    assert losses is not None
    weights = np.ones(losses.shape[1]) if sample.weights is None else sample.weights
    counted = np.where(np.isnan(losses), 0.0, weights)
    means = (np.nan_to_num(losses) * counted).sum(1) / counted.sum(1)
    is_off = np.abs(means - sample.values) > TOLERANCE * np.maximum(1.0, np.abs(sample.values))
    for member in np.flatnonzero(~np.isfinite(means) | is_off)[:1]:
        raise EksploraError(
            f"{source} does not follow from the runs in MLflow: the losses of member {member} have the mean "
            f"{means[member]:.6g}, its run has {sample.values[member]:.6g}"
        )
