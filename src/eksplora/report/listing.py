"""The page that lists all results of a folder: reports of experiments, and explorations."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from eksplora.errors import DataError
from eksplora.files import write_file
from eksplora.report.exploration import warning
from eksplora.untrusted import read_json

T = TypeVar("T")
Facts = Mapping[str, Any]


def write_index(results: Path) -> None:
    """Write `<results>/index.html` anew, from what lies there.

    Raises:
        StorageError: If it cannot be written.
    """
    write_file(results / "index.html", index(_experiments(results), _explorations(results)))


def index(experiments: Iterable[Facts] = (), explorations: Iterable[Facts] = ()) -> str:
    """The page as HTML; all addresses are relative to its folder.

    Args:
        experiments: Each with `name`, `headline`, `link`, and `others`: addresses of what lies beside the report.
        explorations: Each with `title`, `warning`, `counts` of claims by their verdict, `link`, and `claims`: the
            address of the page of all claims.
    """
    from eksplora.report.page import render  # Jinja comes with it

    listed = {"experiments": list(experiments), "explorations": list(explorations)}
    return render("index.html", title="Results", counted=_counted, **listed)


def _counted(counts: Mapping[str, int]) -> str:
    """Verdicts in words."""
    words = ", ".join(f"{count} {finding}" for finding, count in counts.items() if count)
    return words or "no claims were judged"


def _experiments(results: Path) -> Iterator[dict[str, Any]]:
    """Each experiment that has a report, with its headline."""
    for path in sorted(results.glob("*/report.html")):
        records = (path.parent / name / f"{name}.json" for name in ("evaluate", "confirm"))
        found = [_read(record, _Evaluated) for record in records]  # a function leaves no network to evaluate
        facts = next((one for one in found if one.headline), _Evaluated())
        folder = path.parent.name
        yield {
            "name": facts.experiment or folder,
            "headline": facts.headline,
            "link": f"{folder}/report.html",
            "others": [
                f"{folder}/{name}" for name in ("report.md", "tables", "plots") if (path.parent / name).exists()
            ],
        }


def _explorations(results: Path) -> Iterator[dict[str, Any]]:
    """Each exploration, with how many of its claims stand."""
    for path in sorted(results.glob("paper/*/explore.json")):
        facts = _read(path, _Explored)
        findings = [claim.finding for claim in facts.claims.values()]
        yield {
            "title": facts.title or path.parent.name,
            "warning": warning(facts.budget.name, facts.set),
            "counts": {finding: findings.count(finding) for finding in dict.fromkeys(sorted(findings))},
            "link": f"paper/{path.parent.name}/README.md",
            "claims": "paper/claims.md",
        }


@dataclass
class _Evaluated:
    """Entry of an experiment in the list."""

    experiment: str = ""
    headline: str = ""


@dataclass
class _Named:
    """Entry of a budget in the list."""

    name: str = ""


@dataclass
class _Finding:
    """Entry of a claim in the list."""

    finding: str


@dataclass
class _Explored:
    """Entry of an exploration in the list."""

    title: str = ""
    budget: _Named = field(default_factory=_Named)
    set: list[str] = field(default_factory=list)
    claims: dict[str, _Finding] = field(default_factory=dict)


def _read(path: Path, shape: type[T]) -> T:
    """The facts of a file; none where it cannot be read: the index lists what there is."""
    try:
        return read_json(path, shape, way_out="")
    except DataError:
        return shape()
