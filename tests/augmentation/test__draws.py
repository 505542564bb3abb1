import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import betaincinv

from eksplora.augmentation._draws import CELLS, LEVELS, OWN, PER_ROW, Drawer, Quantiles
from eksplora.augmentation._mixing import beta
from eksplora.draw import uniform

KEYS = torch.tensor([3, -(2**40), 11])


def test_a_rows_draws_come_from_its_place_in_the_whole_batch() -> None:
    draws = Drawer([], [5, 6])(KEYS, rows=4, first=1, every=3)
    for number, drawn in zip((5, 6), draws.of_rows(range(5, 7)), strict=True):
        places = torch.tensor([OWN + PER_ROW * row + number for row in (1, 4, 7, 10)])
        assert torch.equal(drawn, uniform(KEYS, places))


def test_batches_of_other_sizes_and_places_draw_their_own_in_turn() -> None:
    drawer = Drawer([1], [2])
    whole = drawer(KEYS, rows=9, first=0, every=1)
    for rows, first, every in ((3, 2, 3), (9, 0, 1), (4, 0, 1), (4, 1, 2)):
        part = drawer(KEYS, rows=rows, first=first, every=every)
        assert torch.equal(part.each[2], whole.each[2][:, first::every][:, :rows])
        assert torch.equal(part.own[1], whole.own[1])


def test_members_and_rows_never_share_a_draw() -> None:
    draws = Drawer(range(OWN), range(PER_ROW))(KEYS[:1], rows=300, first=0, every=1)
    drawn = [*draws.of_members(range(OWN)), *(row.flatten() for row in draws.of_rows(range(PER_ROW)))]
    everything = torch.cat(drawn)
    assert len(everything) == OWN + 300 * PER_ROW
    assert torch.equal(everything.sort().values, uniform(KEYS[0], torch.arange(len(everything))).sort().values)


def test_quantiles_are_exact_at_the_levels_and_straight_between() -> None:
    quantiles = Quantiles(np.stack([LEVELS, LEVELS**2]))
    at = torch.tensor([[0, 1, 7], [CELLS // 2, CELLS - 2, CELLS - 1]]) / CELLS
    values = quantiles(at)
    assert values.shape == (2, 2, 3)
    assert torch.equal(values[0], at)
    assert torch.equal(values[1], torch.from_numpy(at.double().numpy() ** 2).float())
    between = quantiles(torch.tensor([2.25 / CELLS]))[1]
    torch.testing.assert_close(between, torch.tensor([(4 + 0.25 * 5) / CELLS**2]))


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 2.5, 40.0])
def test_shares_are_from_beta(alpha: float) -> None:
    low = uniform(torch.tensor(5), torch.arange(10_000)) / 2
    shares = beta(alpha)(low)  # the half below the median: above, many differ from 1 by less than float32 can tell
    assert stats.kstest(shares.double().numpy(), lambda share: 2 * stats.beta(alpha, alpha).cdf(share)).pvalue > 0.01
    torch.testing.assert_close(beta(alpha)(1 - low), 1 - shares, rtol=0, atol=1e-4)


def test_quantiles_of_beta_are_scipys_to_a_thousandth_away_from_the_ends() -> None:
    draws = uniform(torch.tensor(5), torch.arange(1000)).clamp(0.001, 0.999)
    torch.testing.assert_close(
        beta(0.4)(draws).double(),
        torch.from_numpy(betaincinv(0.4, 0.4, draws.double().numpy())),
        rtol=0,
        atol=1e-3,
    )
