"""The search space as Optuna sees it: distributions, and values as they are stored."""

import math
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from eksplora.search.space import Choice, Domain, Parameter, SearchInterval, SearchRange, Space, label


def distribution(domain: Domain) -> BaseDistribution:
    """The Optuna distribution of a domain; ranges and choices keep their exact values."""
    match domain:
        case SearchInterval(low, high, log, True):
            # Whole numbers within the bounds: int(interval(0.5, 3.2)) is 1, 2, 3.
            return IntDistribution(math.ceil(low), math.floor(high), log=log)
        case SearchInterval(low, high, log, False):
            return FloatDistribution(low, high, log=log)
        case SearchRange(start, _, step) if domain.is_integer:
            return IntDistribution(int(start), int(domain.at(domain.count - 1)), step=int(step))
        case SearchRange(start, _, step):
            return FloatDistribution(start, domain.at(domain.count - 1), step=step)
        case Choice(values):
            # By labels: Optuna stores scalars only, and a choice may be a list.
            return CategoricalDistribution([label(value) for value in values])
        case other:
            raise AssertionError(other)


def value_of(domain: Domain, stored: Any) -> Any:
    """The value that Optuna's stored value stands for."""
    match domain:
        case Choice(values):
            return next(value for value in values if label(value) == stored)
        case SearchRange(start, _, step) if not domain.is_integer:
            # start + i * step by multiplication, so that 0.1 * 3 is the same number in every study.
            return domain.at(round((stored - start) / step))
        case _:
            return stored


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    """Ask Optuna for a value of every key that exists, in the order of the space."""
    values: dict[str, Any] = {}
    for parameter in space:
        if parameter.when is None or parameter.when.holds(values):
            values[parameter.key] = _ask(trial, parameter)
    return values


def _ask(trial: optuna.Trial, parameter: Parameter) -> Any:
    known = distribution(parameter.domain)
    value = value_of(parameter.domain, _stored(trial, parameter.key, known))
    if isinstance(parameter.domain, SearchRange):
        # Optuna's steps carry rounding errors, and a study that goes on knows the value only.
        trial.storage.set_trial_param(trial._trial_id, parameter.key, known.to_internal_repr(value), known)
    return value


def _stored(trial: optuna.Trial, key: str, known: BaseDistribution) -> Any:
    match known:
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(key, choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(key, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_float(key, low, high, step=step, log=log)
        case other:
            raise AssertionError(other)
