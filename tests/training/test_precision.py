"""Half-precision arithmetic: the bare loop under torch's autocast, and each member as alone."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import small
import torch

BASES = pytest.mark.parametrize("base", [small.regression, small.classification], ids=["mlp", "cnn"])
TRAINER = partial(pl.Trainer, accelerator="cpu", devices=1, deterministic=True, precision="bf16-mixed")


@BASES
def test_weights_are_those_of_a_bare_loop_under_autocast_bit_for_bit(base: Any, tmp_path: Path) -> None:
    recipe = base(trainer=TRAINER, optimizer=small.momentum)
    bare, stored = small.bare_loop(recipe, precision=torch.bfloat16), small.load(small.train(recipe, tmp_path))
    full = small.bare_loop(recipe).network.state_dict()
    for name, value in bare.network.state_dict().items():
        assert torch.equal(stored[name], value), name
        assert not torch.equal(full[name], value), name


@BASES
def test_members_are_as_alone(base: Any, tmp_path: Path) -> None:
    """Each product is rounded to 8 bits: sums in another order end in the next number, a difference of 2**-8."""
    seats = small.seats([base(trainer=TRAINER, optimizer=small.momentum)] * 3)
    together = small.train_together(seats, tmp_path / "together")
    for result, seat in zip(together, seats, strict=True):
        alone = small.load(small.train(seat.recipe, tmp_path / "alone", member=seat.member))
        stale = small.load(small.train(small_rate(seat.recipe), tmp_path / "stale", member=seat.member))
        for name, value in small.load(result).items():
            torch.testing.assert_close(value, alone[name], rtol=0, atol=BF16)
        moved = max(float((alone[name] - stale[name]).abs().max()) for name in alone if "running" not in name)
        assert moved > 5 * BF16  # they have learned: weights of before a step would show


BF16 = 1e-2
"""Weights after 15 steps: bf16 has 8 bits, so single products differ by 4e-3; batch normalization would multiply it."""


def small_rate(recipe: Any) -> Any:
    """The same, standing still."""
    return replace(recipe, optimizer=partial(torch.optim.SGD, lr=0.0))
