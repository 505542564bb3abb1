"""The choice among candidates, recomputed with numpy and scipy."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from eksplora.confirmation.candidates import Candidate
from eksplora.confirmation.choice import Confirmed, confirmed, described, epoch_budget, headline, ranked
from eksplora.records.estimate import Estimate
from eksplora.study.ledger import Ledger
from eksplora.study.trial import Trial
from eksplora.types import Member, MemberResult, Status

ALPHA = 0.05


def tried(
    name: str,
    values: list[float | None],
    *,
    found: float | None = None,
    epochs: list[int] | None = None,
    status: Status = Status.FINISHED,
) -> Confirmed:
    """A candidate whose members ended so; None for a member that diverged."""
    trial = Trial(0, {"configuration": name}, {}, name, [Member(index, 100 + index) for index in range(len(values))])
    for index, value in enumerate(values):
        trial.results[index] = MemberResult(
            trial=0,
            member=index,
            status=status if value is None else Status.FINISHED,
            value=value,
            best_epoch=epochs[index] if epochs else 5,
            epochs=9,
            step=1,
            seconds=0.5,
            message="" if value is not None else "the loss is nan",
        )
    Ledger("val/mae", "minimize").conclude(trial)
    return confirmed(Candidate(name, {"optimizer.lr": 0.1}, {"name": name}, found), trial, Path("no files"))


THREE = [
    tried("trial-4", [1.0, 1.5, 1.25, 1.125, 1.0, 1.5], found=0.75),
    tried("trial-2", [2.0, 2.5, 1.0, 2.0, 3.0, 2.25], found=2.5),
    tried("baseline", [3.0, 2.75, 3.5, 4.0, 3.25, 2.5]),
]


@pytest.mark.parametrize(("direction", "first"), [("minimize", "trial-4"), ("maximize", "baseline")])
def test_the_best_mean_comes_first(direction: str, first: str) -> None:
    order = [one.name for one in ranked(THREE, direction)]
    assert order[0] == first and sorted(order) == sorted(one.name for one in THREE)
    means = [np.mean(one.values) for one in ranked(THREE, direction)]
    assert means == sorted(means, reverse=direction == "maximize")


def test_equal_means_keep_the_order_of_the_search() -> None:
    equal = [tried("trial-7", [1.0, 3.0]), tried("trial-1", [3.0, 1.0]), tried("baseline", [2.0, 2.0])]
    for direction in ("minimize", "maximize"):
        assert [one.name for one in ranked(equal, direction)] == ["trial-7", "trial-1", "baseline"]


def test_a_candidate_with_a_member_that_diverged_is_last_and_never_first() -> None:
    broken = tried("trial-9", [0.0, None], status=Status.DIVERGED)
    assert [one.name for one in ranked([broken, *THREE], "minimize")] == ["trial-4", "trial-2", "baseline"]
    last = described([broken, *THREE], "val/mae", "minimize", ALPHA)[-1]
    assert (last.name, last.status, last.members) == ("trial-9", "diverged", [])
    assert last.message == "the loss is nan"
    assert last.estimate is last.versus_best is last.versus_baseline is None


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_mean_spread_and_interval_are_numpys_and_scipys(direction: str) -> None:
    facts = {one.name: one for one in described(THREE, "val/mae", direction, ALPHA)}
    for one in THREE:
        values, known = np.array(one.values), facts[one.name]
        reach = stats.t.isf(0.025, len(values) - 1) * stats.sem(values) / values.mean()  # of the logarithm: mae >= 0
        low, high = values.mean() * np.exp([-reach, reach])
        assert known.known.scope == "these rows"  # no member's folder holds what it predicted
        assert known.known.mean == pytest.approx(values.mean(), rel=1e-12)
        assert known.known.std == pytest.approx(values.std(ddof=1), rel=1e-12)
        assert [known.known.low, known.known.high] == pytest.approx([low, high], rel=1e-12)
        assert known.members == list(one.values)


@pytest.mark.parametrize(("direction", "too_good"), [("minimize", 1.2291666666666667 - 0.75), ("maximize", None)])
def test_a_search_was_too_good_by_what_came_off_its_value(direction: str, too_good: float | None) -> None:
    """Smaller is better: the mean is above the search's value, which was optimistic; larger is better: the reverse."""
    facts = {one.name: one for one in described(THREE, "val/mae", direction, ALPHA)}
    expected = too_good if too_good is not None else 0.75 - 1.2291666666666667
    assert facts["trial-4"].optimism.mean == pytest.approx(expected, rel=1e-12)
    assert facts["trial-4"].found_by_search == 0.75
    assert facts["baseline"].found_by_search is facts["baseline"].optimism is None


def test_all_pairs_are_judged_together_by_exact_sign_flips() -> None:
    facts = {one.name: one for one in described(THREE, "val/mae", "minimize", ALPHA)}
    by_name = {one.name: np.array(one.values) for one in THREE}
    together = max_t({(one, other): by_name[one] - by_name[other] for one, other in combinations(by_name, 2)})
    for versus, reference in (("versus_baseline", "baseline"), ("versus_best", "trial-4")):
        others = [name for name in by_name if name != reference]
        wanted = {name: together.get((name, reference), together.get((reference, name))) for name in others}
        compared = {name: getattr(one, versus) for name, one in facts.items()}
        assert {name: compared[name].p for name in others} == pytest.approx(wanted, rel=1e-12)
        assert {compared[name].num_comparisons for name in others} == {3}
        assert compared[reference] is None
        for name in others:
            assert compared[name].difference.mean == pytest.approx((by_name[name] - by_name[reference]).mean())


def max_t(differences: dict[tuple[str, str], np.ndarray]) -> dict[tuple[str, str], float]:
    """Westfall and Young's step-down p, pattern by pattern: a member's sign is the same in all pairs."""
    count = len(next(iter(differences.values())))
    signs = np.array(np.meshgrid(*[[-1, 1]] * count)).reshape(count, -1).T
    sizes = {pair: np.abs(signs @ own) / np.sqrt((own**2).sum()) for pair, own in differences.items()}
    seen = {pair: abs(own.sum()) / np.sqrt((own**2).sum()) for pair, own in differences.items()}
    left, found, least = sorted(seen, key=lambda pair: -seen[pair]), {}, 0.0
    while left:
        largest = np.max([sizes[pair] for pair in left], axis=0)
        first = left.pop(0)
        least = found[first] = max(least, float((largest >= seen[first] - 1e-9).mean()))
    return found


def test_without_a_baseline_that_finished_nothing_is_compared_with_it() -> None:
    broken = tried("baseline", [None] * 6, status=Status.DIVERGED)
    facts = described([*THREE[:2], broken], "val/mae", "minimize", ALPHA)
    assert all(one.versus_baseline is None for one in facts)
    assert headline(facts[0], "val/mae") == "Chosen: trial-4, val/mae 1.229 [1.011, 1.495] on these rows, 6 members."


def test_one_member_has_no_spread_and_no_interval_and_is_said_to_be_one() -> None:
    facts = described([tried("trial-0", [2.0], found=1.5), tried("baseline", [3.0])], "val/mae", "minimize", ALPHA)
    assert facts[0].estimate == Estimate(mean=2.0, n=1, scope="these rows")
    assert headline(facts[0], "val/mae") == (
        "Chosen: trial-0, val/mae 2 on these rows, 1 member; trial-0 against baseline on these rows: -1; "
        "1 member cannot reach the 0.05 level (least p 1): 6 or more can."
    )


def test_the_headline_says_that_the_baseline_was_not_beaten() -> None:
    facts = described(THREE, "val/r2", "maximize", ALPHA)
    assert headline(facts[0], "val/r2").endswith(
        " on these rows, 6 members: no configuration that the search found has a better mean."
    )


@pytest.mark.parametrize(
    ("epochs", "budget"), [([3, 9, 4], 4), ([1, 2, 90, 100], 46), ([7], 7), ([1, 2], 2), ([0, 0, 1], 1)]
)
def test_the_budget_of_epochs_is_the_median_of_those_that_members_kept(epochs: list[int], budget: int) -> None:
    assert epoch_budget(tried("trial-0", [1.0] * len(epochs), epochs=epochs)) == budget
