"""The picture of a one-factor study: one look says whether the order of its rows is noise."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot as plt

from eksplora.drawing import page as pages
from eksplora.drawing.colour import BLUE, VERMILION
from eksplora.drawing.svg import as_svg, drawing, plain, pointed
from eksplora.records.exploration import ExplorationRecord
from eksplora.report.exploration import warning_of

OURS, REPORTED = BLUE, VERMILION


def draw(facts: ExplorationRecord, folder: Path) -> None:
    """Draw every study as PNG and SVG, and as a page to point at.

    Args:
        facts: The numbers of an exploration.
        folder: Where the pictures go: `<study>.png`, `.svg`, `.html`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in facts.studies:
        with plain():
            figure = picture(facts, name)
            figure.savefig(folder / f"{name}.png", dpi=120, metadata={"Software": None})
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            plt.close(figure)
        (folder / f"{name}.html").write_text(page(facts, name), encoding="utf-8")


def title_of(facts: ExplorationRecord, name: str) -> str:
    """Content of a picture."""
    return f"{facts.title}: {facts.studies[name].says}. {warning_of(facts)}".removesuffix(". ")


def picture(facts: ExplorationRecord, name: str) -> Any:
    """Members as dots, their mean with its interval, and the reported value, row by row."""
    figure, axes = plt.subplots(figsize=_size(facts, name), layout="constrained")
    _fill(axes, facts, name, is_pointed_at=False)
    axes.set_title(title_of(facts, name), fontsize=10)
    return figure


def page(facts: ExplorationRecord, name: str) -> str:
    """The same, to point at: the run behind a dot is shown beside it."""
    with drawing(*_size(facts, name)) as (figure, axes):
        _fill(axes, facts, name, is_pointed_at=True)
        svg = as_svg(figure, name=name)
    shown = pages.Drawn(facts.studies[name].says, f"test {facts.metric} of each row and its members", svg)
    says = "A dot is a member: point at it to read its run."
    return pages.page(title_of(facts, name), says, [shown])


def _size(facts: ExplorationRecord, name: str) -> tuple[float, float]:
    return 7.5, 1.2 + 0.5 * len(facts.studies[name].rows)


def _fill(axes: Any, facts: ExplorationRecord, name: str, *, is_pointed_at: bool) -> None:
    rows = facts.studies[name].rows
    for place, row in enumerate(rows.values()):
        if row.summary:
            values, one = row.members["test"], row.summary["test"]
            runs = pointed([f"run {run}" for run in row.member_runs]) if is_pointed_at else None
            axes.scatter(values, [place + 0.15] * len(values), s=16, color=OURS, alpha=0.35, urls=runs)
            below, above = one.reach
            axes.errorbar([one.value], [place], xerr=[[below], [above]], fmt="s", color=OURS, capsize=3)
        if "test" in row.reported:
            axes.plot([row.reported["test"]], [place - 0.15], "D", color=REPORTED, markerfacecolor="none")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(f"test {facts.metric}")
    axes.grid(axis="x", alpha=0.3)
    axes.plot([], [], "o", color=OURS, alpha=0.35, label="a member")
    axes.plot([], [], "s", color=OURS, label="our mean, 95% interval")
    axes.plot([], [], "D", color=REPORTED, markerfacecolor="none", label="reported")
    axes.legend(fontsize=8, loc="best")
