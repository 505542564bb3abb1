"""What outer splits say together, compared with what a person would compute by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from eksplora.audit.summary import Audited, summarized, together
from eksplora.records.audit import AuditRecord, OuterSplit
from eksplora.records.record import from_json, to_json
from eksplora.statistics.generalization import Sample

NUM_ROWS, SPLITS, MEMBERS = 60, 5, 3


def audited(
    seed: int = 0, gain: float = 0.5, chosen: tuple[str, ...] = ("trial-1",) * SPLITS, by_rows: bool = True
) -> list[Audited]:
    """Outer splits of random losses; the choice is better by a gain, and the same where the own one was chosen."""
    rng = np.random.default_rng(seed)
    fold_of = rng.permutation(NUM_ROWS) % SPLITS
    base = rng.normal(3, 1, NUM_ROWS)
    found = []
    for fold, name in enumerate(chosen):
        losses = base + rng.normal(0, 0.3, (2, MEMBERS, NUM_ROWS)) - np.array([gain, 0])[:, None, None]
        losses[:, :, fold_of != fold] = np.nan
        if name == "baseline":
            losses[0] = losses[1]
        best, own = (
            Sample(np.nanmean(one, 1), np.full(MEMBERS, fold), 0.25, NUM_ROWS, one if by_rows else None)
            for one in losses
        )
        split = OuterSplit(
            **{"number": fold + 1, "rows": 12, "inner_rows": 48, "chosen": name, "values": {"optimizer.lr": 0.1}},
            **{"found": float(rng.normal(2, 0.2)), "confirmed": float(rng.normal(2.4, 0.2))},
            **{"outer": float(best.values.mean()), "own": float(own.values.mean())},
        )
        found.append(Audited(split, best, own))
    return found


def summary(found: list[Audited], **other: object) -> AuditRecord:
    known = {"experiment": "mine", "metric": "mae", "direction": "minimize", "alpha": 0.05, **other}
    return summarized(found, **known)  # type: ignore[arg-type]


def test_each_row_is_compared_once_with_members_averaged() -> None:
    """The paired t over rows, longhand; the factor is that of five folds."""
    found = audited(gain=0.15)
    differences = np.array(
        [
            np.mean([one.chosen.losses[m, row] - one.own.losses[m, row] for m in range(MEMBERS)])
            for row in range(NUM_ROWS)
            for one in found
            if not np.isnan(one.own.losses[0, row])
        ]
    )
    known = summary(found).versus_own
    error = np.sqrt(differences.var(ddof=1) / NUM_ROWS * 1.4)
    assert known.difference is not None and known.difference.mean == pytest.approx(differences.mean())
    assert known.p == pytest.approx(2 * stats.t.sf(abs(differences.mean()) / error, NUM_ROWS - 1))
    reach = stats.t.isf(0.025, NUM_ROWS - 1) * error
    assert (known.difference.low, known.difference.high) == pytest.approx(
        (differences.mean() - reach, differences.mean() + reach)
    )
    assert (known.verdict, known.scope) == ("better", "data like these")


def test_what_the_search_yields_is_the_mean_of_its_choices() -> None:
    found = audited()
    record = summary(found)
    assert record.yields.mean == pytest.approx(np.mean([one.split.outer for one in found]))
    assert record.own.mean == pytest.approx(np.mean([one.split.own for one in found]))
    assert record.yields.low < record.yields.mean < record.yields.high
    assert record.yields.scope == record.search_optimism.scope == "data like these"


def test_a_metric_that_is_no_mean_over_rows_is_judged_by_splits() -> None:
    """The corrected resampled t of the splits' means."""
    found = audited(by_rows=False)
    means = np.array([one.split.outer - one.split.own for one in found])
    error = np.sqrt(means.var(ddof=1) * (1 / SPLITS + 0.25))
    known = summary(found).versus_own
    assert known.p == pytest.approx(2 * stats.t.sf(abs(means.mean()) / error, SPLITS - 1))


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1), ("maximize", -1)])
def test_optimism_is_how_much_better_a_value_was_than_outer_rows_say(direction: str, sign: int) -> None:
    found = audited()
    record = summary(found, direction=direction)
    for known, said in ((record.search_optimism, "found"), (record.confirm_optimism, "confirmed")):
        values = np.array([sign * (one.split.outer - getattr(one.split, said)) for one in found])
        reach = stats.t.isf(0.025, SPLITS - 1) * np.sqrt(values.var(ddof=1) * (1 / SPLITS + 0.25))
        assert (known.mean, known.low, known.high) == pytest.approx(
            (values.mean(), values.mean() - reach, values.mean() + reach)
        )


def test_choices_that_are_worse_than_the_own_configuration_are_counted() -> None:
    found = audited(gain=0.0, seed=3)
    losses = np.array([one.split.outer - one.split.own for one in found])
    assert 0 < (losses > 0).sum() < SPLITS
    record = summary(found)
    assert record.worse == (losses > 0).sum()
    assert record.worse_share.mean == pytest.approx((losses > 0).mean())
    assert 0 <= record.worse_share.low < record.worse_share.mean < record.worse_share.high <= 1
    assert record.worse_by == pytest.approx(losses[losses > 0].mean())
    turned = summary(found, direction="maximize")
    assert turned.worse == (losses < 0).sum() and turned.worse_by == pytest.approx(-losses[losses < 0].mean())


def test_claims_of_the_confirmations_are_counted_and_whether_outer_rows_agree() -> None:
    found = audited(gain=0.0, seed=3)
    said = ["better", "better", "", "not distinguishable", "better"]
    found = [replace(one, split=replace(one.split, claimed=claimed)) for one, claimed in zip(found, said, strict=True)]
    better = [one.split.outer < one.split.own for one in found]
    record = summary(found)
    assert (record.claims, record.claims_held) == (3, better[0] + better[1] + better[4])
    assert f"better in 3 of 5 splits; on the outer rows it was in {record.claims_held} of these." in record.headline
    turned = summary(found, direction="maximize")
    assert (turned.claims, turned.claims_held) == (3, 3 - record.claims_held)
    assert "No confirmation claimed" in summary(audited()).headline


def test_a_search_that_always_chooses_the_own_configuration_is_never_worse() -> None:
    record = summary(audited(chosen=("baseline",) * SPLITS))
    assert (record.worse, record.worse_by, record.worse_share.mean) == (0, None, 0.0)
    assert record.worse_share.high > 0.3, "five splits cannot rule out one in three"
    assert (record.versus_own.verdict, record.versus_own.difference.mean) == ("not distinguishable", 0.0)
    assert "the difference is exactly 0" in record.headline


def test_splits_are_distinguished_and_ratios_averaged() -> None:
    found = audited()
    sample = together([replace(one.own, ratio=0.2 + 0.01 * place) for place, one in enumerate(found)])
    assert sample.splits.tolist() == [fold for fold in range(SPLITS) for _ in range(MEMBERS)]
    assert sample.ratio == pytest.approx(0.22)
    assert sample.is_partitioned and sample.values.shape == (SPLITS * MEMBERS,)


def test_the_headline_states_value_scope_verdict_count_and_optimism() -> None:
    record = summary(audited())
    assert record.headline.startswith(f"This search yields mae {record.yields.mean:.4g} [")
    assert "on data like these (5 outer splits of 60 rows): the choice of the search is better" in record.headline
    assert "worse than the experiment's own in 0 of 5 splits." in record.headline
    assert f"best value was optimistic by {record.search_optimism.mean:.3g} [" in record.headline


def test_a_value_that_was_too_bad_is_called_so_with_its_interval_turned() -> None:
    found = [replace(one, split=replace(one.split, found=one.split.found + 5)) for one in audited()]
    known = summary(found)
    ends = (-known.search_optimism.high, -known.search_optimism.low)
    assert f"pessimistic by {-known.search_optimism.mean:.3g} [{ends[0]:.3g}, {ends[1]:.3g}]" in known.headline


def test_a_record_is_read_as_it_was_written() -> None:
    record = summary(audited())
    assert from_json(to_json(record), AuditRecord, source="it", way_out="") == record
