"""The plots of a study, each a small page of its own that needs neither a network nor a library."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eksplora.drawing.axis import described, in_order, is_scale, is_wide, marks, places, setting, shortened
from eksplora.drawing.colour import BLUE, GREY, VERMILION
from eksplora.drawing.page import Drawn, page
from eksplora.drawing.svg import RULE, as_svg, drawing, logarithmic, pointed
from eksplora.records.search import SearchRecord, TrialRecord

Trials = Sequence[TrialRecord]

MOST_KEYS = 12
"""Keys that are drawn: those that matter most."""

BEST_SHARE = 0.1
"""Trials that stand out among the others in parallel coordinates."""


def pages(searched: SearchRecord) -> Iterator[tuple[str, str]]:
    """The plots that a study has numbers for, as (name, HTML).

    Args:
        searched: What the search hands on.
    """
    trials = searched.finished
    keys = sorted(varied(trials), key=lambda key: -searched.importance.get(key, 0.0))[:MOST_KEYS]
    if trials:
        yield "history", _page("History of the search", searched, history(trials, searched), _HISTORY)
    if keys:
        yield (
            "parallel_coordinates",
            _page("Parallel coordinates", searched, parallel(trials, keys, searched), _PARALLEL),
        )
        yield "slices", _page("Key by key", searched, slices(trials, keys, searched.metric), _SLICES)
    if searched.importance:
        yield "importance", _page("Importance of keys", searched, importance(searched.importance), _IMPORTANCE)


_HISTORY = "A dot is a trial, the line the best value so far. If it still gets better at the end, search on."
_PARALLEL = (
    "A line is a trial: it goes through its value of each key to its result on the right. Where the best ones, in "
    "vermilion, run together, the key matters and that value is good."
)
_SLICES = "A dot is a trial. All other keys vary too, so a slope may be another key's doing."
_IMPORTANCE = "How much a key decides whether a trial is among the best (PED-ANOVA). Few trials make it uncertain."


def varied(trials: Trials) -> list[str]:
    """The searched keys that had several values; where a trial lacks a key, that is a value too."""
    keys = dict.fromkeys(key for trial in trials for key in trial.values)
    return [key for key in keys if len({setting(trial.values.get(key)) for trial in trials}) > 1]


def _page(title: str, searched: SearchRecord, pictures: Sequence[Drawn], says: str) -> str:
    goal = "lower" if searched.direction == "minimize" else "higher"
    head = f"Study {searched.study}, {searched.metric} ({goal} is better)."
    return page(title, f"{head} {says} Point at a mark to read more.", pictures)


def history(trials: Trials, searched: SearchRecord) -> list[Drawn]:
    """The value of each trial, and the best so far."""
    better = min if searched.direction == "minimize" else max
    numbers, values = [one.trial for one in trials], [one.objective for one in trials]
    best = [better(values[: place + 1]) for place in range(len(values))]
    with drawing(7.5, 4) as (figure, axes):
        spread = [one.std or 0.0 for one in trials]
        if any(spread):
            axes.errorbar(numbers, values, yerr=spread, fmt="none", ecolor=BLUE, elinewidth=1, alpha=0.5)
        texts = [f"trial {one.trial}: {described(one)}" for one in trials]
        label = "a trial" + (", spread of its members" if any(spread) else "")
        axes.scatter(numbers, values, s=28, color=BLUE, alpha=0.75, urls=pointed(texts), label=label)
        axes.step(numbers, best, where="post", color=VERMILION, linewidth=1.8, label="best so far")
        axes.set_xlabel("trial")
        axes.set_ylabel(searched.metric)
        axes.xaxis.get_major_locator().set_params(integer=True)
        figure.legend(loc="outside upper left", ncols=2)
        svg = as_svg(figure, name="history")
    return [Drawn("Trials in their order", f"{searched.metric} of {len(trials)} trials", svg)]


def parallel(trials: Trials, keys: Sequence[str], searched: SearchRecord) -> list[Drawn]:
    """Every trial as a line through the values of its keys to its result; the best tenth stands out."""
    sign = 1 if searched.direction == "minimize" else -1
    ranked = sorted(trials, key=lambda one: -sign * one.objective)  # the best are drawn last
    columns = {key: [one.values.get(key) for one in ranked] for key in keys}
    columns[searched.metric] = [one.value for one in ranked]
    count = math.ceil(BEST_SHARE * len(ranked))
    with drawing(max(6.0, 1.6 * len(columns)), 4.4) as (figure, axes):
        _add_lines(axes, list(zip(*map(places, columns.values()), strict=True)), ranked, count)
        for place, values in enumerate(columns.values()):
            axes.axvline(place, color=RULE, linewidth=1, zorder=0)
            for y, text in marks(values).items():
                axes.text(place + 0.03, y, shortened(text), fontsize=8, va="top" if y == 0 else "bottom")
        axes.set_xticks(range(len(columns)), [shortened(name) for name in columns], rotation=20, ha="right")
        axes.set(xlim=(-0.1, len(columns) - 0.5), ylim=(-0.08, 1.08), yticks=[])
        axes.spines[:].set_visible(False)
        svg = as_svg(figure, name="parallel")
    label = f"Each trial as a line through its values of {', '.join(keys)} to its {searched.metric}"
    return [Drawn("Trials as lines", label, svg)]


def _add_lines(axes: Any, lines: Sequence[Sequence[float | None]], ranked: Trials, count: int) -> None:
    """Lines from axis to axis, the last `count` in the foreground; none where a trial has no value."""
    from matplotlib.collections import LineCollection

    for is_best in (False, True):
        own = range(len(lines) - count, len(lines)) if is_best else range(len(lines) - count)
        found = [[(x, math.nan if y is None else y) for x, y in enumerate(lines[index])] for index in own]
        texts = [f"trial {ranked[index].trial}: {described(ranked[index])}" for index in own]
        look: dict[str, Any] = (
            {"color": VERMILION, "linewidth": 2.2} if is_best else {"color": GREY, "linewidth": 1, "alpha": 0.5}
        )
        axes.add_collection(LineCollection(found, urls=pointed(texts), **look))


def slices(trials: Trials, keys: Sequence[str], metric: str) -> list[Drawn]:
    """The value of each trial against each key."""
    return [_slice(trials, key, metric, f"slice-{place}") for place, key in enumerate(keys)]


def _slice(trials: Trials, key: str, metric: str, name: str) -> Drawn:
    known = [one for one in trials if one.values.get(key) is not None]
    values: list[Any] = [one.values[key] for one in known]
    with drawing(4.6, 3) as (figure, axes):
        x = values
        if is_scale(values):
            if is_wide(values):
                logarithmic(axes.xaxis)
        else:
            settings = in_order(values)
            x = [settings.index(setting(value)) for value in values]
            turned = {"rotation": 20, "ha": "right"} if len(settings) > 3 else {}
            axes.set_xticks(range(len(settings)), [shortened(text) for text in settings], **turned)
            axes.set_xlim(-0.5, len(settings) - 0.5)
        texts = [f"trial {one.trial}: {described(one)}" for one in known]
        axes.scatter(x, [one.value for one in known], s=24, color=BLUE, alpha=0.65, urls=pointed(texts))
        axes.set_ylabel(metric)
        svg = as_svg(figure, name=name)
    return Drawn(key, f"{metric} of each trial against {key}", svg)


def importance(shares: Mapping[str, float]) -> list[Drawn]:
    """Importance of each key."""
    ordered = sorted(shares.items(), key=lambda item: item[1])
    with drawing(6.5, 1 + 0.32 * len(ordered)) as (figure, axes):
        axes.barh(range(len(ordered)), [share for _, share in ordered], color=BLUE, height=0.6)
        axes.set_yticks(range(len(ordered)), [shortened(key) for key, _ in ordered])
        axes.set_xlabel("importance, a share of 1")
        svg = as_svg(figure, name="importance")
    label = ", ".join(f"{key} {share:.3g}" for key, share in ordered[::-1])
    return [Drawn("Shares of 1", label, svg)]
