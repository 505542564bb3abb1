"""Which trials are not distinguishable from the best; and a search of two stages, really run."""

import csv
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
import surviving
from scipy import stats

from eksplora.config import compose_request, gather_space
from eksplora.errors import ConfigError
from eksplora.events import spool as spools
from eksplora.stage.search import search
from eksplora.study.findings import verdicts
from eksplora.study.ledger import Ledger
from eksplora.study.refinement import check_stages, split_by_best
from eksplora.study.trial import Trial, TrialOfStudy
from eksplora.types import Member, MemberResult, Status


def ledger(*values: Sequence[float], direction: str = "minimize") -> Ledger:
    """A study of finished trials whose members had these objectives."""
    found = Ledger("val/mae", direction)
    for number, members in enumerate(values):
        trial = Trial(number, {"x": number}, {}, str(number), [Member(i, i, 0) for i in range(len(members))])
        for index, value in enumerate(members):
            trial.results[index] = MemberResult(number, index, Status.FINISHED, value, 1, 1, 10, 0.5)
        found.conclude(trial)
        found.add(trial)
        found.note_end(trial)
    return found


NOWHERE = Path("no folder")
"""Without files of what members predicted, seeds alone are compared."""


def of_seeds(values: Sequence[float]) -> TrialOfStudy:
    """The baseline's trial with these objectives."""
    return TrialOfStudy(ledger(values).trials[0], NOWHERE)


BEST, NEAR, FAR = [1.0, 1.2, 0.9, 1.1], [1.1, 1.1, 1.0, 1.2], [2.0, 2.3, 1.8, 2.1]


def test_a_trial_is_distinguished_from_the_best_by_students_interval_of_the_paired_differences() -> None:
    near, far = split_by_best(ledger(FAR, BEST, NEAR))
    assert ([values["x"] for values in near], [values["x"] for values in far]) == ([1, 2], [0])
    for other, is_told in ((NEAR, False), (FAR, True)):
        differences = np.subtract(other, BEST)
        low, _ = stats.t.interval(0.95, 3, loc=differences.mean(), scale=stats.sem(differences))
        assert (low > 0) == is_told


def test_where_large_is_good_the_sign_turns() -> None:
    near, far = split_by_best(ledger(FAR, BEST, NEAR, direction="maximize"))
    assert ([values["x"] for values in near], [values["x"] for values in far]) == ([0], [2, 1])


@pytest.mark.parametrize(
    ("stages", "members", "message"),
    [
        (2, 2, r"study\.n_seeds=2 is too few\. Set study\.n_seeds=3 or more\."),
    ],
)
def test_stages_that_nothing_can_be_narrowed_between_are_refused(stages: int, members: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_stages(stages, members)


def test_verdicts_compare_the_three_best_with_the_best_and_with_the_baseline() -> None:
    spread = np.arange(8) / 100
    best, second, third, fourth = (list(1.0 + step + spread[::-1] * (step > 0)) for step in (0.0, 0.5, 1.0, 1.5))
    found = verdicts(ledger(fourth, best, second, third), NOWHERE, of_seeds([3.0] * 8))
    assert [(one.name, one.reference) for one in found] == [
        ("trial-2", "trial-1"),
        ("trial-3", "trial-1"),
        *((name, "baseline") for name in ("trial-1", "trial-2", "trial-3")),
    ]
    assert [one.verdict for one in found] == ["worse", "worse", "better", "better", "better"]
    smallest = 2 / 2**8  # of all sign flips of eight differences, those as extreme as all of one sign
    assert [one.p for one in found] == [smallest] * 5, "all pairs differ by far more than their spread"
    assert {one.num_comparisons for one in found} == {6}


def test_of_one_member_no_verdict_is_given() -> None:
    assert verdicts(ledger([1.0], [2.0]), NOWHERE, None) == []


def test_five_members_claim_nothing_at_the_five_percent_level() -> None:
    five = ledger([1.0, 1.1, 1.2, 1.3, 1.4], [9.0, 9.1, 9.2, 9.3, 9.4])
    found = verdicts(five, NOWHERE, of_seeds([99.0] * 5))
    assert {one.verdict for one in found} == {"not distinguishable"}


# --- a search of two stages --------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_second_stage_searches_around_what_cannot_be_distinguished_from_the_best(
    tmp_path: Path, prepared: str, capsys: pytest.CaptureFixture[str]
) -> None:
    surviving.warm_up()
    asked = [
        "experiment=diabetes_mlp",
        "trainer.max_epochs=3",
        "sampler=random",
        "study.n_trials=8",
        "study.n_seeds=3",
        "study.stages=2",
        "study.workers=1",
        "study.threads=1",
        "tracker=off",
        "space.params.optimizer.lr=tag(log, interval(1e-6, 1e-1))",
        prepared,
    ]
    with chdir(tmp_path), surviving.without_plots():
        search(compose_request("search", gather_space(asked)))
    first, second = (
        trials(tmp_path, name) for name in ("diabetes_mlp-random-3-seeds", "diabetes_mlp-random-3-seeds-stage-2")
    )
    shown = capsys.readouterr().out
    assert "trials are not distinguishable from the best. The next stage searches\n  optimizer.lr: " in shown
    (near, far) = split_by_best(read_ledger(tmp_path, "diabetes_mlp-random-3-seeds"))
    kept, lost = ([values["optimizer.lr"] for values in part] for part in (near, far))
    low = max((rate for rate in lost if rate < min(kept)), default=1e-6)
    high = min((rate for rate in lost if rate > max(kept)), default=1e-1)
    assert len(first) == len(second) == 8
    assert all(low <= rate <= high for rate in second)
    assert lost, "rates of 1e-6 learn nothing in three epochs"
    (results,) = tmp_path.glob("results/*/trials.csv")
    with results.open() as file:
        assert [float(row["optimizer.lr"]) for row in csv.DictReader(file)] == second


def trials(folder: Path, study: str) -> list[float]:
    events = spools.read(folder / "mlruns/studies" / study / "spool.jsonl")
    return [event.body.searched["optimizer.lr"] for event in events if event.kind == "trial"]


def read_ledger(folder: Path, study: str) -> Ledger:
    found = Ledger("val/mae", "minimize")
    found.replay(event.body for event in spools.read(folder / "mlruns/studies" / study / "spool.jsonl"))
    return found
