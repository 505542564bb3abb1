"""The page that lists what there is: reports of experiments, explorations, and whatever else was handed over."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eksplora.report.exploration import warning
from eksplora.report.page import render

Facts = Mapping[str, Any]


def index(
    *,
    experiments: Iterable[Facts] = (),
    explorations: Iterable[Facts] = (),
    others: Iterable[Facts] = (),
) -> str:
    """The page as HTML; all addresses are relative to its folder.

    Args:
        experiments: Each with `name`, `headline`, `link`, and `others`: addresses of what lies beside the report.
        explorations: Each with `name`, `title`, `counts` of claims by their verdict, `link`, `claims` (the address of
            the page of all claims), and `budget` (with `name` and `note`, or empty).
        others: Each with `name`, `says` and `link`.
    """
    return render(
        "index.html",
        title="Results",
        experiments=list(experiments),
        explorations=[{**one, "warning": warning(one)} for one in explorations],
        others=list(others),
        counted=_counted,
    )


def _counted(counts: Mapping[str, int]) -> str:
    """Verdicts in words."""
    words: Sequence[str] = [f"{count} {finding}" for finding, count in counts.items() if count]
    return ", ".join(words) or "no claims were judged"
