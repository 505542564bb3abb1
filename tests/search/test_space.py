import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksplora.errors import ConfigError
from eksplora.search.space import (
    Choice,
    Condition,
    Parameter,
    SearchInterval,
    SearchRange,
    check_domain,
    describe,
    extremes,
    grid,
)


@given(start=st.integers(-50, 50), length=st.integers(1, 100), step=st.integers(1, 9))
def test_a_range_of_whole_numbers_is_pythons_range(start: int, length: int, step: int) -> None:
    steps = SearchRange(start, start + length, step)
    values = [steps.at(index) for index in range(steps.count)]
    assert values == list(range(start, start + length, step))
    assert all(isinstance(value, int) for value in values)


def test_a_range_of_fractions_adds_up_no_rounding_errors_and_leaves_its_end_out() -> None:
    steps = SearchRange(0, 1, 0.1)
    assert [steps.at(index) for index in range(steps.count)] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    tiny = SearchRange(1e-14, 4e-14, 1e-14)
    assert [tiny.at(index) for index in range(tiny.count)] == [1e-14, 2e-14, 3e-14]


@pytest.mark.parametrize(
    ("domain", "fault"),
    [
        (SearchInterval(1, 1), r"interval\(1, 1\) is empty"),
        (SearchInterval(2, 1), r"interval\(2, 1\) is reversed"),
        (SearchInterval(0, 1, log=True), "must start above 0, got 0"),
        (SearchInterval(0, math.inf), "is not finite"),
        (SearchInterval(math.nan, 1), "is not finite"),
        (SearchInterval(0.2, 1.8, integer=True), "less than two whole numbers"),
        (SearchRange(0, 0, 1), r"range\(0, 0, 1\) is empty"),
        (SearchRange(0, 3, -1), "is empty"),
        (SearchRange(0, math.inf, 1), "is not finite"),
        (Choice(()), "is empty"),
        (Choice((1, 2, 1)), "lists 1 twice"),
        (Choice((1, True)), "twice"),
        (Choice(([1, 2], [1, 2])), "twice"),
    ],
)
def test_a_domain_without_values_is_refused_with_its_key(
    domain: SearchInterval | SearchRange | Choice, fault: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^space\.params\.optimizer\.lr: .*{fault}"):
        check_domain(Parameter("optimizer.lr", domain))


@pytest.mark.parametrize(
    "domain", [SearchInterval(0, 1), SearchInterval(1, 2, log=True, integer=True), Choice(("1", 1, [1]))]
)
def test_a_domain_with_values_is_taken(domain: SearchInterval | Choice) -> None:
    check_domain(Parameter("key", domain))


def test_a_grid_has_every_point_once_and_conditional_points_are_not_repeated() -> None:
    space = (
        Parameter("optimizer", Choice(("adam", "sgd", "rmsprop"))),
        Parameter("widths", Choice(([8], [8, 8]))),
        Parameter("momentum", SearchRange(0, 1, 0.25), Condition("optimizer", ("sgd", "rmsprop"))),
    )
    points = grid(space)
    assert len(points) == 2 * (1 + 4 + 4)
    assert len({repr(sorted(point.items())) for point in points}) == len(points)
    assert all(("momentum" in point) == (point["optimizer"] != "adam") for point in points)
    assert points[0] == {"optimizer": "adam", "widths": [8]}
    assert points[1] == {"optimizer": "adam", "widths": [8, 8]}


def test_a_grid_of_nothing_is_one_point() -> None:
    assert grid(()) == [{}]


def test_a_grid_counts_both_ends_of_a_whole_interval() -> None:
    assert [point["n"] for point in grid((Parameter("n", SearchInterval(2, 5, integer=True)),))] == [2, 3, 4, 5]


def test_a_grid_over_a_continuous_interval_says_how_to_give_it_steps() -> None:
    with pytest.raises(ConfigError, match=r"space\.params\.lr: .*continuous.*range\(0, 1, 0\.2\)"):
        grid((Parameter("lr", SearchInterval(0, 1)),))


@pytest.mark.parametrize(
    "space",
    [(Parameter("a", SearchRange(0, 10**12, 1)),), tuple(Parameter(f"k{i}", SearchRange(0, 100, 1)) for i in range(5))],
)
def test_a_grid_too_large_to_enumerate_is_refused_at_once(space: tuple[Parameter, ...]) -> None:
    with pytest.raises(ConfigError, match="more than 1000000 points"):
        grid(space)


def test_extremes_stand_for_the_whole_domain() -> None:
    assert list(extremes(Parameter("a", SearchInterval(0.5, 3.5)))) == [0.5, 3.5]
    assert list(extremes(Parameter("a", SearchInterval(0.5, 3.5, integer=True)))) == [1, 3]
    assert list(extremes(Parameter("a", SearchRange(1, 10, 3)))) == [1, 7]
    assert list(extremes(Parameter("a", Choice((3, [4]))))) == [3, [4]]


def test_spaces_that_differ_in_the_last_digit_or_in_a_type_are_described_differently() -> None:
    domains = [
        SearchInterval(0.1, 1.0),
        SearchInterval(0.1, math.nextafter(1.0, 2.0)),
        SearchInterval(0.1, 1.0, log=True),
        SearchInterval(1, 2, integer=True),
        SearchRange(1, 2, 1),
        SearchRange(1, 2, 1.0),
        Choice(("1",)),
        Choice((1,)),
        Choice((True,)),
        Choice(("a", "b")),
        Choice(("a, b",)),
    ]
    conditions = [None, Condition("a", (1,)), Condition("a", ("1",)), Condition("b", (1,))]
    texts = [describe(Parameter("key", domain, when)) for domain in domains for when in conditions]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(("values", "holds"), [({"a": 1}, True), ({"a": 2}, False), ({}, False), ({"b": 1}, False)])
def test_a_condition_holds_only_when_its_key_has_a_listed_value(values: dict[str, int], holds: bool) -> None:
    assert Condition("a", (1, 3)).holds(values) is holds
