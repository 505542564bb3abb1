"""The picture of a one-factor study: one look says whether the order of its rows is noise."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot as plt
from plotly import graph_objects as go

from eksplora.report.exploration import warning

Facts = Mapping[str, Any]

OURS, REPORTED = "#0072b2", "#d55e00"
"""Blue and vermilion of Okabe and Ito's palette, which colour-blind people tell apart."""


def draw(facts: Facts, folder: Path) -> None:
    """Draw every study as PNG and SVG, and as a page to point at.

    Args:
        facts: The numbers of an exploration.
        folder: Where the pictures go: `<study>.png`, `.svg`, `.html`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plt.rcParams["svg.hashsalt"] = "eksplora"  # the same picture is the same file
    for name in facts["studies"]:
        figure = picture(facts, name)
        figure.savefig(folder / f"{name}.png", dpi=120, metadata={"Software": None})
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)
        html = interactive(facts, name).to_html(include_plotlyjs=True, full_html=True, div_id=name)
        (folder / f"{name}.html").write_text(html, encoding="utf-8")


def title_of(facts: Facts, name: str) -> str:
    """What a picture shows."""
    return f"{facts['title']}: {facts['studies'][name]['says']}. {warning(facts)}".removesuffix(". ")


def picture(facts: Facts, name: str) -> Any:
    """Members as dots, their mean with its interval, and the reported value, row by row."""
    rows = facts["studies"][name]["rows"]
    figure, axes = plt.subplots(figsize=(7.5, 1.2 + 0.5 * len(rows)), layout="constrained")
    for place, row in enumerate(rows.values()):
        if row["summary"]:
            values, one = row["members"]["test"], row["summary"]["test"]
            axes.plot(values, [place + 0.15] * len(values), "o", color=OURS, alpha=0.35, markersize=4)
            low, high = one["interval"] or (one["mean"], one["mean"])
            error = [[one["mean"] - low], [high - one["mean"]]]
            axes.errorbar([one["mean"]], [place], xerr=error, fmt="s", color=OURS, capsize=3)
        if "test" in row["reported"]:
            axes.plot([row["reported"]["test"]], [place - 0.15], "D", color=REPORTED, markerfacecolor="none")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(f"test {facts['metric']}")
    axes.set_title(title_of(facts, name), fontsize=10)
    axes.grid(axis="x", alpha=0.3)
    axes.plot([], [], "o", color=OURS, alpha=0.35, label="a member")
    axes.plot([], [], "s", color=OURS, label="our mean, 95% interval")
    axes.plot([], [], "D", color=REPORTED, markerfacecolor="none", label="reported")
    axes.legend(fontsize=8, loc="best")
    return figure


def interactive(facts: Facts, name: str) -> go.Figure:
    """The same, to point at: the runs behind a dot are shown beside it."""
    rows = facts["studies"][name]["rows"]
    known = {key: row for key, row in rows.items() if row["summary"]}
    figure = go.Figure([_dots(known), _means(known), _reported(rows)])
    figure.update_layout(title=title_of(facts, name), xaxis_title=f"test {facts['metric']}", template="plotly_white")
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=list(rows)[::-1])
    return figure


def _dots(rows: Facts) -> go.Scatter:
    points = [
        (value, key, run)
        for key, row in rows.items()
        for value, run in zip(row["members"]["test"], row["member_runs"], strict=True)
    ]
    x, y, runs = zip(*points, strict=True) if points else ((), (), ())
    marker = {"color": OURS, "opacity": 0.35}
    return go.Scatter(x=x, y=y, text=[f"run {run}" for run in runs], mode="markers", name="a member", marker=marker)


def _means(rows: Facts) -> go.Scatter:
    means = [row["summary"]["test"]["mean"] for row in rows.values()]
    ends = [row["summary"]["test"]["interval"] or [mean, mean] for row, mean in zip(rows.values(), means, strict=True)]
    above = [high - mean for mean, (_, high) in zip(means, ends, strict=True)]
    below = [mean - low for mean, (low, _) in zip(means, ends, strict=True)]
    error = {"type": "data", "symmetric": False, "array": above, "arrayminus": below}
    marker = {"color": OURS, "symbol": "square", "size": 9}
    return go.Scatter(
        x=means, y=list(rows), error_x=error, mode="markers", name="our mean, 95% interval", marker=marker
    )


def _reported(rows: Facts) -> go.Scatter:
    values = {key: row["reported"]["test"] for key, row in rows.items() if "test" in row["reported"]}
    marker = {"color": REPORTED, "symbol": "diamond-open", "size": 10}
    return go.Scatter(x=list(values.values()), y=list(values), mode="markers", name="reported", marker=marker)
