"""Members of different folds: parts of unequal size, each with its own scaling."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small
import torch
from safetensors.torch import load_file

from eksplora.training import held
from eksplora.training.recipe import Fold, Recipe
from eksplora.types import Decision, EpochReport, Member, MemberResult, Split

BASES = pytest.mark.parametrize("base", [small.regression, small.classification], ids=["mlp", "cnn"])


def folds(base: Callable[..., Recipe], sizes: Sequence[int]) -> list[Fold]:
    """Folds that learn from so many of the 96 rows and validate on the others, and scale by what they learn from."""
    whole, made = small.fold_of(base()), []
    for number, size in enumerate(sizes):
        order = np.roll(np.arange(96), 13 * number)
        split = Split(train=np.sort(order[:size]), validation=np.sort(order[size:]))
        shift = whole.features[split.train].mean(0, dtype=torch.float64).numpy()
        scale = whole.features[split.train].double().std(0).numpy()
        features = torch.from_numpy(((whole.features.double().numpy() - shift) / scale).astype(np.float32))
        made.append(Fold(split, features, whole.targets, shift, scale))
    return made


def seats(base: Callable[..., Recipe], sizes: Sequence[int], **changes: object) -> list[small.Seat]:
    """One seed, many folds."""
    members = [Member(index=index, seed=11, fold=index) for index in range(len(sizes))]
    return [small.Seat(base(**changes), member, fold) for member, fold in zip(members, folds(base, sizes), strict=True)]


def assert_close(result: MemberResult, alone: MemberResult) -> None:
    """As `test_population.py` measures it: a bit per sum."""
    assert (result.member, result.status, result.step) == (alone.member, alone.status, alone.step)
    for name, curve in alone.curves.items():
        assert result.curves[name] == pytest.approx(curve, rel=1e-5, abs=1e-6), name
    ours, theirs = (load_file(str(each.weights)) for each in (result, alone))
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=0, atol=1e-5, msg=name)


@BASES
@pytest.mark.parametrize("sizes", [[70, 69, 70, 69, 65], [69, 70], [80, 65, 79], [64, 64]], ids=str)
def test_members_of_unequal_folds_are_as_alone(
    base: Callable[..., Recipe], sizes: Sequence[int], tmp_path: Path
) -> None:
    members = seats(base, sizes)
    for result, seat in zip(small.train_together(members, tmp_path / "together"), members, strict=True):
        alone = small.train(seat.recipe, tmp_path / "alone", fold=seat.fold, member=seat.member)
        assert_close(result, alone)


def test_alone_is_a_bare_loop_over_the_fold_bit_for_bit(tmp_path: Path) -> None:
    for seat in seats(small.regression, [70, 69]):
        assert seat.fold is not None
        bare = small.bare_loop(seat.recipe, fold=seat.fold, seed=11)
        result = small.train(seat.recipe, tmp_path, fold=seat.fold, member=seat.member)
        stored = load_file(str(result.weights))
        for name, value in bare.network.state_dict().items():
            assert torch.equal(stored[f"network.{name}"], value), name
        assert np.array_equal(stored["shift"], seat.fold.shift)
        assert np.array_equal(stored["scale"], seat.fold.scale)


def test_the_last_batch_counts_with_its_true_size(tmp_path: Path) -> None:
    members = seats(small.regression, [70, 69, 66], max_epochs=1)
    for result, seat in zip(small.train_together(members, tmp_path), members, strict=True):
        bare = small.bare_loop(seat.recipe, fold=seat.fold, seed=11)
        assert result.curves["train/loss"] == pytest.approx(bare.train_loss, rel=1e-5)
        assert result.curves["val/loss"] == pytest.approx(bare.val_loss, rel=1e-5)


def test_validation_in_blocks_is_that_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = seats(small.regression, [80, 65, 79])  # 16, 31 and 17 rows validate
    whole = small.train_together(members, tmp_path / "whole")
    monkeypatch.setattr("eksplora.training.module.rows_at_once", lambda member: 15)  # 5 rows of each
    blocks = small.train_together(members, tmp_path / "blocks")
    for result, reference in zip(blocks, whole, strict=True):
        assert result.weights_sha256 == reference.weights_sha256
        for name in ("val/loss", "val/mae"):
            assert result.curves[name] == pytest.approx(reference.curves[name], rel=1e-6)


def test_a_fold_that_leaves_lets_the_others_go_on_as_they_were(tmp_path: Path) -> None:
    members = seats(small.regression, [70, 69, 70, 69, 65])
    whole = small.train_together(members, tmp_path / "whole")
    for place in range(5):
        pruned = small.Decides(at=1, decision=Decision.PRUNE, member_index=place)
        results = small.train_together(members, tmp_path / str(place), pruned)
        assert results.pop(place).epochs == 1
        rest = [result for result in whole if result.member != place]
        assert [result.weights_sha256 for result in results] == [result.weights_sha256 for result in rest]
        assert [result.curves for result in results] == [result.curves for result in rest]


def test_reports_come_for_all_members_of_an_epoch_together(tmp_path: Path) -> None:
    class Counts(small.Quiet):
        def epochs(self, reports: Sequence[EpochReport]) -> Sequence[Decision]:
            assert sorted(report.member for report in reports) == [0, 1, 2]
            assert len({report.epoch for report in reports}) == 1
            return super().epochs(reports)

    report = Counts()
    small.train_together(seats(small.regression, [69, 70, 69]), tmp_path, report)
    assert len(report.heard) == 9


def test_folds_with_different_numbers_of_steps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="different numbers of steps"):
        small.train_together(seats(small.regression, [65, 64]), tmp_path)


def test_each_decision_reaches_its_member_whatever_the_order_of_parts(tmp_path: Path) -> None:
    """Members are stacked by falling numbers of rows; reports and results keep their names."""
    members = seats(small.regression, [65, 70, 69])
    report = small.Decides(at=2, decision=Decision.PRUNE, member_index=1)
    results = small.train_together([replace(seat) for seat in members], tmp_path, report)
    assert [(result.member, result.epochs) for result in results] == [(0, 3), (1, 2), (2, 3)]


def test_folds_that_stay_apart_are_as_joined_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = seats(small.regression, [70, 69, 65])
    joined = small.train_together(members, tmp_path / "joined")
    monkeypatch.setattr(held, "MOST_JOINED_BYTES", 0)
    for one, other in zip(joined, small.train_together(members, tmp_path / "apart"), strict=True):
        assert one.curves == other.curves
