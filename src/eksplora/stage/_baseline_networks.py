"""The networks that baselines compare with: the best finished study of the same experiment."""

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from eksplora.console.table import show_value
from eksplora.types import Config

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
            f"make sweep {shlex.quote('EXPERIMENT=' + base['experiment'])}"
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
        facts = _read(path)
        if (facts.get("experiment"), facts.get("metric")) != (base["experiment"], metric) or not facts.get("best"):
            continue
        config = _read(path.parent / "best" / "config.yaml")
        if "model" in config and _measured(config) == _measured(base):
            yield facts


def _measured(config: Mapping[str, Any]) -> tuple[Any, ...]:
    """What decides the rows and the meaning of a value."""
    rows = {key: value for key, value in config["data"].items() if key not in NOT_ROWS}
    return rows, config["protocol"], config["metric"], config["objective"]


def _read(path: Path) -> dict[str, Any]:
    """A file of a study's results; empty where it is gone: another command may be replacing it."""
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
