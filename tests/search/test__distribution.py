import json
from typing import Any

import optuna
import pytest
from optuna.samplers import RandomSampler

from eksplora.search._distribution import distribution, suggest, value_of
from eksplora.search.space import Choice, Condition, Domain, Parameter, SearchInterval, SearchRange, label


def draws(domain: Domain, count: int = 300) -> list[Any]:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    return [suggest(study.ask(), (Parameter("key", domain),))["key"] for _ in range(count)]


def test_an_interval_gives_fractions_within_its_ends() -> None:
    values = draws(SearchInterval(0.5, 2))
    assert all(isinstance(value, float) and 0.5 <= value <= 2 for value in values)
    assert min(values) < 0.6 and max(values) > 1.9


def test_a_log_interval_gives_each_decade_its_share() -> None:
    values = draws(SearchInterval(1e-4, 1e-1, log=True), 900)
    assert all(1e-4 <= value <= 1e-1 for value in values)
    for low in (1e-4, 1e-3, 1e-2):
        assert sum(low <= value < low * 10 for value in values) == pytest.approx(300, abs=60)


def test_a_whole_interval_gives_all_its_whole_numbers_and_both_ends() -> None:
    values = draws(SearchInterval(1.5, 4.5, integer=True))
    assert set(values) == {2, 3, 4}
    assert all(type(value) is int for value in values)
    assert set(draws(SearchInterval(1, 4, log=True, integer=True))) == {1, 2, 3, 4}


def test_a_range_gives_its_exact_values_without_its_end() -> None:
    assert set(draws(SearchRange(2, 6, 1))) == {2, 3, 4, 5}
    assert set(draws(SearchRange(0, 0.5, 0.1))) == {0.0, 0.1, 0.2, 0.3, 0.4}
    assert set(draws(SearchRange(3, 4, 2))) == {3}


@pytest.mark.parametrize(
    "values", [("relu", "tanh"), ([64], [128, 128], []), (1, "1", None), (True, False), (0.1, 0.2)]
)
def test_a_choice_gives_back_its_very_values(values: tuple[Any, ...]) -> None:
    drawn = {json.dumps(value) for value in draws(Choice(values))}
    assert drawn == {json.dumps(value) for value in values}


@pytest.mark.parametrize(
    "domain",
    [
        SearchInterval(0.1, 0.9),
        SearchInterval(1, 9, integer=True),
        SearchRange(0, 1, 0.1),
        SearchRange(0, 9, 3),
        Choice(("a", [1], 2)),
    ],
)
def test_a_stored_value_is_inside_the_distribution_and_comes_back(domain: Domain) -> None:
    for value in draws(domain, 50):
        known = distribution(domain)
        internal = known.to_internal_repr(label(value))
        assert known._contains(internal)
        assert value_of(domain, known.to_external_repr(internal)) == value


def test_optuna_keeps_the_value_that_the_trial_trains_with() -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    for _ in range(100):
        trial = study.ask()
        values = suggest(trial, (Parameter("key", SearchRange(0, 1, 0.1)),))
        assert study.get_trials(deepcopy=False)[trial.number].params == values


def test_a_key_whose_condition_does_not_hold_is_not_asked() -> None:
    space = (Parameter("a", Choice((1, 2))), Parameter("b", SearchInterval(0, 1), Condition("a", (2,))))
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    drawn = [suggest(study.ask(), space) for _ in range(40)]
    assert {values["a"] for values in drawn} == {1, 2}
    assert all(("b" in values) == (values["a"] == 2) for values in drawn)
