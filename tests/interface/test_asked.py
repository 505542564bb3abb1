"""Spaces from Python as the words of a command."""

import re
import traceback
from typing import Any

import pytest

import eksplora as ek
from eksplora.config import compose_request, gather_space, parse_space
from eksplora.errors import ConfigError
from eksplora.interface.asked import space_words
from eksplora.search.space import describe

WORDS = ("experiment=digits_cnn",)


def test_a_key_with_a_condition_is_searched_only_where_it_holds() -> None:
    own = {
        "momentum": ek.uniform(0, 0.9, when={"optimizer": "sgd"}),
        "optimizer": ["adam", "sgd", "rmsprop"],
        "hidden_units": ek.choice(16, 32, when={"optimizer": ["adam", "sgd"]}),
        "lr": ek.log(0.001, 0.1),
    }
    request = compose_request("search", gather_space([*WORDS, *space_words(own, WORDS)]))
    assert {one.key: describe(one) for one in parse_space(request.settings.space)} == {
        "optimizer": 'choice("adam", "sgd", "rmsprop")',
        "optimizer.lr": "tag(log, interval(0.001, 0.1))",
        "optimizer.momentum": 'interval(0.0, 0.9) when optimizer=choice("sgd")',
        "model.hidden_units": 'choice(16, 32) when optimizer=choice("adam", "sgd")',
    }


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"optimiser": "sgd"}, "space: 'momentum' depends on 'optimiser', which is not searched. Search it too. Did"),
        ({}, "when: {} is not one key with its values. Write when={'optimizer': 'sgd'}."),
        ("sgd", "when: 'sgd' is not one key with its values."),
    ],
)
def test_a_condition_that_cannot_be_is_one_line(when: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        space_words({"optimizer": ["adam", "sgd"], "momentum": ek.uniform(0, 1, when=when)}, WORDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"experiment": 3}, "experiment: 3 is no text."),
        ({"name": ["a"]}, "name: ['a'] is no text."),
        ({"settings": [1]}, "settings: [1] does not say values by their names."),
        ({"settings": 0}, "settings: 0 does not say values by their names."),
        ({"settings": {1: 2}}, "settings: 1 is no name."),
        ({"space": "lr"}, "space: 'lr' does not say values by their names."),
        ({"space": {None: [1]}}, "space: None is no name."),
        ({"data": "a.csv", "target": 1}, "target: 1 is no name of a column."),
        ({"data": "a.csv", "target": []}, "target: [] is no name of a column."),
        ({"members": "a\nb"}, "members must be a whole number of at least 1, got 'a\\nb'."),
        ({"settings": {"widths": object}}, "settings: widths: <class 'object'> is no plain value."),
    ],
)
def test_arguments_of_another_kind_are_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as raised:
        ek.search(**{"experiment": "wine_mlp"} | arguments)
    assert "\n" not in str(raised.value)
    assert len(list(traceback.walk_tb(raised.value.__traceback__))) <= 3  # of them eksplora has one


@pytest.mark.parametrize(
    "configurations", [3, "ab", [{}, {}], {1: {}, 2: {}}, {"a": 1, "b": {}}, {"a": {1: 2}, "b": {}}]
)
def test_configurations_of_another_kind_are_one_line(configurations: Any) -> None:
    with pytest.raises(ConfigError, match=r"^(configurations|a): .* Write \{'lr': \.\.\.\}\.$"):
        ek.compare(configurations, experiment="wine_mlp")


@pytest.mark.parametrize("end", [None, "1", True, float("nan"), [1], 1j])
def test_ends_that_are_no_numbers_are_refused_where_they_are_written(end: Any) -> None:
    for domain in (ek.log, ek.uniform, ek.integers):
        with pytest.raises(ConfigError, match=rf"^ek\.{domain.__name__}: .* is not a (whole )?number\."):
            domain(1, end)
    with pytest.raises(ConfigError, match=r"^ek\.integers: 1\.5 is not a whole number"):
        ek.integers(1.5, 8)  # type: ignore[arg-type]
