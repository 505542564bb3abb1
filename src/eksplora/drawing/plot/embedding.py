"""Rows as points: where a network puts them, and what features do to them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from plotly import graph_objects as go

from eksplora.drawing.colour import GREY
from eksplora.drawing.look import MOST_STYLES, colour_axis, figure, labels, marker, plain
from eksplora.records.explain import SingleRows

Points = Sequence[Sequence[float]]


def by_class(points: Points, numbers: Sequence[int], rows: Sequence[int], classes: Sequence[str]) -> Markup:
    """A map whose points have the colour and the sign of their class; of too many classes, a colour of a scale."""
    if len(classes) > MOST_STYLES:
        return by_number(points, numbers, rows, "class number", [classes[number] for number in numbers])
    traces = []
    for place, name in enumerate(classes):
        own = [index for index, number in enumerate(numbers) if number == place]
        if own:
            texts = [plain(f"{name}, row {rows[index]}") for index in own]
            style = marker(place, size=6, opacity=0.75)
            traces.append(_points([points[index] for index in own], texts, style, name=plain(name)))
    return figure(traces, legend={"itemsizing": "constant"}, **_axes())


def by_number(
    points: Points, values: Sequence[float], rows: Sequence[int], title: str, names: Sequence[str] = ()
) -> Markup:
    """A map whose points have a colour by a number."""
    texts = [plain(f"{name}, row {row}") for name, row in zip(names or map("{:.4g}".format, values), rows, strict=True)]
    style = {"color": list(values), "coloraxis": "coloraxis", "size": 6, "line": {"color": GREY, "width": 0.5}}
    bar = {"title": {"text": plain(title), "side": "right"}}
    return figure([_points(points, texts, style)], showlegend=False, **_axes(), **colour_axis("ordered", colorbar=bar))


def beeswarm(found: SingleRows) -> Markup:
    """SHAP values, a point a row, coloured by the feature's own value."""
    names = labels(found.feature)
    places = [len(names) - 1 - place for place in range(len(names))]
    trace = go.Scatter(
        x=[value for values in found.shap for value in values],
        y=[place + rise for place, values in zip(places, found.shap, strict=True) for rise in swarm(values)],
        text=[name for name, values in zip(names, found.shap, strict=True) for _ in values],
        mode="markers",
        marker={
            "color": [value for values in found.value for value in values],
            "coloraxis": "coloraxis",
            "size": 5,
            "opacity": 0.85,
        },
        hovertemplate="%{text}<br>SHAP %{x:.4g}<br>value %{marker.color:.2f} of its range<extra></extra>",
    )
    ticks = {"tickvals": places, "ticktext": names, "range": [-0.6, len(names) - 0.4]}
    bar = {"title": {"text": "value of the feature", "side": "right"}, "tickvals": [0, 1], "ticktext": ["low", "high"]}
    return figure(
        [trace],
        x="SHAP value",
        yaxis=ticks,
        showlegend=False,
        **colour_axis("diverging", cmin=0, cmax=1, colorbar=bar),
    )


def swarm(values: Sequence[float], *, bins: int = 40, half: float = 0.38) -> list[float]:
    """Offsets of points, so that those of about the same value do not hide each other.

    Points of one of `bins` equal parts of the range stand in turn above and below; the fullest part reaches `half`.

    Examples:
        >>> swarm([0.0, 1.0, 1.0, 1.0])
        [0.0, 0.0, 0.38, -0.38]
    """
    x = np.asarray(values, dtype=float)
    if not len(x):
        return []
    width = np.ptp(x) or 1.0
    part = np.minimum(((x - x.min()) / width * bins).astype(int), bins - 1)
    turn = np.array([int((part[:index] == own).sum()) for index, own in enumerate(part)])  # its number in its part
    step = (turn + 1) // 2 * np.where(turn % 2, 1, -1)
    return [float(value) for value in step * half / max(1, abs(step).max())]


def _points(points: Points, texts: Sequence[str], style: dict[str, Any], **more: Any) -> Any:
    x, y = zip(*points, strict=True) if len(points) else ((), ())
    return go.Scatter(
        x=x, y=y, text=texts, mode="markers", marker=style, hovertemplate="%{text}<extra></extra>", **more
    )


def _axes() -> dict[str, Any]:
    """Distances mean something, numbers beside the axes do not."""
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False, "showline": False}
    return {"xaxis": bare, "yaxis": {**bare, "scaleanchor": "x"}}
