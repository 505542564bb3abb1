"""The look of Plotly's pictures: colours that colour-blind people can distinguish, and what all of them have in common.

A picture has no colour of paper, ink or grid: the page's script gives it those of the theme, and the scale that a
colour axis is named after (`sequential`, `diverging` or `ordered`).
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from plotly import graph_objects as go

from eksplora.drawing.axis import LONGEST_LABEL, shortened
from eksplora.drawing.colour import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
DASHES = ("solid", "dash", "dot", "dashdot")

MOST_STYLES = len(COLOURS) * len(SYMBOLS)
"""Groups that colour and symbol together distinguish."""


def figure(
    traces: Sequence[Any], *, x: str = "", y: str = "", xaxis: Any = None, yaxis: Any = None, **layout: Any
) -> Markup:
    """A picture as JSON.

    Args:
        traces: Plotly's.
        x: Title of the axis.
        y: Likewise.
        xaxis: Further properties of the axis.
        yaxis: Likewise.
        layout: Of all.
    """
    both = {"automargin": True, "zeroline": False, "ticks": ""}
    made = go.Figure(
        traces,
        {
            "template": go.layout.Template(),  # not that of Plotly, which has colours of its own
            "margin": {"l": 48, "r": 12, "t": 12, "b": 40},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", **layout.pop("legend", {})},
            "xaxis": {**both, "title": {"text": plain(x), "standoff": 12}, **(xaxis or {})},
            "yaxis": {**both, "title": {"text": plain(y), "standoff": 12}, **(yaxis or {})},
            "hovermode": "closest",
            **layout,
        },
    )
    return as_json(made.to_plotly_json())


def as_json(value: Mapping[str, Any]) -> Markup:
    """JSON that may stand in a page's script; numbers to five digits, what is not finite null."""
    text = json.dumps(_rounded(value), allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))  # so that nothing in it ends the script


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value


def plain(text: str) -> str:
    """Text such that Plotly, which knows some of HTML, shows it as it is.

    Examples:
        >>> plain("<b>&")
        '&lt;b&gt;&amp;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def labels(names: Sequence[str]) -> list[str]:
    """Names for an axis, shortened, each still another than all before it.

    Examples:
        >>> labels(["short", "a very long name of a feature 1", "a very long name of a feature 2"])
        ['short', 'a very long name of a f…', 'a very long name of a … 2']
    """
    found: list[str] = []
    for place, name in enumerate(names):
        short = shortened(name)
        found.append(plain(short if plain(short) not in found else f"{name[: LONGEST_LABEL - 2]}… {place}"))
    return found


def colour_axis(scale: str, **more: Any) -> dict[str, Any]:
    """A colour axis, coloured by the page's theme.

    Args:
        scale: `sequential`: from the paper's colour; `diverging`: about 0; `ordered`: every colour is seen.
        more: Plotly's properties.
    """
    assert scale in ("sequential", "diverging", "ordered")
    bar = {"thickness": 10, "len": 0.9, "outlinewidth": 0, **more.pop("colorbar", {})}
    return {"coloraxis": {"colorbar": bar, **more}, "meta": {"scale": scale}}


def line(place: int) -> dict[str, Any]:
    """The style of a line by its place among others."""
    return {"color": COLOURS[place % len(COLOURS)], "dash": DASHES[place // len(COLOURS) % len(DASHES)], "width": 2}


def marker(place: int, **more: Any) -> dict[str, Any]:
    """The style of a point by its group's place among others."""
    symbol = SYMBOLS[(place + place // len(COLOURS)) % len(SYMBOLS)]
    return {"color": COLOURS[place % len(COLOURS)], "symbol": symbol, **more}


def bars(
    low: Sequence[float | None], middle: Sequence[float | None], high: Sequence[float | None], **more: Any
) -> dict[str, Any]:
    """Error bars of intervals; none where an end is not known."""

    def distance(a: float | None, b: float | None) -> float:
        return 0.0 if a is None or b is None else abs(a - b)

    return {
        "type": "data",
        "symmetric": False,
        "array": [distance(end, mean) for end, mean in zip(high, middle, strict=True)],
        "arrayminus": [distance(end, mean) for end, mean in zip(low, middle, strict=True)],
        "thickness": 1.5,
        "width": 4,
        **more,
    }
