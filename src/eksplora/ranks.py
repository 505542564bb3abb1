"""Numbers by their ranks among those that were learned from."""

import torch
from torch import Tensor

LEAST_SHARE = 1e-7
"""Share of rows below what is below all quantiles: a normal number of -5.2; of what is above all, 5.2."""


def as_normal(features: Tensor, quantiles: Tensor) -> Tensor:
    """Features as numbers of a standard normal distribution, by the share of rows below each.

    As scikit-learn's QuantileTransformer with `output_distribution="normal"`, except that a value of many rows lies in
    the middle of their shares also where it is the least or the greatest one.

    Args:
        features: (rows, columns), float64; what is missing (NaN) stays so.
        quantiles: (quantiles, columns), ascending, from the least value to the greatest; a column of NaN is left as it
            is.
    """
    knots, values = quantiles.T.contiguous(), features.T.contiguous()  # (columns, quantiles), (columns, rows)
    last = knots.shape[1] - 1
    above = torch.searchsorted(knots, values).clamp(max=last)
    below = (torch.searchsorted(knots, values, right=True) - 1).clamp(min=0)
    low, high = knots.gather(1, below), knots.gather(1, above)
    # Between two knots a straight line; on knots of one value their middle.
    place = torch.where(high > low, (values - low) / torch.where(high > low, high - low, 1.0), 0.5)
    share = (below + place * (above - below)) / max(last, 1)
    normal = torch.special.ndtri(share.clamp(LEAST_SHARE, 1 - LEAST_SHARE))
    return torch.where(values.isnan() | knots[:, :1].isnan(), values, normal).T
