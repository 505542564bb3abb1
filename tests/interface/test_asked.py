"""Spaces from Python as the words of a command."""

import re
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
