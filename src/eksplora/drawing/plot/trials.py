"""Pictures of a search: its history, and what its good trials have in common."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from plotly import graph_objects as go

from eksplora.drawing.axis import described, in_order, is_scale, is_wide, marks, places, setting
from eksplora.drawing.colour import BLUE, GREY, VERMILION
from eksplora.drawing.look import figure, labels, plain
from eksplora.records.search import TrialRecord

Trials = Sequence[TrialRecord]

BEST_SHARE = 0.1
"""Trials that stand out among the others in parallel coordinates."""


def history(trials: Trials, metric: str, direction: str) -> Markup:
    """The value of each trial, and the best so far."""
    known = [one for one in trials if one.value is not None]
    numbers, values = [one.trial for one in known], [one.objective for one in known]
    better = min if direction == "minimize" else max
    best = [better(values[: place + 1]) for place in range(len(values))]
    spread = [one.std or 0.0 for one in known]
    traces = [
        go.Scatter(
            x=numbers,
            y=values,
            mode="markers",
            marker={"color": BLUE, "size": 7, "opacity": 0.7},
            error_y={"type": "data", "array": spread, "color": BLUE, "thickness": 1, "width": 0} if any(spread) else {},
            text=[plain(described(one)) for one in known],
            name="a trial" + (", spread of its members" if any(spread) else ""),
            hovertemplate="trial %{x}: %{y:.4g}<br>%{text}<extra></extra>",
        ),
        go.Scatter(
            x=numbers,
            y=best,
            mode="lines",
            line={"color": VERMILION, "shape": "hv", "width": 2},
            name="best so far",
            hoverinfo="skip",
        ),
    ]
    return figure(traces, x="trial", y=metric)


def importance(shares: Mapping[str, float]) -> Markup:
    """Importance of each key."""
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    bar = go.Bar(
        x=[share for _, share in ordered],
        y=labels([key for key, _ in ordered]),
        orientation="h",
        marker={"color": BLUE},
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )
    category = {"type": "category", "autorange": "reversed", "showgrid": False}
    return figure([bar], x="importance, a share of 1", yaxis=category, showlegend=False, bargap=0.35)


def slices(trials: Trials, key: str, metric: str) -> Markup:
    """The value of each trial that has a key, against that key."""
    known = [one for one in trials if one.value is not None and key in one.values]
    values: list[Any] = [one.values[key] for one in known]
    trace = go.Scatter(
        x=values if is_scale(values) else [plain(setting(value)) for value in values],
        y=[one.value for one in known],
        mode="markers",
        marker={"color": BLUE, "size": 7, "opacity": 0.6},
        text=[f"trial {one.trial}" for one in known],
        hovertemplate="%{text}<br>%{x}<br>%{y:.4g}<extra></extra>",
    )
    return figure([trace], y=metric, xaxis=_axis(values), showlegend=False)


def _axis(values: Sequence[Any]) -> dict[str, Any]:
    """Axis of a key: a scale, logarithmic if it is wide; of a few settings, each of them in order."""
    if is_scale(values):
        return {"type": "log" if is_wide(values) else "linear", "exponentformat": "none"}
    return {"type": "category", "categoryorder": "array", "categoryarray": list(map(plain, in_order(values)))}


def parallel(trials: Trials, keys: Sequence[str], metric: str, direction: str) -> Markup:
    """Every trial as a line through the values of its keys to its result; the best tenth stands out."""
    sign = 1 if direction == "minimize" else -1
    ranked = sorted((one for one in trials if one.value is not None), key=lambda one: sign * one.objective)
    columns = {key: [one.values.get(key) for one in ranked] for key in keys}
    columns[metric] = [one.value for one in ranked]
    found = {name: places(values) for name, values in columns.items()}
    count = max(1, math.ceil(BEST_SHARE * len(ranked)))
    names = list(columns)
    groups = {"other trials": range(count, len(ranked)), f"best {count}": range(count)}
    traces = [
        _lines([[found[name][index] for name in names] for index in own], ranked, own, word)
        for word, own in groups.items()
        if len(own)
    ]
    titles = labels(names)
    return figure(
        traces,
        xaxis={
            "tickvals": list(range(len(names))),
            "ticktext": titles,
            "range": [-0.15, len(names) - 0.7],
            "side": "bottom",
            "tickangle": -30 if len(names) > 3 else 0,
            "ticklabeloverflow": "allow",
        },
        yaxis={"visible": False, "range": [-0.12, 1.12]},
        margin={"l": 70, "r": 40, "t": 12, "b": 40},
        annotations=[note for place, name in enumerate(names) for note in _ends(place, columns[name])],
    )


def _ends(place: int, values: Sequence[Any]) -> list[dict[str, Any]]:
    """Labels at the ends of an axis; of a few settings, each of them."""
    found = marks(values)
    return [
        {"x": place, "y": y, "text": text, "showarrow": False, "font": {"size": 10}, **_aside(y)}
        for y, text in zip(found, labels(list(found.values())), strict=True)
    ]


def _aside(y: float) -> dict[str, Any]:
    """Below the foot of an axis, above its head, right of it in between."""
    if y == 0:
        return {"yanchor": "top", "yshift": -4}
    return {"yanchor": "bottom", "yshift": 4} if y == 1 else {"xanchor": "left", "xshift": 5}


def _lines(places: Sequence[Sequence[float | None]], ranked: Trials, own: Sequence[int], word: str) -> Any:
    """Lines of several trials as one trace, each broken off from the next."""
    is_best = word.startswith("best")
    texts = [plain(f"trial {ranked[index].trial}: {described(ranked[index])}") for index in own]
    return go.Scatter(
        x=[x for one in places for x in [*range(len(one)), None]],
        y=[y for one in places for y in [*one, None]],
        text=[text for one, text in zip(places, texts, strict=True) for _ in range(len(one) + 1)],
        mode="lines+markers",
        marker={"size": 4},
        line={"color": VERMILION if is_best else GREY, "width": 2.5 if is_best else 1},
        opacity=1.0 if is_best else 0.45,
        name=word,
        hovertemplate="%{text}<extra></extra>",
    )
