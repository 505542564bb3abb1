"""Pictures of a test of numbers."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from plotly import graph_objects as go

from eksplora.drawing.colour import BLUE, GREY, VERMILION
from eksplora.drawing.look import bars, figure
from eksplora.records.details import NormalQuantiles, PredictionInterval, Residuals


def predicted(residuals: Residuals) -> Markup:
    """Predictions against targets."""
    actual = residuals.actual
    ends = [min(actual, default=0), max(actual, default=1)]
    ideal = go.Scatter(x=ends, y=ends, mode="lines", line={"color": GREY, "dash": "dot"}, hoverinfo="skip")
    return figure([_dots(actual, residuals.predicted), ideal], x="target", y="prediction", showlegend=False)


def residual(residuals: Residuals, against: Sequence[float], title: str) -> Markup:
    """Residuals against another column."""
    return figure([_dots(against, residuals.residual)], x=title, y="target - prediction", **_zero())


def quantiles(found: NormalQuantiles) -> Markup:
    """Ordered residuals against quantiles of the normal distribution, with the line through their quartiles."""
    x, y = found.normal, found.residual
    traces = [_dots(x, y)]
    if len(x) > 3:
        low, high = len(x) // 4, (3 * len(x)) // 4
        slope = (y[high] - y[low]) / (x[high] - x[low]) if x[high] != x[low] else 0.0
        ends = [x[0], x[-1]]
        line = [y[low] + slope * (end - x[low]) for end in ends]
        traces.append(go.Scatter(x=ends, y=line, mode="lines", line={"color": GREY, "dash": "dot"}, hoverinfo="skip"))
    return figure(traces, x="quantile of a normal distribution", y="target - prediction", showlegend=False)


def coverage(intervals: Sequence[PredictionInterval]) -> Markup:
    """Share of test rows inside the intervals, with what was promised."""
    names = [one.name for one in intervals]
    got = [one.coverage.mean for one in intervals]
    low, high = [one.coverage.low for one in intervals], [one.coverage.high for one in intervals]
    traces = [
        go.Scatter(
            x=got,
            y=names,
            error_x=bars(low, got, high),
            mode="markers",
            marker={"color": BLUE, "size": 10, "symbol": "square"},
            name="measured, 95% interval",
        ),
        go.Scatter(
            x=[one.level for one in intervals],
            y=names,
            mode="markers",
            marker={"color": VERMILION, "size": 12, "symbol": "diamond-open", "line": {"width": 2}},
            name="promised",
        ),
    ]
    room = {"range": [len(names) - 0.5, -0.5]}
    return figure(traces, x="share of test rows inside", xaxis={"range": [-0.02, 1.02]}, yaxis=room)


def _dots(x: Sequence[float], y: Sequence[float]) -> Any:
    marker = {"color": BLUE, "size": 6, "opacity": 0.55}
    return go.Scatter(x=x, y=y, mode="markers", marker=marker, hovertemplate="%{x:.4g}, %{y:.4g}<extra></extra>")


def _zero() -> dict[str, Any]:
    """A line at no residual."""
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": {"color": GREY, "dash": "dot"}}
    return {"shapes": [line], "showlegend": False}
