"""The trials of a search in numbers, and what pruning has saved, by hand."""

import json

import pytest

from eksplora.records.record import to_json
from eksplora.records.search import Pruned
from eksplora.study.findings import every_trial, saved_by_pruning
from eksplora.study.ledger import Ledger
from eksplora.study.trial import Trial
from eksplora.types import Member, MemberResult, Status


def trial(number: int, *results: tuple[Status, int, float], members: int) -> Trial:
    """A trial of 100 epochs whose members (status, epochs, seconds) have ended; the others never began."""
    found = Trial(
        number, {"x": number}, {"trainer": {"max_epochs": 100}}, str(number), [Member(i, i, 0) for i in range(members)]
    )
    for index, (status, epochs, seconds) in enumerate(results):
        value = 2.0 + index if status is Status.FINISHED else None
        found.results[index] = MemberResult(number, index, status, value, epochs, epochs, 10 * epochs, seconds)
    Ledger("val/mae", "minimize").conclude(found)
    return found


@pytest.fixture
def ledger() -> Ledger:
    found = Ledger("val/mae", "minimize")
    found.add(trial(1, (Status.PRUNED, 20, 4.0), members=2))
    found.add(trial(0, (Status.FINISHED, 100, 5.0), (Status.FINISHED, 100, 5.0), members=2))
    found.add(trial(2, (Status.PRUNED, 10, 1.0), (Status.PRUNED, 10, 3.0), members=2))
    return found


def test_what_pruning_saved_is_the_epochs_left_at_the_pace_of_each_trial(ledger: Ledger) -> None:
    saved = saved_by_pruning(ledger)
    assert (saved.trials, saved.epochs_saved) == (2, (200 - 20) + (200 - 20))
    assert saved.seconds_saved == pytest.approx(180 * 4 / 20 + 180 * (0.1 + 0.3) / 2)


def test_a_search_without_pruning_saved_nothing() -> None:
    assert saved_by_pruning(Ledger("val/mae", "minimize")) == Pruned()


def test_every_trial_is_listed_in_order_and_only_a_finished_one_has_values(ledger: Ledger) -> None:
    shown = every_trial(ledger)
    assert [one.trial for one in shown] == [0, 1, 2]
    assert [one.status for one in shown] == ["finished", "pruned", "pruned"]
    assert [(one.value, one.members) for one in shown] == [(2.5, [2.0, 3.0]), (None, []), (None, [])]
    assert shown[0].seconds == 10.0 and shown[0].values == {"x": 0}
    assert [json.loads(to_json(one))["trial"] for one in shown] == [0, 1, 2], "JSON without numbers that are none"


def test_a_pruned_trial_that_took_its_end_over_saved_nothing(ledger: Ledger) -> None:
    before = saved_by_pruning(ledger)
    again = trial(3, (Status.PRUNED, 20, 4.0), members=2)
    again.repeats = 1
    ledger.add(again)
    assert saved_by_pruning(ledger) == before
