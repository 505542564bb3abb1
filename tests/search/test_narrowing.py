"""Coarse to fine: bounds are values that were tried, or those that were there."""

from collections.abc import Mapping
from typing import Any

import pytest

from eksplora.search.narrowing import at_bounds, narrowed
from eksplora.search.space import Choice, Condition, Domain, Parameter, SearchInterval, SearchRange


def narrow(domain: Domain, near: list[Any], far: list[Any]) -> Domain:
    (parameter,) = narrowed((Parameter("x", domain),), [{"x": value} for value in near], [{"x": v} for v in far])
    return parameter.domain


@pytest.mark.parametrize(
    ("near", "far", "low", "high"),
    [
        ([0.4, 0.5], [0.2, 0.1, 0.9, 0.8], 0.2, 0.8),
        ([0.4], [0.2], 0.2, 1.0),
        ([0.4], [], 0.0, 1.0),
        ([0.1, 0.9], [0.5], 0.0, 1.0),
        ([], [0.5], 0.0, 1.0),
    ],
)
def test_an_interval_ends_at_the_nearest_values_that_were_reported_from_the_best(
    near: list[float], far: list[float], low: float, high: float
) -> None:
    assert narrow(SearchInterval(0.0, 1.0), near, far) == SearchInterval(low, high)


def test_an_interval_keeps_its_scale_and_its_kind() -> None:
    assert narrow(SearchInterval(1, 1000, log=True, integer=True), [30], [10, 200]) == SearchInterval(
        10, 200, True, True
    )


def test_a_range_keeps_its_steps_and_both_ends_of_the_bracket() -> None:
    found = narrow(SearchRange(1, 10, 1), [4, 5], [2, 8])
    assert isinstance(found, SearchRange)
    assert [found.at(place) for place in range(found.count)] == [2, 3, 4, 5, 6, 7, 8]
    whole = narrow(SearchRange(1, 10, 2), [5], [])
    assert isinstance(whole, SearchRange)
    assert [whole.at(place) for place in range(whole.count)] == [1, 3, 5, 7, 9]


def test_categories_are_those_of_near_trials_in_their_order() -> None:
    assert narrow(Choice(("a", "b", "c")), ["c", "a"], ["b", "a"]) == Choice(("a", "c"))
    assert narrow(Choice(([64], [32, 32])), [[32, 32]], [[64]]) == Choice(([32, 32],))


def test_a_key_that_only_some_trials_have_keeps_its_condition() -> None:
    space = (
        Parameter("kind", Choice(("sgd", "adam"))),
        Parameter("momentum", SearchInterval(0.0, 0.9), Condition("kind", ("sgd",))),
    )
    near: list[Mapping[str, Any]] = [{"kind": "sgd", "momentum": 0.5}, {"kind": "adam"}]
    far: list[Mapping[str, Any]] = [{"kind": "sgd", "momentum": 0.1}]
    kind, momentum = narrowed(space, near, far)
    assert kind.domain == Choice(("sgd", "adam"))
    assert momentum == Parameter("momentum", SearchInterval(0.1, 0.9), Condition("kind", ("sgd",)))


@pytest.mark.parametrize(
    ("domain", "value", "warned"),
    [
        (SearchInterval(0.0, 1.0), 0.99, "lies at the bound 1"),
        (SearchInterval(0.0, 1.0), 0.01, "lies at the bound 0"),
        (SearchInterval(0.0, 1.0), 0.5, None),
        (SearchInterval(1e-4, 1e-1, log=True), 1.1e-4, "lies at the bound 0.0001"),
        (SearchInterval(1e-4, 1e-1, log=True), 5e-3, None),
        (SearchRange(1, 6, 1), 5, "lies at the bound 5"),
        (SearchRange(1, 6, 1), 4, None),
        (Choice((1, 2, 3)), 3, None),
    ],
)
def test_a_best_value_at_a_bound_is_reported(domain: Domain, value: float, warned: str | None) -> None:
    lines = list(at_bounds((Parameter("x", domain),), {"x": value}))
    assert len(lines) == (warned is not None)
    assert warned is None or warned in lines[0]
