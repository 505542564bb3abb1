"""Changes of an MLflow run, as plain values, and the limits that MLflow sets on them."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ID_TAG = "eksplora.id"
"""The tag by which a run is found again: `<study id>[/<trial>[/<member>]]`."""

MARK_TAG = "eksplora.spool"
"""The tag of a study's run that says how much of its spool MLflow has, and in how many runs."""

LONGEST_PARAM = 6000  # characters; mlflow.utils.validation.MAX_PARAM_VAL_LENGTH
LONGEST_TAG = 8000  # mlflow.utils.validation.MAX_TAG_VAL_LENGTH
LONGEST_PROFILE = 60_000  # characters of a data set's description: a row of a database takes 65 535
LONGEST_KEY = 250  # mlflow.utils.validation.MAX_ENTITY_KEY_LENGTH
LONG_PARAMS_FILE = "long_params.yaml"


class Mark(NamedTuple):
    """Part of a study that MLflow has.

    Attributes:
        offset: Bytes of its spool.
        runs: Runs that it was shown in by then.
        present: Runs that are there now; None where they were not counted.
    """

    offset: int
    runs: int
    present: int | None

    @classmethod
    def read(cls, text: str | None, present: int | None) -> "Mark":
        """The mark that a study's run carries; what is no mark means that nothing is certain to be there."""
        found = re.fullmatch(r"(\d{1,18}) bytes, (\d{1,18}) runs", text or "")
        return cls(int(found[1]), int(found[2]), present) if found else cls(0, 0, present)

    @property
    def is_whole(self) -> bool:
        """Whether no run is missing."""
        return self.present is None or self.present >= self.runs


class RunDataset(NamedTuple):
    """The data of a run: name, hash, and rows of the training part; of a table also kinds of columns and warnings."""

    name: str
    digest: str
    rows: int
    columns: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Source that MLflow names for it."""
        return json.dumps({"tags": {"mlflow.source.name": "eksplora", "mlflow.source.type": "LOCAL"}})

    @property
    def profile(self) -> str:
        """Size of the data set for MLflow."""
        said = {"columns": dict(self.columns), "warnings": list(self.warnings)} if self.columns else {}
        text = json.dumps({"num_rows": self.rows, **said}, ensure_ascii=False)
        return text if len(text) <= LONGEST_PROFILE else json.dumps({"num_rows": self.rows})


class Point(NamedTuple):
    """One value of a metric; `time` in milliseconds since the epoch."""

    key: str
    value: float
    time: int
    step: int


@dataclass
class Change:
    """Changes of one run. Applying it twice gives the same run as applying it once.

    Attributes:
        key: Value of the run's `ID_TAG`.
        name: Name of the run, used when it has to be created.
        time: When the first of the changes happened, in milliseconds; the start of a run that has to be created.
        origin: The study's folder.
        parent: Key of the run that it hangs under, None for a study.
        status: MLflow's status, None to leave it.
        end_time: When it ended, in milliseconds; None for a running one.
        texts: Content of small artifacts by path.
        files: Files to copy, named as in the study's folder, by artifact path.
        dataset: The data that it was trained with; None to leave it.
    """

    key: str
    name: str
    time: int
    origin: Path
    parent: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[Point] = field(default_factory=list)
    status: str | None = None
    end_time: int | None = None
    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    dataset: RunDataset | None = None

    def add_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags; those that are None are left out, and longer ones than MLflow takes are cut with a mark."""
        for key, value in tags.items():
            if value is not None:
                text = _storable(str(value))
                self.tags[_key(key)] = text if len(text) <= LONGEST_TAG else text[: LONGEST_TAG - 4] + " ..."

    def add_params(self, params: Mapping[str, Any]) -> None:
        """Set parameters, uncut: what is too long for MLflow goes into an artifact."""
        texts = {_key(key): _storable(as_text(value)) for key, value in params.items()}
        long = {key: text for key, text in texts.items() if len(text) > LONGEST_PARAM}
        for key, text in long.items():
            texts[key] = f"see the artifact {LONG_PARAMS_FILE} ({len(text)} characters)"
        self.params.update(texts)
        if long:
            self.texts[LONG_PARAMS_FILE] = "".join(f"{json.dumps(k)}: {json.dumps(v)}\n" for k, v in long.items())

    def add_curve(self, key: str, values: Sequence[float | None], times: Sequence[int], first: int) -> None:
        """Add one value per epoch; `first` is the number of the first epoch. Missing values (None) are left out."""
        name = _key(key)
        for index, (value, time) in enumerate(zip(values, times, strict=True)):
            if value is not None:
                self.metrics.append(Point(name, float(value), time, first + index))

    def add_metrics(self, metrics: Mapping[str, float | None], time: int, step: int = 0) -> None:
        """Add single values; missing ones (None) are left out."""
        for key, value in metrics.items():
            self.add_curve(key, [value], [time], step)

    def end(self, status: str, time: int | None) -> None:
        """Set MLflow's status and, for a run that is over, the time of its end."""
        self.status, self.end_time = status, time


def as_text(value: object) -> str:
    """A value as one would type it in an override: `null`, `true`, `[64, 64]`, 0.001.

    Examples:
        >>> as_text([64, 64]), as_text(None), as_text("adam"), as_text(1e-3)
        ('[64, 64]', 'null', 'adam', '0.001')
    """
    if isinstance(value, str):
        return value
    return repr(value) if type(value) in (int, float) else json.dumps(value)  # the same text, ten times as fast


def _storable(text: str) -> str:
    """The text without what is no character, such as the bytes of a file's odd name: no database takes it."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@cache
def _key(key: str) -> str:
    """A name that MLflow takes: letters, digits and `_-. :/`, at most 250 characters."""
    return _storable(re.sub(r"[^\w\-. :/]", "_", key)[:LONGEST_KEY])
