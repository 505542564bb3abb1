from dataclasses import replace
from typing import Any

import pytest

from eksplora.config import Configurator
from eksplora.confirmation.candidates import candidates
from eksplora.counter import fingerprint
from eksplora.errors import DataError
from eksplora.records.search import RankedTrial, SearchRecord

OVERRIDES = ["experiment=diabetes_mlp"]


@pytest.fixture
def configure() -> Configurator:
    return Configurator("confirm", OVERRIDES)


def searched(configure: Configurator, *found: dict[str, Any]) -> SearchRecord:
    """A search that found these values, best first."""
    ranked = [
        RankedTrial(trial=10 + number, value=1.0 + number, key=fingerprint(configure(values)), values=values)
        for number, values in enumerate(found)
    ]
    return SearchRecord(study="diabetes_mlp-random", members="1 seed", trials={}, ranked=ranked)


RATES = [{"optimizer.lr": rate} for rate in (0.03, 0.01, 0.003)]


@pytest.mark.parametrize("best", [1, 2, 3, 9])
def test_the_best_of_the_search_are_tried_and_the_baseline_with_them(configure: Configurator, best: int) -> None:
    found = candidates(configure, searched(configure, *RATES), best)
    assert [one.name for one in found] == [*["trial-10", "trial-11", "trial-12"][:best], "baseline"]
    assert [one.config["optimizer"]["lr"] for one in found] == [*[0.03, 0.01, 0.003][:best], 0.001]
    assert [one.found for one in found] == [*[1.0, 2.0, 3.0][:best], None]
    assert found[-1].config == configure({}) and found[-1].values == {}


def test_a_trial_with_the_experiments_own_configuration_is_the_baseline(configure: Configurator) -> None:
    """It is trained once, and still every other is compared with it."""
    own = {"optimizer.lr": 0.001}
    found = candidates(configure, searched(configure, RATES[0], own, RATES[1]), 3)
    assert [one.name for one in found] == ["trial-10", "baseline", "trial-12"]
    assert (found[1].values, found[1].found, found[1].config) == (own, 2.0, configure({}))


def test_candidates_of_other_files_than_the_present_ones_are_refused(configure: Configurator) -> None:
    facts = searched(configure, *RATES)
    facts.ranked[1] = replace(facts.ranked[1], key="of another time")
    assert len(candidates(configure, facts, 1)) == 2
    with pytest.raises(
        DataError, match=r"^Trial 11 of diabetes_mlp-random was of another .* Search again, or give the"
    ):
        candidates(configure, facts, 2)


def test_a_search_without_a_finished_trial_is_refused(configure: Configurator) -> None:
    with pytest.raises(DataError, match=r"has no finished trial\. Search more: study\.n_trials\.$"):
        candidates(configure, searched(configure), 3)
