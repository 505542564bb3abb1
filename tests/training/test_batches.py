import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eksplora.training import batches
from eksplora.training.batches import EvaluationChunks, TrainingChunks, epoch_order

ROWS = np.arange(100, 170)


def steps(chunks: TrainingChunks) -> list[torch.Tensor]:
    return [step for chunk in chunks for step in chunk]


@settings(deadline=None)
@given(rows=st.integers(1, 300), size=st.integers(1, 64), seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 10_000))
def test_an_epoch_sees_every_row_once_in_full_batches_but_the_last(rows: int, size: int, seed: int, epoch: int) -> None:
    numbers = np.arange(rows) * 3
    found = steps(TrainingChunks(numbers, seed=seed, batch_size=size, position=lambda: (epoch, 0)))
    assert sorted(torch.cat(found).tolist()) == numbers.tolist()
    assert [len(step) for step in found[:-1]] == [size] * (rows // size - (rows % size == 0))
    assert len(found[-1]) == (rows % size or size)


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    orders = {(seed, epoch): tuple(epoch_order(ROWS, seed, epoch).tolist()) for seed in range(3) for epoch in range(3)}
    assert len(set(orders.values())) == 9
    torch.manual_seed(5)
    assert orders == {key: tuple(epoch_order(ROWS, *key).tolist()) for key in reversed(orders)}


def test_the_order_is_known() -> None:
    assert epoch_order(np.arange(8), 0, 0).tolist() == KNOWN_ORDER  # changes with it: every recorded result


KNOWN_ORDER = [3, 7, 1, 4, 6, 0, 2, 5]


@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_a_resumed_epoch_has_the_chunks_that_are_left(done: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK_STEPS", 2)
    whole = TrainingChunks(ROWS, seed=1, batch_size=16, position=lambda: (4, 0))
    rest = TrainingChunks(ROWS, seed=1, batch_size=16, position=lambda: (4, done))
    assert whole.num_chunks == 3
    assert [len(chunk) for chunk in whole] == [2, 2, 1]
    assert [step.tolist() for step in steps(rest)] == [step.tolist() for step in steps(whole)[2 * done :]]


def test_each_pass_is_the_epoch_that_the_position_names() -> None:
    epoch = 0
    chunks = TrainingChunks(ROWS, seed=1, batch_size=70, position=lambda: (epoch, 0))
    for epoch in range(3):  # the position reads it
        assert torch.equal(steps(chunks)[0], epoch_order(ROWS, 1, epoch))


def test_evaluation_blocks_hold_the_rows_in_their_order() -> None:
    blocks = EvaluationChunks(ROWS, size=32)
    assert [len(block) for block in blocks] == [32, 32, 6]
    assert len(blocks) == 3
    assert torch.cat(list(blocks)).tolist() == ROWS.tolist()
