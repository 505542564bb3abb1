"""Members as dots, with their mean and its interval: one look says whether an order is noise."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from plotly import graph_objects as go

from eksplora.drawing.colour import BLUE, VERMILION
from eksplora.drawing.look import bars, figure, labels
from eksplora.records.confirm import Configuration
from eksplora.records.explain import FeatureImportance


def configurations(rows: Sequence[Configuration], metric: str) -> Markup:
    """The configurations that finished, row by row, with what the search had said of them."""
    names = labels([one.name for one in rows])
    means = [one.known.mean for one in rows]
    points = [(value, name) for one, name in zip(rows, names, strict=True) for value in one.members]
    said = [(one.found_by_search, name) for one, name in zip(rows, names, strict=True) if one.found_by_search]
    traces = [
        _marks(points, "a member", {"color": BLUE, "opacity": 0.35, "size": 7}),
        go.Scatter(
            x=means,
            y=names,
            error_x=bars([one.known.low for one in rows], means, [one.known.high for one in rows]),
            mode="markers",
            marker={"color": BLUE, "symbol": "square", "size": 10},
            name="mean, 95% interval",
            hovertemplate="%{y}: mean %{x:.4g}<extra></extra>",
        ),
        _marks(said, "value in the search", {"color": VERMILION, "symbol": "diamond-open", "size": 11}),
    ]
    category = {"type": "category", "categoryorder": "array", "categoryarray": names[::-1]}
    return figure(traces, x=metric, yaxis=category)


def importance(rows: Sequence[FeatureImportance]) -> Markup:
    """Features with the interval of their mean importance over members, the first on top."""
    names = labels([row.feature for row in rows])
    known = [row.importance for row in rows]
    means = [one.mean for one in known]
    bar = go.Bar(
        x=means,
        y=names,
        orientation="h",
        marker={"color": BLUE},
        error_x=bars([one.low for one in known], means, [one.high for one in known], color=VERMILION, thickness=2),
        hovertemplate="%{y}: %{x:.4g}<extra></extra>",
    )
    category = {"type": "category", "autorange": "reversed", "showgrid": False}
    return figure([bar], yaxis=category, showlegend=False, bargap=0.35)


def _marks(points: Sequence[tuple[float, str]], name: str, marker: dict[str, Any]) -> Any:
    x, y = zip(*points, strict=True) if points else ((), ())
    return go.Scatter(
        x=x, y=y, mode="markers", marker=marker, name=name, hovertemplate=f"%{{y}}: {name} %{{x:.4g}}<extra></extra>"
    )
