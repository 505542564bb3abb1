"""The page that lists all results of a folder."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eksplora.stage._results import write_file


def write_index(results: Path) -> None:
    """Write `<results>/index.html` anew, from what lies there.

    Raises:
        StorageError: If it cannot be written.
    """
    from eksplora.report.index import index

    write_file(
        results / "index.html", index(experiments=[*_experiments(results)], explorations=[*_explorations(results)])
    )


def _experiments(results: Path) -> Iterator[dict[str, Any]]:
    """Each experiment that has a report, with its headline."""
    for path in sorted(results.glob("*/report.html")):
        facts = _read(path.parent / "evaluate" / "evaluate.json")
        folder = path.parent.name
        yield {
            "name": facts.get("experiment", folder),
            "headline": facts.get("headline", ""),
            "link": f"{folder}/report.html",
            "others": [
                f"{folder}/{name}" for name in ("report.md", "tables", "plots") if (path.parent / name).exists()
            ],
        }


def _explorations(results: Path) -> Iterator[dict[str, Any]]:
    """Each exploration, with how many of its claims stand."""
    for path in sorted(results.glob("paper/*/explore.json")):
        facts = _read(path)
        findings = [claim["finding"] for claim in facts.get("claims", {}).values()]
        yield {
            "name": facts.get("exploration", path.parent.name),
            "title": facts.get("title", path.parent.name),
            "budget": facts.get("budget", {}),
            "set": facts.get("set", []),
            "counts": {finding: findings.count(finding) for finding in dict.fromkeys(sorted(findings))},
            "link": f"paper/{path.parent.name}/README.md",
            "claims": "paper/claims.md",
        }


def _read(path: Path) -> dict[str, Any]:
    """The facts of a file; none where it cannot be read: the index lists what there is."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
