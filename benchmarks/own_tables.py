"""Tables from file to report in one command, beside gradient boosting: `python -m benchmarks.own_tables`.

Each table is a CSV file with a column that says which rows are test rows. eksplora gets file and target, nothing else
is chosen by hand. scikit-learn's HistGradientBoosting gets the same rows through a plain pipeline: categories as
numbers, dates as days, nothing tuned. Both are judged by eksplora's objective for the table, on the same test rows.
The interval is that of the difference, by a paired bootstrap over test rows (or groups of them).

Other tables than those of `benchmarks.made`: `--folder rdatasets --files diamonds:price wage:wage:logwage`.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.made import NAMES, Made, from_file, table
from benchmarks.settings import OwnTablesSettings, parse

ROOT = Path(__file__).resolve().parents[1]
RESAMPLES = 2000
MOST_SECONDS = 3600


@dataclass(frozen=True)
class Predicted:
    """Predictions for the test rows.

    Attributes:
        actual: Numbers (rows, targets), or names of classes (rows,).
        numbers: Numbers (rows, targets); of classes the probabilities (rows, classes), in the order of their names.
        classes: Names of the classes, sorted; None for numbers.
    """

    actual: NDArray[Any]
    numbers: NDArray[Any]
    classes: Sequence[str] | None

    def take(self, rows: NDArray[np.intp]) -> "Predicted":
        """Some of the rows."""
        return Predicted(self.actual[rows], self.numbers[rows], self.classes)


@dataclass(frozen=True)
class Compared:
    """A table's outcome; errors are such that less is better.

    Attributes:
        name: The table.
        rows: Test rows.
        measure: What is compared.
        network: Of eksplora's model.
        boosting: Of gradient boosting.
        low: Least of the interval of the network's error minus that of boosting.
        high: Greatest of it.
        seconds: From file to report.
    """

    name: str
    rows: int
    measure: str
    network: float
    boosting: float
    low: float
    high: float
    seconds: float

    @property
    def is_not_worse(self) -> bool:
        """Whether the network's error is not above that of boosting by more than the interval."""
        return self.low <= 0


ERRORS: dict[str, Callable[[Predicted], float]] = {
    "mae": lambda one: float(np.abs(one.actual - one.numbers).mean()),
    "accuracy": lambda one: 1 - float(accuracy_score(one.actual, _named(one))),
    "f1": lambda one: 1 - float(f1_score(one.actual, _named(one), average="macro")),
    "auroc": lambda one: 1 - float(roc_auc_score(one.actual == (one.classes or ())[1], one.numbers[:, 1])),
}
"""By eksplora's objective: an error between 0 and 1, or in the target's unit."""


def _named(one: Predicted) -> NDArray[Any]:
    named: NDArray[Any] = np.array(one.classes)[one.numbers.argmax(1)]
    return named


def by_network(made: Made, name: str, folder: Path, settings: OwnTablesSettings) -> tuple[Predicted, str, float]:
    """The delivered model's predictions, its objective, and the seconds from file to report."""
    made.frame.to_csv(folder / f"{name}.csv", index=False)
    target = made.target[0] if len(made.target) == 1 else f"[{','.join(made.target)}]"
    words = [f"data=./{name}.csv", f"data.target={target}", "data.part=part", *made.options]
    words += ["tracker=off", *settings.words()]
    begun = time.monotonic()
    command = [sys.executable, str(ROOT / "pipelines/repro.py"), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    seconds = time.monotonic() - begun
    (results,) = (folder / "results").glob(f"{name}-*/evaluate")
    frame, record = pd.read_csv(results / "predictions.csv"), json.loads((results / "evaluate.json").read_text())
    return predicted(frame), record["metric"].rpartition("/")[2], seconds


def predicted(frame: pd.DataFrame) -> Predicted:
    """What eksplora's file of predictions says."""
    odds = [column for column in frame.columns if column.startswith("p_") and not column.endswith("_std")]
    if odds:
        order = sorted(odds)
        classes = [column.removeprefix("p_") for column in order]
        return Predicted(frame["actual"].astype(str).to_numpy(), frame[order].to_numpy(), classes)
    columns = [[one for one in frame.columns if one.startswith(start)] for start in ("actual", "predicted")]
    return Predicted(frame[columns[0]].to_numpy(), frame[columns[1]].to_numpy(), None)


def by_boosting(made: Made) -> Predicted:
    """Gradient boosting with a plain pipeline, one model a target."""
    is_test = made.frame["part"] == "test"
    features = made.frame.drop(columns=["part", *made.target, *(word.partition("=")[2] for word in made.options)])
    for column in features.select_dtypes(["object", "string"]):
        read = pd.to_datetime(features[column], format="%Y-%m-%d", errors="coerce")
        if read.notna().all():
            features[column] = (read - pd.Timestamp(0)).dt.days
    words = list(features.select_dtypes(["object", "string"]))
    coding = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    plain = make_column_transformer((coding, words), remainder="passthrough")
    numbers, classes = [], None
    for target in made.target:
        values = made.frame[target]
        if values.dtype.kind in "fi":
            model = make_pipeline(plain, HistGradientBoostingRegressor(random_state=0))
            numbers.append(model.fit(features[~is_test], values[~is_test]).predict(features[is_test])[:, None])
        else:
            model = make_pipeline(plain, HistGradientBoostingClassifier(random_state=0))
            numbers.append(model.fit(features[~is_test], values[~is_test]).predict_proba(features[is_test]))
            classes = list(model.classes_)
    actual = made.frame.loc[is_test, list(made.target)].to_numpy()
    return Predicted(actual if classes is None else actual[:, 0].astype(str), np.concatenate(numbers, 1), classes)


def compared(asked: str, settings: OwnTablesSettings) -> Compared:
    """Run both on a table, a name of ours or a word of `--files`, and compare their errors.

    Raises:
        RuntimeError: If eksplora ends with an error, or its test rows are others.
    """
    name, _, target = asked.partition(":")
    made = from_file(Path(settings.folder), asked, settings.seed) if target else table(name, settings.seed)
    with tempfile.TemporaryDirectory(prefix="eksplora-tables-") as folder:
        network, measure, seconds = by_network(made, name, Path(folder), settings)
    with threadpool_limits(1):  # two on a busy machine wait for each other
        boosting, error = by_boosting(made), ERRORS[measure]
    if network.actual.shape != boosting.actual.shape or not _are_equal(network.actual, boosting.actual):
        raise RuntimeError(f"{name}: the test rows are not the same")
    is_test = made.frame["part"] == "test"
    units = made.frame.loc[is_test, made.options[0].partition("=")[2]] if made.options else np.arange(is_test.sum())
    codes = pd.factorize(pd.Series(units))[0]
    differences = bootstrapped(lambda rows: error(network.take(rows)) - error(boosting.take(rows)), codes)
    low, high = np.quantile(differences, (0.025, 0.975))
    return Compared(
        name, len(network.actual), measure, error(network), error(boosting), float(low), float(high), seconds
    )


def _are_equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    is_number = one.dtype.kind == "f" or other.dtype.kind in "fi"
    return (
        bool(np.allclose(one.astype(float), other.astype(float), rtol=1e-5))
        if is_number
        else bool((one == other).all())
    )


def bootstrapped(difference: Callable[[NDArray[np.intp]], float], units: NDArray[np.intp]) -> NDArray[np.float64]:
    """The difference on resamples of units of test rows; those that lack a class are drawn again.

    Args:
        difference: Of the rows of these numbers.
        units: Number of the unit of each row: its own, or that of its group.
    """
    draw, found = np.random.default_rng(0), list[float]()
    members = [np.flatnonzero(units == unit) for unit in range(units.max() + 1)]
    while len(found) < RESAMPLES:
        rows = np.concatenate([members[unit] for unit in draw.integers(0, len(members), len(members))])
        try:
            value = difference(rows)
        except ValueError:
            continue
        found += [value] if np.isfinite(value) else []
    return np.array(found)


def lines(known: Sequence[Compared]) -> list[str]:
    """The outcomes as a table, errors with the interval of their difference."""
    head = "| table | test rows | error | eksplora | boosting | difference [95%] | not worse | seconds |"
    rows = [
        f"| {one.name} | {one.rows} | {'mae' if one.measure == 'mae' else f'1 - {one.measure}'} | {one.network:.4g} | "
        f"{one.boosting:.4g} | {one.network - one.boosting:.3g} [{one.low:.3g}, {one.high:.3g}] | "
        f"{'yes' if one.is_not_worse else 'no'} | {one.seconds:.0f} |"
        for one in known
    ]
    good = sum(one.is_not_worse for one in known)
    return [head, "|---|--:|---|--:|--:|--:|---|--:|", *rows, "", f"{good} of {len(known)} not worse."]


def measure(arguments: Sequence[str]) -> None:
    """Run the tables and print the outcomes."""
    settings = parse(OwnTablesSettings, arguments, NAMES, __doc__ or "")
    known, failed = list[Compared](), list[str]()
    for name in settings.files or settings.only or NAMES:
        try:
            known.append(compared(name, settings))
            print(known[-1], file=sys.stderr, flush=True)
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            failed.append(str(error))
            print(error, file=sys.stderr, flush=True)
    print("\n".join([*lines(known), *(f"failed: {one}" for one in failed)]))


if __name__ == "__main__":
    measure(sys.argv[1:])
