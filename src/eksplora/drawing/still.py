"""The main pictures of an experiment as files, for papers and for MLflow: PNG to look at, SVG to print."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib

from eksplora.records.results import Results

matplotlib.use("agg")
from matplotlib import pyplot as plt

from eksplora.drawing.colour import BLUE, GREY, VERMILION
from eksplora.drawing.plot import curve
from eksplora.drawing.svg import logarithmic, plain


def stills(facts: Results) -> dict[str, bytes]:
    """Each picture that there are numbers for, by path: `plots/<name>.png` and `.svg`.

    Args:
        facts: As `eksplora.report.document.document` takes them.
    """
    found: dict[str, bytes] = {}
    with plain():
        for name, draw in DRAWN.items():
            drawn = draw(facts)
            if drawn is not None:
                for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
                    file = io.BytesIO()
                    drawn.savefig(file, format=kind, dpi=120, metadata=metadata)
                    found[f"plots/{name}.{kind}"] = file.getvalue()
                plt.close(drawn)
    return found


def confirmation(facts: Results) -> Any:
    """Members as dots, their mean with its interval, and what the search had said."""
    rows = [one for one in facts.confirmed.configurations if one.estimate]
    drawn, axes = plt.subplots(figsize=(7, 1.4 + 0.5 * len(rows)), layout="constrained")
    for place, one in enumerate(rows):
        axes.plot(one.members, [place + 0.15] * len(one.members), "o", color=BLUE, alpha=0.35, markersize=4)
        below, above = one.known.reach
        axes.errorbar(one.known.value, place, xerr=[[below], [above]], fmt="s", color=BLUE, capsize=3)
        if one.found_by_search is not None:
            axes.plot(one.found_by_search, place - 0.15, "D", color=VERMILION, markerfacecolor="none")
    axes.set_yticks(range(len(rows)), [one.name for one in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.plot([], [], "s", color=BLUE, label="mean of fresh members (dots), 95% interval")
    axes.plot([], [], "D", color=VERMILION, markerfacecolor="none", label="value in the search")
    axes.legend(fontsize=8, loc="best")
    return _named(drawn, axes, facts, "confirmed configurations", facts.confirmed.metric, "")


def curves(facts: Results) -> Any:
    """Training and validation over epochs: mean over members and one standard deviation."""
    columns = facts.curves
    metric = facts.confirmed.metric.partition("/")[2]
    drawn, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for split, colour, line in (("train", BLUE, "-"), ("val", VERMILION, "--")):
        if (values := columns.get(f"{split}/{metric}")) is None:
            continue
        axes.plot(columns["epoch"], values, line, color=colour, label="training" if split == "train" else "validation")
        if (ends := curve.band(columns, split, metric)) is not None:
            axes.fill_between(columns["epoch"], *ends, color=colour, alpha=0.2, linewidth=0)
    if curve.is_logarithmic(columns, metric):
        logarithmic(axes.yaxis)
    axes.legend(fontsize=8)
    return _named(drawn, axes, facts, "learning curves", "epoch", metric)


def tested(facts: Results) -> Any:
    """Picture of the test part: confusion of classes, ROC curves of labels, or predictions over targets."""
    details = facts.details
    if details is None:
        return None
    drawn, axes = plt.subplots(figsize=(5.5, 5), layout="constrained")
    if details.kind == "numbers":
        actual, predicted = details.residuals.actual, details.residuals.predicted
        axes.plot(actual, predicted, "o", color=BLUE, alpha=0.5, markersize=4)
        ends = [min(actual + predicted), max(actual + predicted)]
        axes.plot(ends, ends, ":", color=GREY)
        return _named(drawn, axes, facts, "test part", "target", "prediction")
    if details.kind == "labels":
        axes.plot([0, 1], [0, 1], ":", color=GREY)
        for one in details.curves.roc[:MOST_WRITTEN]:
            axes.plot(one.x, one.y, label=one.name)
        axes.legend(fontsize=8)
        return _named(drawn, axes, facts, "test part, ROC of each label", "false positives", "true positives")
    rates = [[value or 0.0 for value in line] for line in details.confusion.rates]
    axes.imshow(rates, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(rates)), details.classes, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(rates)), details.classes, fontsize=8)
    if len(rates) <= MOST_WRITTEN:
        for row, line in enumerate(details.confusion.counts):
            for column, count in enumerate(line):
                colour = "white" if rates[row][column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=colour)
    return _named(drawn, axes, facts, "test part, rows by class", "predicted", "actual")


MOST_WRITTEN = 20
"""Classes up to which counts are written into the table of confusion, and labels whose curves are drawn."""


def importance(facts: Results) -> Any:
    """The features that matter most by permutation, with the interval of the mean over members; None of images."""
    features = facts.explained and facts.explained.features
    if not features:
        return None
    rows = features.methods["permutation"].rows[:20]
    drawn, axes = plt.subplots(figsize=(7, 1.2 + 0.3 * len(rows)), layout="constrained")
    means = [row.importance.value for row in rows]
    reaches = list(zip(*(row.importance.reach for row in rows), strict=True))  # (2, features): below and above
    axes.barh(range(len(rows)), means, color=BLUE, xerr=reaches, ecolor=VERMILION, capsize=2)
    axes.set_yticks(range(len(rows)), [row.feature for row in rows])
    axes.invert_yaxis()
    return _named(drawn, axes, facts, "permutation importance, mean over members and 95% interval", "", "")


def _named(drawn: Any, axes: Any, facts: Results, what: str, x: str, y: str) -> Any:
    axes.set_title(f"{facts.confirmed.experiment}: {what}", fontsize=10)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return drawn


DRAWN: Mapping[str, Callable[[Results], Any]] = {
    "confirmation": confirmation,
    "curves": curves,
    "tested": tested,
    "importance": importance,
}
"""The pictures by name."""
