import numpy as np
import torch
from scipy.special import ndtri
from sklearn.preprocessing import QuantileTransformer

from eksplora.ranks import LEAST_SHARE, as_normal


def quantiles_of(rows: np.ndarray, count: int) -> torch.Tensor:
    return torch.from_numpy(np.nanquantile(rows, np.linspace(0, 1, count), axis=0))


def test_ranks_are_those_of_scikit_learn_where_no_value_is_of_many_rows() -> None:
    rows = np.random.default_rng(0).lognormal(size=(200, 3))
    own = as_normal(torch.from_numpy(rows), quantiles_of(rows, 50)).numpy()
    other = QuantileTransformer(n_quantiles=50, output_distribution="normal", subsample=None).fit_transform(rows)
    np.testing.assert_allclose(own, other, atol=1e-6)


def test_a_value_of_many_rows_lies_in_the_middle_of_their_shares() -> None:
    rows = np.repeat([0.0, 1.0, 2.0], [500, 250, 250])[:, None]
    found = as_normal(torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64), quantiles_of(rows, 1001))
    np.testing.assert_allclose(found[:, 0].numpy(), ndtri([0.25, 0.625, 0.875]), atol=0.005)


def test_values_beyond_all_others_have_the_outermost_numbers() -> None:
    rows = np.arange(10.0)[:, None]
    found = as_normal(torch.tensor([[-1e9], [1e9]], dtype=torch.float64), quantiles_of(rows, 10))[:, 0]
    np.testing.assert_allclose(found.numpy(), [ndtri(LEAST_SHARE), -ndtri(LEAST_SHARE)])


def test_what_is_missing_stays_missing_and_columns_without_quantiles_stay_as_they_are() -> None:
    rows = torch.tensor([[np.nan, 5.0], [1.0, 7.0]], dtype=torch.float64)
    knots = torch.tensor([[0.0, np.nan], [2.0, np.nan]], dtype=torch.float64)
    found = as_normal(rows, knots)
    assert found[0, 0].isnan() and found[1, 0] == 0.0
    assert found[:, 1].tolist() == [5.0, 7.0]
