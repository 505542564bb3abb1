"""Populations on a GPU: as alone, the same bits again, and members that leave the others alone."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import small
import torch

from eksplora.types import Decision

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
BASES = pytest.mark.parametrize("base", [small.regression, small.classification], ids=["mlp", "cnn"])
COUNT = 64


@pytest.fixture(autouse=True)
def reproducible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def seats(base: Any) -> list[small.Seat]:
    trainer = partial(pl.Trainer, accelerator="gpu", devices=1, deterministic=True)
    network = partial(base().network, dropout=0.3, normalization="batch")
    rates = [1e-3 * (1 + index % 7) for index in range(COUNT)]
    adam = partial(torch.optim.Adam, eps=1e-4)
    return small.seats([base(trainer=trainer, network=network, optimizer=partial(adam, lr=rate)) for rate in rates])


@BASES
def test_members_are_as_alone(base: Any, tmp_path: Path) -> None:
    members = seats(base)
    together = small.train_together(members, tmp_path / "together")
    assert {result.device for result in together} == {"cuda"}
    for place in (0, 17, 63):
        alone = small.load(small.train(members[place].recipe, tmp_path / "alone", member=members[place].member))
        for name, value in small.load(together[place]).items():
            torch.testing.assert_close(value, alone[name], rtol=0, atol=1e-3, msg=name)


@BASES
def test_a_population_run_again_is_the_same_bits(base: Any, tmp_path: Path) -> None:
    first, second = (small.train_together(seats(base), tmp_path / name) for name in "ab")
    assert len({result.weights_sha256 for result in first}) == COUNT
    assert [result.weights_sha256 for result in first] == [result.weights_sha256 for result in second]


@BASES
def test_a_member_that_diverges_or_is_pruned_leaves_the_others_alone(base: Any, tmp_path: Path) -> None:
    members = seats(base)
    good = small.train_together(members, tmp_path / "good")
    wild = replace(members[5].recipe, optimizer=partial(torch.optim.Adam, lr=1e38, eps=1e-4))
    members[5] = replace(members[5], recipe=wild)
    pruned = small.Decides(at=1, decision=Decision.PRUNE, member_index=40)
    odd = small.train_together(members, tmp_path / "odd", pruned)
    assert [result.status for result in odd].count(good[0].status) == COUNT - 2
    for place in set(range(COUNT)) - {5, 40}:
        assert odd[place].weights_sha256 == good[place].weights_sha256, place
