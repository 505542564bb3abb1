import math
from typing import Any

import pytest

from eksplora.config import Configurator
from eksplora.search.space import Choice, Parameter, SearchInterval, SearchRange
from eksplora.study.packing import (
    LEARNING_BATCH,
    LEAST,
    MOST_ON_CPU,
    MOST_ON_GPU,
    divide,
    filling_batch,
    is_number,
    learning_batch,
    pack,
    signature,
)
from eksplora.study.trial import Trial
from eksplora.types import Config, Member

CONFIGURE = Configurator("search", ["experiment=boston_mlp"])


def config(**values: Any) -> Config:
    return CONFIGURE({key.replace("__", "."): value for key, value in values.items()})


def trials(count: int, members: int = 1, folds: int = 1, **values: Any) -> list[Trial]:
    of = config(**values)
    made = [Member(index, index // folds, index % folds) for index in range(members)]
    return [Trial(number, {}, of, "", made) for number in range(count)]


def sizes(parts: list[list[tuple[int, int]]]) -> list[int]:
    return [len(part) for part in parts]


@pytest.mark.parametrize(
    "values",
    [
        {"optimizer__lr": 0.5},
        {"optimizer__weight_decay": 0.5},
        {"loss": "huber"},
        {"data__excluded": ["LSTAT"]},
        {"scheduler": "exponential"},
        {"initialization": "torch_default"},
        {"early_stopping": "patience"},
        {"trainer__max_epochs": 7},
        {"clipping__norm": 1.0},
    ],
    ids=str,
)
def test_numbers_of_the_arithmetic_and_what_each_member_has_for_itself_do_not_part(values: dict[str, Any]) -> None:
    assert config(**values) != config()
    assert signature(config(**values)) == signature(config())


@pytest.mark.parametrize(
    "values",
    [
        {"optimizer": "sgd"},
        {"optimizer__eps": 0.5},
        {"model__widths": [8]},
        {"model__activation": "tanh"},
        {"model__dropout": 0.1},
        {"data__batch_size": 16},
        {"trainer__precision": "bf16-mixed"},
        {"training__engine": "single"},
    ],
    ids=str,
)
def test_shapes_batches_and_the_optimizer_part(values: dict[str, Any]) -> None:
    assert signature(config(**values)) != signature(config())


def test_dropout_rates_are_numbers_where_there_is_dropout() -> None:
    assert signature(config(model__dropout=0.1)) == signature(config(model__dropout=0.9))
    assert signature(config(model__dropout=[0.0, 0.1])) == signature(config(model__dropout=[0.0, 0.2]))
    assert signature(config(model__dropout=[0.0, 0.1])) != signature(config(model__dropout=[0.1, 0.0]))


def test_a_signature_leaves_its_configuration_as_it_was() -> None:
    given = config()
    signature(given)
    assert given == config()


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (Parameter("optimizer.lr", SearchInterval(1e-4, 1e-2, log=True)), True),
        (Parameter("loss", Choice(("mse", "huber"))), True),
        (Parameter("loss.delta", Choice((1.0, 2.0))), True),
        (Parameter("trainer.max_epochs", Choice((10, 20))), True),
        (Parameter("model.dropout", SearchInterval(0.0, 0.5)), True),
        (Parameter("model.dropout", Choice((0.1, 0.2))), True),
        (Parameter("model.dropout", Choice((0.0, 0.2))), False),
        (Parameter("model.dropout", SearchRange(0, 0.5, 0.1)), False),
        (Parameter("model.widths", Choice(([8], [16]))), False),
        (Parameter("optimizer", Choice(("adam", "sgd"))), False),
        (Parameter("optimizer.momentum", SearchInterval(0, 1)), False),
    ],
    ids=str,
)
def test_a_searched_key_is_a_number_when_all_its_values_go_together(parameter: Parameter, expected: bool) -> None:
    assert is_number(parameter) is expected
    assert learning_batch((parameter,)) == (LEARNING_BATCH if expected else 1)


def test_batches_fill_a_population_for_every_worker() -> None:
    assert filling_batch(config(), num_members=1, workers=2) == 2 * MOST_ON_CPU
    assert filling_batch(config(), num_members=8, workers=2) == 2 * MOST_ON_CPU // 8
    assert filling_batch(config(training__population=6), num_members=4, workers=3) == 3
    assert filling_batch(config(), num_members=1000, workers=3) == 3
    assert filling_batch(config(training__engine="single"), num_members=1, workers=3) == 3
    assert filling_batch(config(trainer="gpu"), num_members=1, workers=1) == MOST_ON_GPU


def test_every_training_is_packed_once_and_in_trial_order() -> None:
    made = trials(20, members=3, training__population=7)
    parts = pack(made, [100], workers=2)
    assert [key for part in parts for key in part] == [(number, member) for number in range(20) for member in range(3)]
    assert max(sizes(parts)) <= 7
    assert parts == pack(made, [100], workers=2)


def test_members_of_a_trial_stay_together_where_they_fit() -> None:
    parts = pack(trials(20, members=3, training__population=7), [100], workers=2)
    assert all(len({key[0] for key in part}) == len(part) / 3 for part in parts)
    parts = pack(trials(2, members=5, training__population=3), [100], workers=1)
    assert sorted(sizes(parts)) == [2, 2, 3, 3]


def test_all_workers_have_work_but_not_in_crumbs() -> None:
    assert sizes(pack(trials(20), [100], workers=2)) == [10, 10]
    assert sizes(pack(trials(1, members=4 * LEAST), [100], workers=4)) == [LEAST] * 4
    assert sizes(pack(trials(2 * LEAST - 1), [100], workers=2)) == [2 * LEAST - 1]
    assert sizes(pack(trials(3), [100], workers=2)) == [3]


def test_parts_differ_by_at_most_one_training() -> None:
    for count in range(1, 80):
        for most in (1, 2, 7, 32):
            lengths = sizes(divide([(number, 0) for number in range(count)], most))
            assert (sum(lengths), len(lengths)) == (count, math.ceil(count / most))
            assert max(lengths) - min(lengths) <= 1


def test_an_engine_that_is_single_and_a_limit_are_kept() -> None:
    assert sizes(pack(trials(5, members=2, training__engine="single"), [100], workers=2)) == [1] * 10
    assert max(sizes(pack(trials(50), [100], workers=1))) <= MOST_ON_CPU


def test_members_whose_epochs_have_another_number_of_steps_are_apart() -> None:
    made = trials(4, members=4, folds=2, data__batch_size=10)
    parts = pack(made, [100, 101], workers=1)  # 10 and 11 steps an epoch
    assert [{member % 2 for _, member in part} for part in parts] == [{0}, {1}]
    assert len(pack(made, [99, 100], workers=1)) == 1


def test_trials_that_cannot_go_together_are_apart() -> None:
    two = [*trials(2), *trials(2, model__widths=[8])]
    for number, trial in enumerate(two):
        trial.number = number
    assert pack([two[0], two[2], two[1], two[3]], [100], workers=1) == [[(0, 0), (1, 0)], [(2, 0), (3, 0)]]
