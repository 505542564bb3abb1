"""Coarse to fine: a space narrowed around the trials that are not distinguishable from the best. Pure functions."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eksplora.search.space import Choice, Domain, Parameter, SearchInterval, SearchRange, Space

Values = Mapping[str, Any]

EDGE = 0.02
"""A best value in the outer part of an interval, so much of its length, lies at its bound."""


def narrowed(space: Space, near: Sequence[Values], far: Sequence[Values]) -> Space:
    """The space around the trials that are not distinguishable from the best.

    Numbers: from the nearest value below all near trials that a far one has, to the nearest above; where none lies
    there, the bound stays. So bounds are values that were tried, or those that were there. Categories: those of near
    trials.

    Args:
        space: What was searched.
        near: Values of the trials that are not distinguishable from the best.
        far: Values of those that can.

    Examples:
        >>> space = (Parameter("lr", SearchInterval(0.0, 1.0)), Parameter("kind", Choice(("a", "b", "c"))))
        >>> near = [{"lr": 0.4, "kind": "a"}, {"lr": 0.5, "kind": "c"}]
        >>> far = [{"lr": 0.2, "kind": "b"}, {"lr": 0.1, "kind": "a"}]
        >>> [parameter.domain for parameter in narrowed(space, near, far)]
        [SearchInterval(low=0.2, high=1.0, log=False, integer=False), Choice(values=('a', 'c'))]
    """
    return tuple(
        replace(parameter, domain=_narrowed(parameter.domain, _of(parameter, near), _of(parameter, far)))
        for parameter in space
    )


def _of(parameter: Parameter, trials: Sequence[Values]) -> list[Any]:
    return [trial[parameter.key] for trial in trials if parameter.key in trial]


def _narrowed(domain: Domain, near: Sequence[Any], far: Sequence[Any]) -> Domain:
    if not near:
        return domain
    match domain:
        case Choice(values):
            return Choice(tuple(value for value in values if value in near))
        case SearchInterval(low, high):
            bottom, top = _bracket(near, far, low, high)
            return replace(domain, low=bottom, high=top) if bottom < top else domain
        case SearchRange(start, stop, step):
            # `stop` is not part of a range, so one step is added to the last value that is.
            bottom, top = _bracket(near, far, start, domain.at(domain.count - 1))
            return SearchRange(bottom, min(stop, top + step), step)


def _bracket(near: Sequence[Any], far: Sequence[Any], low: Any, high: Any) -> tuple[Any, Any]:
    # Far values inside of [min(near), max(near)] do not cut: other keys may have made those trials worse.
    below, above = [value for value in far if value < min(near)], [value for value in far if value > max(near)]
    return max(below, default=low), min(above, default=high)


def at_bounds(space: Space, best: Values) -> Iterator[str]:
    """Numbers of the best trial that lie at a bound of what was searched: there may be better ones beyond it."""
    for parameter in space:
        match parameter.domain, best.get(parameter.key):
            case SearchInterval(low, high, log=log), int() | float() as value:
                # On the scale that is searched: 2% of a logarithmic interval's decades, not of its length.
                place, start, end = map(math.log, (value, low, high)) if log else (value, low, high)
                share = (place - start) / (end - start)
                bounds = {low: share <= EDGE, high: share >= 1 - EDGE}
            case SearchRange() as steps, int() | float() as value:
                bounds = {
                    steps.at(0): value == steps.at(0),
                    steps.at(steps.count - 1): value == steps.at(steps.count - 1),
                }
            case _:
                continue
        for bound, is_there in bounds.items():
            if is_there:
                yield f"{parameter.key}={value:.4g} of the best trial lies at the bound {bound:g}: search beyond it too"
