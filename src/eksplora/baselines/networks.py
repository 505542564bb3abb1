"""The networks that baselines compare with: the best finished study of the same experiment."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eksplora.console.table import show_value
from eksplora.errors import DataError, command_line
from eksplora.types import Config
from eksplora.untrusted import load_yaml, read_json

NOT_ROWS = ("batch_size", "scaling", "target_scaling", "root", "source_dir", "url")
"""Keys of data that do not decide which rows are in which part."""


def in_words(results: Path, base: Config) -> str:
    """A line on the best study of networks whose values were measured as the baselines' were.

    Args:
        results: The folder of finished studies.
        base: The configuration of a baseline.
    """
    found = list(comparable(results, base))
    if not found:
        return (
            f"No study of this experiment's networks on the same rows in {results}/ yet: "
            f"{command_line('search', experiment=base['experiment'])}"
        )
    better = min if base["objective"]["direction"] == "minimize" else max
    best = better(found, key=lambda facts: float(facts["best"][facts["metric"]]))
    value, count = show_value(best["best"][best["metric"]]), sum(best["trials"].values())
    chosen = f"the best of {count} trials, chosen on these rows, which flatters it a little; " if count > 1 else ""
    return f"{best['metric']} {value} in study {best['study']} ({chosen}{best['members']})"


def comparable(results: Path, base: Config) -> Iterator[Mapping[str, Any]]:
    """The facts (`search.json`) of studies of networks with the same experiment, objective and rows."""
    metric = f"val/{base['objective']['metric']}"
    for path in sorted(results.glob("*/search.json")):
        with suppress(DataError):  # another command may be replacing it, and what cannot be read is no rival
            facts = asdict(read_json(path, _Searched, way_out=""))
            if (facts["experiment"], facts["metric"]) != (base["experiment"], metric):
                continue
            if not isinstance(facts["best"].get(metric), int | float):
                continue
            config = load_yaml(path.parent / "best" / "config.yaml", way_out="")
            if isinstance(config, dict) and "model" in config and _measured(config) == _measured(base):
                yield facts


@dataclass
class _Searched:
    """What is said of a study."""

    study: str
    experiment: str
    metric: str
    members: str
    trials: dict[str, int]
    best: dict[str, Any]


def _measured(config: Mapping[str, Any]) -> tuple[Any, ...]:
    """What decides the rows and the meaning of a value; nothing where it is no mapping of such."""
    data = config.get("data")
    rows = {key: value for key, value in data.items() if key not in NOT_ROWS} if isinstance(data, Mapping) else {}
    return rows, *(config.get(key) for key in ("protocol", "metric", "objective"))
