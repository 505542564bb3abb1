"""The rival of baselines: the best finished study of the same experiment, of networks or of a function."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from eksplora.console.table import show_value
from eksplora.errors import DataError, command_line
from eksplora.records.record import read
from eksplora.records.search import SearchRecord
from eksplora.types import Config
from eksplora.untrusted import load_yaml

NOT_ROWS = ("batch_size", "scaling", "target_scaling", "root", "path", "source_dir", "url")
"""Keys of data that do not decide which rows are in which part."""


def in_words(results: Path, base: Config) -> str:
    """A line on the best study whose values were measured as the baselines' were.

    Args:
        results: The folder of finished studies.
        base: The configuration of a baseline.
    """
    found = list(comparable(results, base))
    if not found:
        return (
            f"No study of this experiment on the same rows in {results}/ yet: "
            f"{command_line('search', experiment=base['experiment'])}"
        )
    better = min if base["objective"]["direction"] == "minimize" else max
    best, value = better(found, key=lambda one: one[1])
    count = sum(best.trials.values())
    chosen = f"the best of {count} trials, chosen on these rows, which flatters it a little; " if count > 1 else ""
    return f"{best.metric} {show_value(value)} in study {best.study} ({chosen}{best.members})"


def comparable(results: Path, base: Config) -> Iterator[tuple[SearchRecord, float]]:
    """Studies of networks or a function with the same experiment, objective and rows, each with its best value."""
    metric = f"val/{base['objective']['metric']}"
    for path in sorted([*results.glob("*/search.json"), *results.glob("*/search/search.json")]):
        with suppress(DataError):  # another command may be replacing it, and what cannot be read is no rival
            found = read(path, SearchRecord, way_out="")
            if (found.experiment, found.metric) != (base["experiment"], metric):
                continue
            if found.best is None or found.best.value is None:
                continue
            config = load_yaml(path.parent / "best" / "config.yaml", way_out="")
            is_searched = isinstance(config, dict) and not config.keys().isdisjoint(("model", "function"))
            if is_searched and _measured(config) == _measured(base):
                yield found, found.best.value


def _measured(config: Mapping[str, Any]) -> tuple[Any, ...]:
    """Keys that decide the rows and the meaning of a value; empty where it is no mapping of such."""
    data = config.get("data")
    rows = {key: value for key, value in data.items() if key not in NOT_ROWS} if isinstance(data, Mapping) else {}
    return rows, *(config.get(key) for key in ("protocol", "metric", "objective"))
