import re

import optuna
import pytest

from eksplora.search.plots import study_pages


def study_of(values: list[dict[str, float]]) -> optuna.Study:
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    for fixed in values:
        study.enqueue_trial(fixed)
        trial = study.ask()
        study.tell(trial, sum(trial.suggest_float(name, 0, 10) for name in fixed))
    return study


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([], set()),
        ([{"x": 1}], {"history"}),
        ([{"x": 1}, {"x": 1}], {"history"}),
        ([{"x": 1}, {"x": 2}], {"history", "parallel_coordinates", "slices"}),
        ([{"x": float(i), "y": 1.0} for i in range(4)], {"history", "parallel_coordinates", "slices", "importance"}),
        ([{"x": 1}, {"x": 2}, {"y": 1}, {"y": 2}], {"history", "parallel_coordinates", "slices"}),
    ],
)
def test_a_page_is_drawn_only_where_there_is_something_to_see(values: list[dict[str, float]], names: set[str]) -> None:
    assert {name for name, _ in study_pages(study_of(values), metric="val/mae")} == names


def test_pages_name_the_metric_and_need_no_network() -> None:
    pages = dict(study_pages(study_of([{"x": 1}, {"x": 2}]), metric="holdout_mae"))
    for page in pages.values():
        assert "holdout_mae" in page
        assert not re.search(r"<(script|link)[^>]*(src|href)=", page)
