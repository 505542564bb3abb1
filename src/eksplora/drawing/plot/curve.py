"""Learning curves: mean over members and their spread, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from plotly import graph_objects as go

from eksplora.drawing.colour import BLUE, GREY, VERMILION
from eksplora.drawing.look import figure

Columns = Mapping[str, Sequence[float]]

STYLES = {"train": (BLUE, "rgba(0,114,178,0.18)", "solid"), "val": (VERMILION, "rgba(213,94,0,0.18)", "dash")}
"""Line, band and dash of each split."""

WORDS = {"train": "training", "val": "validation"}


WIDE = 20.0
"""A quantity that spans more than this factor is drawn on a logarithmic scale: its end would be a flat line else."""

FIRST_EPOCHS = 0.05
"""Share of the epochs whose gap does not decide on the scale: a network that knows nothing yet."""


def is_logarithmic(curves: Columns, name: str) -> bool:
    """Whether a quantity is drawn on a logarithmic scale: it is positive and spans more than a factor of 20."""
    values = [value for split in STYLES for value in curves.get(f"{split}/{name}", ())]
    return bool(values) and min(values) > 0 and max(values) > WIDE * min(values)


def band(curves: Columns, split: str, name: str) -> tuple[list[float], list[float]] | None:
    """One spread below and above the mean; on a logarithmic scale not below half of the least mean that is drawn."""
    spread = curves.get(f"{split}/{name}_std")
    if spread is None:
        return None
    both = list(zip(curves[f"{split}/{name}"], spread, strict=True))
    low, high = [one - std for one, std in both], [one + std for one, std in both]
    if not is_logarithmic(curves, name):
        return low, high
    least = min(value for part in STYLES for value in curves.get(f"{part}/{name}", ())) / 2
    return [max(least, value) for value in low], high


def learning(curves: Columns, name: str) -> Markup:
    """A quantity on training and validation rows."""
    traces = [trace for split in STYLES if f"{split}/{name}" in curves for trace in _with_band(curves, split, name)]
    scale = {"yaxis": {"type": "log"}} if is_logarithmic(curves, name) else {}
    return figure(traces, x="epoch", y=name, hovermode="x", **scale)


def gaps(curves: Columns, name: str) -> list[float]:
    """Validation minus training, epoch by epoch."""
    both = zip(curves[f"val/{name}"], curves[f"train/{name}"], strict=True)
    return [validation - training for validation, training in both]


def gap_range(values: Sequence[float]) -> list[float] | None:
    """The ends of a gap's axis: zero and all but the first epochs lie inside. None where the first lie inside too."""
    later = [0.0, *values[int(FIRST_EPOCHS * len(values)) :]]
    low, high = min(later), max(later)
    room = 0.1 * (high - low)
    return None if min(values) >= low - room and max(values) <= high + room else [low - room, high + room]


def gap(curves: Columns, name: str) -> Markup:
    """Validation minus training."""
    values = gaps(curves, name)
    trace = go.Scatter(
        x=curves["epoch"],
        y=values,
        mode="lines",
        line={"color": BLUE, "width": 2},
        hovertemplate="epoch %{x}<br>%{y:.4g}<extra></extra>",
    )
    zero = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": {"color": GREY, "dash": "dot"}}
    ends = gap_range(values)
    scale = {} if ends is None else {"yaxis": {"range": ends}}
    return figure([trace], x="epoch", y=f"{name}: validation - training", shapes=[zero], showlegend=False, **scale)


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
    ends = band(curves, split, name)
    if ends is None:
        return [line]
    low, high = ends
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, "x": epochs}
    return [go.Scatter(y=low, **edge), go.Scatter(y=high, fill="tonexty", fillcolor=pale, **edge), line]
