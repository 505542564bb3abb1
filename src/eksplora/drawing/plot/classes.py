"""Pictures of a test of classes."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from plotly import graph_objects as go

from eksplora.drawing.colour import BLUE, GREY
from eksplora.drawing.look import colour_axis, figure, labels, line, plain
from eksplora.records.details import CalibrationBin, Curve, Selective

MOST_WRITTEN = 12
"""Classes up to which the numbers stand in the fields of a confusion matrix."""

MOST_CURVES = 10
"""Classes whose curves are drawn: more cannot be distinguished."""

_SHARE = {"range": [-0.02, 1.04]}


def confusion(values: Sequence[Sequence[float | None]], classes: Sequence[str], *, is_share: bool) -> Markup:
    """A confusion matrix: what is in the rows, what was said in the columns."""
    names = labels(classes)
    shown = _written(values, is_share) if len(names) <= MOST_WRITTEN else {}
    what = "share of the row" if is_share else "rows"
    heat = go.Heatmap(
        z=[[0 if value is None else value for value in row] for row in values],
        x=names,
        y=names,
        coloraxis="coloraxis",
        xgap=1,
        ygap=1,
        hovertemplate=f"actual %{{y}}<br>predicted %{{x}}<br>{what} %{{z:.4g}}<extra></extra>",
        **shown,
    )
    category = {"type": "category", "showgrid": False}
    return figure(
        [heat],
        x="predicted",
        y="actual",
        xaxis=category,
        yaxis={**category, "autorange": "reversed"},
        **colour_axis("sequential", cmin=0, showscale=not shown),
    )


def _written(values: Sequence[Sequence[float | None]], is_share: bool) -> dict[str, Any]:
    """The numbers in the fields; an empty field is none."""
    texts = [[(f"{value:.2f}" if is_share else str(value)) if value else "" for value in row] for row in values]
    return {"text": texts, "texttemplate": "%{text}"}


def roc(curves: Sequence[Curve]) -> Markup:
    """Curves of the receiver operating characteristic."""
    chance = go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": GREY, "dash": "dot"}, name="chance")
    traces = [*_curves(curves), chance]
    return figure(traces, x="false positive rate", y="true positive rate (recall)", xaxis=_SHARE, yaxis=_SHARE)


def precision_recall(curves: Sequence[Curve]) -> Markup:
    """Curves of precision against recall."""
    return figure(_curves(curves), x="recall", y="precision", xaxis=_SHARE, yaxis=_SHARE)


def drawn(curves: Sequence[Curve]) -> list[Curve]:
    """Those of the curves that are drawn: of too many, those with the least area."""
    if len(curves) <= MOST_CURVES:
        return list(curves)
    return sorted(curves, key=lambda curve: (curve.area is None, curve.area))[:MOST_CURVES]


def _curves(curves: Sequence[Curve]) -> list[Any]:
    return [
        go.Scatter(
            x=curve.x,
            y=curve.y,
            mode="lines",
            line=line(place),
            name=plain(curve.name),
            hovertemplate="%{x:.3f}, %{y:.3f}",
        )
        for place, curve in enumerate(drawn(curves))
    ]


def calibration(bins: Sequence[CalibrationBin]) -> Markup:
    """Calibration: accuracy over confidence; a dot is as large as its bin has rows."""
    most = max((one.rows for one in bins), default=1)
    ideal = go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": GREY, "dash": "dot"}, name="ideal")
    dots = go.Scatter(
        x=[one.confidence for one in bins],
        y=[one.accuracy for one in bins],
        customdata=[one.rows for one in bins],
        mode="lines+markers",
        line={"color": BLUE, "width": 1},
        marker={"size": [7 + 15 * (one.rows / most) ** 0.5 for one in bins], "color": BLUE, "opacity": 0.8},
        name="model",
        cliponaxis=False,
        hovertemplate="confidence %{x:.3f}<br>accuracy %{y:.3f}<br>rows %{customdata}<extra></extra>",
    )
    return figure([ideal, dots], x="confidence of the answer", y="share of right answers", xaxis=_SHARE, yaxis=_SHARE)


def selective(curve: Selective) -> Markup:
    """Accuracy against the share of rows that are answered."""
    trace = go.Scatter(
        x=curve.share,
        y=curve.accuracy,
        mode="lines",
        line={"color": BLUE, "width": 2},
        hovertemplate="answered %{x:.3f}<br>accuracy %{y:.4f}<extra></extra>",
    )
    return figure([trace], x="share answered, most confident first", y="accuracy", xaxis=_SHARE, showlegend=False)
