"""Learning curves: mean over members and their spread, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from plotly import graph_objects as go

from eksplora.report.look import BLUE, GREY, VERMILION, figure

Columns = Mapping[str, Sequence[float]]

STYLES = {"train": (BLUE, "rgba(0,114,178,0.18)", "solid"), "val": (VERMILION, "rgba(213,94,0,0.18)", "dash")}
"""Line, band and dash of each split."""

WORDS = {"train": "training", "val": "validation"}


def learning(curves: Columns, name: str) -> Markup:
    """A quantity on training and validation rows."""
    traces = [trace for split in STYLES if f"{split}/{name}" in curves for trace in _with_band(curves, split, name)]
    return figure(traces, x="epoch", y=name, hovermode="x")


def gap(curves: Columns, name: str) -> Markup:
    """Validation minus training."""
    both = zip(curves[f"val/{name}"], curves[f"train/{name}"], strict=True)
    trace = go.Scatter(
        x=curves["epoch"],
        y=[validation - training for validation, training in both],
        mode="lines",
        line={"color": BLUE, "width": 2},
        hovertemplate="epoch %{x}<br>%{y:.4g}<extra></extra>",
    )
    zero = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": {"color": GREY, "dash": "dot"}}
    return figure([trace], x="epoch", y=f"{name}: validation - training", shapes=[zero], showlegend=False)


def _with_band(curves: Columns, split: str, name: str) -> list[Any]:
    colour, pale, dash = STYLES[split]
    mean, epochs = curves[f"{split}/{name}"], curves["epoch"]
    line = go.Scatter(
        x=epochs,
        y=mean,
        mode="lines+markers" if len(mean) < 3 else "lines",
        name=WORDS[split],
        line={"color": colour, "width": 2, "dash": dash},
        hovertemplate="%{y:.4g}",
    )
    spread = curves.get(f"{split}/{name}_std")
    if spread is None:
        return [line]
    low, high = ([one + sign * std for one, std in zip(mean, spread, strict=True)] for sign in (-1, 1))
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, "x": epochs}
    return [go.Scatter(y=low, **edge), go.Scatter(y=high, fill="tonexty", fillcolor=pale, **edge), line]
