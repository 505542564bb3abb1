import pytest
import torch
from torch import Tensor, nn

from eksplora.errors import ConfigError
from eksplora.training.losses import MemberLosses

MEMBERS, ROWS, CLASSES = 3, 11, 4


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(MEMBERS, ROWS, CLASSES, generator=generator)
    return outputs, torch.randint(CLASSES, (MEMBERS, ROWS), generator=generator)


WEIGHTS = torch.tensor([[1.0, 2.0, 0.5, 0.0], [1.0, 1.0, 1.0, 1.0], [0.1, 5.0, 3.0, 0.7]])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_row_counts_as_its_class_does(smoothing: float) -> None:
    """Without smoothing that is torch's weighted cross entropy over as many rows, not over as much weight."""
    outputs, targets = batch()
    losses = MemberLosses([nn.CrossEntropyLoss(label_smoothing=smoothing)] * MEMBERS, WEIGHTS)
    for place, ours in enumerate(losses.weighted(outputs, targets)):
        rows = nn.CrossEntropyLoss(label_smoothing=smoothing, reduction="none")(outputs[place], targets[place])
        torch.testing.assert_close(ours, (rows * WEIGHTS[place][targets[place]]).sum() / ROWS)
        if smoothing == 0.0:
            summed = nn.CrossEntropyLoss(weight=WEIGHTS[place], reduction="sum")(outputs[place], targets[place])
            torch.testing.assert_close(ours, summed / ROWS)


def test_parts_of_a_batch_add_up_to_the_whole() -> None:
    """As devices share it: each part's mean counts by its rows."""
    outputs, targets = batch()
    losses = MemberLosses([nn.CrossEntropyLoss()] * MEMBERS, WEIGHTS)
    parts = [losses.weighted(outputs[:, rank::2], targets[:, rank::2]) for rank in (0, 1)]
    shares = [len(range(rank, ROWS, 2)) / ROWS for rank in (0, 1)]
    torch.testing.assert_close(parts[0] * shares[0] + parts[1] * shares[1], losses.weighted(outputs, targets))


def test_a_single_row_counts_as_its_class_does() -> None:
    outputs, targets = batch()
    losses = MemberLosses([nn.CrossEntropyLoss()] * MEMBERS, WEIGHTS)
    single = losses.weighted(outputs[:, :1], targets[:, :1])
    plain = losses(outputs[:, :1], targets[:, :1])
    torch.testing.assert_close(single, plain * WEIGHTS.gather(1, targets[:, :1])[:, 0])


def test_weights_of_one_change_nothing_but_rounding() -> None:
    outputs, targets = batch()
    weighted = MemberLosses([nn.CrossEntropyLoss()] * MEMBERS, torch.ones(MEMBERS, CLASSES))
    plain = MemberLosses([nn.CrossEntropyLoss()] * MEMBERS)
    torch.testing.assert_close(weighted.weighted(outputs, targets), plain.weighted(outputs, targets))
    assert torch.equal(plain.weighted(outputs, targets), plain(outputs, targets))


def test_only_training_is_weighted() -> None:
    outputs, targets = batch()
    losses = MemberLosses([nn.CrossEntropyLoss()] * MEMBERS, WEIGHTS)
    assert torch.equal(losses(outputs, targets), MemberLosses([nn.CrossEntropyLoss()] * MEMBERS)(outputs, targets))


def test_two_classes_are_weighted_by_their_labels() -> None:
    outputs, labels = torch.randn(2, 7, 1), torch.randint(2, (2, 7, 1)).float()
    weights = torch.tensor([[1.0, 3.0], [2.0, 0.5]])
    ours = MemberLosses([nn.BCEWithLogitsLoss()] * 2, weights).weighted(outputs, labels)
    for place in range(2):
        of_rows = weights[place][labels[place].long()]
        theirs = nn.BCEWithLogitsLoss(weight=of_rows)(outputs[place], labels[place])
        torch.testing.assert_close(ours[place], theirs)


def test_a_members_bits_do_not_depend_on_the_others() -> None:
    outputs, targets = batch()
    together = MemberLosses([nn.CrossEntropyLoss()] * MEMBERS, WEIGHTS).weighted(outputs, targets)
    for place in range(MEMBERS):
        own = slice(place, place + 1)
        alone = MemberLosses([nn.CrossEntropyLoss()], WEIGHTS[own]).weighted(outputs[own], targets[own])
        assert torch.equal(alone, together[own])


def test_members_with_losses_of_their_own_are_weighted_too_and_may_leave() -> None:
    outputs, targets = batch()
    own = [nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.3), nn.CrossEntropyLoss()]
    losses = MemberLosses(own, WEIGHTS)
    expected = losses.weighted(outputs, targets)
    for place in range(MEMBERS):
        alone = MemberLosses([own[place]], WEIGHTS[place : place + 1])
        torch.testing.assert_close(
            alone.weighted(outputs[place : place + 1], targets[place : place + 1])[0], expected[place]
        )
    losses.select([0, 2])
    chosen = torch.tensor([0, 2])
    torch.testing.assert_close(losses.weighted(outputs[chosen], targets[chosen]), expected[chosen])


def test_a_loss_that_is_no_mean_over_rows_cannot_be_weighted() -> None:
    with pytest.raises(ConfigError, match=r"^imbalance\.class_weights: MultiMarginLoss is no mean over rows\. Choose"):
        MemberLosses([nn.MultiMarginLoss()], torch.ones(1, 4))
