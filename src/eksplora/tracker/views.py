"""Addresses of an experiment's page in MLflow with the best values as columns: by itself it shows no metric.

MLflow's own list of experiments leads to its pages for language models; these addresses do not.
"""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

KEY = "best"
"""The name of the view, which MLflow keeps as a tag of the experiment."""

MOST = 10
"""Experiments that are named, those changed last first."""


def views(address: str) -> dict[str, str]:
    """The address of each experiment's page, by its name; only of those with studies that have values.

    None while the server does not answer as expected.

    Args:
        address: Of a server that is up.
    """
    try:
        wanted = {"max_results": MOST, "order_by": ["last_update_time DESC"]}
        found = _asked(address, "experiments/search", wanted).get("experiments", [])
        shown = {one["name"]: _view(address, one["experiment_id"]) for one in found}
        return {name: view for name, view in shown.items() if view}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _view(address: str, experiment: str) -> str:
    studies = {"experiment_ids": [experiment], "filter": "tags.kind = 'study'", "max_results": MOST}
    runs = _asked(address, "runs/search", studies).get("runs", [])
    named = dict.fromkeys(metric["key"] for run in runs for metric in run["data"].get("metrics", []))
    columns = [f"metrics.`{name}`" for name in named if name.startswith("best/")]
    if not columns:
        return ""  # such as MLflow's own experiment Default
    shown = json.dumps({"selectedColumns": [*columns, "attributes.`Dataset`"]})
    tag = {"experiment_id": experiment, "key": f"mlflow.sharedViewState.{KEY}", "value": shown}
    _asked(address, "experiments/set-experiment-tag", tag)
    return f"{address}/#/experiments/{experiment}/runs?viewStateShareKey={KEY}&workflowType=machine_learning"


def _asked(address: str, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
    words = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/2.0/mlflow/{what}", json.dumps(body).encode(), words)
    with urllib.request.urlopen(request, timeout=10) as answer:
        content = json.load(answer)
    if not isinstance(content, dict):
        raise ValueError(what)
    return content
