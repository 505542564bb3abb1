import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eksplora.training import batches
from eksplora.training.batches import EvaluationChunks, TrainingChunks, epoch_order

ROWS = np.arange(100, 170)


def chunks_of(rows: np.ndarray, seed: int, batch_size: int, position: tuple[int, int] = (0, 0)) -> TrainingChunks:
    """Of one member."""
    return TrainingChunks([rows], [seed], batch_size=batch_size, position=lambda: ([0], *position))


def steps(chunks: TrainingChunks) -> list[torch.Tensor]:
    """Rows of the one member, step by step."""
    return [part.rows[0] for chunk in chunks for (part,) in chunk.steps]


@settings(deadline=None)
@given(rows=st.integers(1, 300), size=st.integers(1, 64), seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 10_000))
def test_an_epoch_sees_every_row_once_in_full_batches_but_the_last(rows: int, size: int, seed: int, epoch: int) -> None:
    numbers = np.arange(rows) * 3
    found = steps(chunks_of(numbers, seed, size, (epoch, 0)))
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
    whole, rest = chunks_of(ROWS, 1, 16, (4, 0)), chunks_of(ROWS, 1, 16, (4, done))
    assert whole.num_chunks == 3
    assert [len(chunk.steps) for chunk in whole] == [2, 2, 1]
    assert [step.tolist() for step in steps(rest)] == [step.tolist() for step in steps(whole)[2 * done :]]


def test_each_pass_is_the_epoch_that_the_position_names() -> None:
    epoch = 0
    chunks = TrainingChunks([ROWS], [1], batch_size=70, position=lambda: ([0], epoch, 0))
    for epoch in range(3):  # the position reads it
        assert torch.equal(steps(chunks)[0], epoch_order(ROWS, 1, epoch))


# --- several members ---------------------------------------------------------------------------------------------

FOLDS = [np.arange(0, 70), np.arange(10, 80), np.arange(27, 96), np.arange(30, 99)]  # 70, 70, 69 and 69 rows
SEEDS = [5, 6, 7, 8]


def by_member(chunks: TrainingChunks) -> dict[int, list[list[int]]]:
    """Per member, its rows step by step."""
    found: dict[int, list[list[int]]] = {}
    for chunk in chunks:
        for step in chunk.steps:
            assert [group.members.start for group in step] == [0, *(group.members.stop for group in step[:-1])]
            together = [rows.tolist() for part in step for rows in part.rows]
            for member, rows in zip(chunk.members, together, strict=True):
                found.setdefault(member, []).append(rows)
    return found


@pytest.mark.parametrize("members", [[0, 1, 2, 3], [1, 2], [0, 3], [2, 3], [1]])
def test_each_member_has_the_batches_that_it_has_alone(members: list[int]) -> None:
    together = TrainingChunks(FOLDS, SEEDS, batch_size=16, position=lambda: (members, 3, 0))
    assert by_member(together) == {
        member: [step.tolist() for step in steps(chunks_of(FOLDS[member], SEEDS[member], 16, (3, 0)))]
        for member in members
    }


def test_only_the_last_step_is_in_parts_where_last_batches_differ() -> None:
    (chunk,) = TrainingChunks(FOLDS, SEEDS, batch_size=16, position=lambda: ([0, 1, 2, 3], 0, 0))
    assert [[tuple(part.rows.shape) for part in step] for step in chunk.steps] == [
        *[[(4, 16)]] * 4,
        [(2, 6), (2, 5)],
    ]
    (single,) = TrainingChunks(FOLDS, SEEDS, batch_size=70, position=lambda: ([0, 1, 2, 3], 0, 0))
    assert [[tuple(part.rows.shape) for part in step] for step in single.steps] == [[(2, 70), (2, 69)]]


def test_members_with_different_numbers_of_steps_are_refused() -> None:
    with pytest.raises(AssertionError, match="different numbers of steps"):
        TrainingChunks([np.arange(65), np.arange(64)], [1, 2], batch_size=16, position=lambda: ([0, 1], 0, 0))


# --- evaluation --------------------------------------------------------------------------------------------------


def test_evaluation_blocks_hold_the_rows_in_their_order() -> None:
    blocks = EvaluationChunks([ROWS], members=lambda: [0], size=32)
    assert [(len(block.rows[0]), block.counts) for block in blocks] == [(32, (32,)), (32, (32,)), (6, (6,))]
    assert len(blocks) == 3
    assert torch.cat([block.rows[0] for block in blocks]).tolist() == ROWS.tolist()


@pytest.mark.parametrize("members", [[0, 1, 2], [0, 2], [1]])
def test_members_with_fewer_rows_are_filled_up_and_counted(members: list[int]) -> None:
    rows = [ROWS[:26], ROWS[:25] + 3, ROWS[:7] * 2]
    blocks = EvaluationChunks(rows, members=lambda: members, size=36)  # 12 rows of each of three
    assert [tuple(block.rows.shape) for block in blocks] == [(len(members), 12), (len(members), 12), (len(members), 2)]
    for place, member in enumerate(members):
        own = [block.rows[place, : block.counts[place]] for block in blocks]
        assert torch.cat(own).tolist() == rows[member].tolist()
