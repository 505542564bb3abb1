"""Scale of a residual layer's branch, which is added to what came in."""

from torch import Tensor

from eksplora.model._normalization import Normalization
from eksplora.ranges import check_number


def scale_of_branches(value: object, count: int, normalization: Normalization, *, has_mean: bool) -> float:
    """Factor of each of `count` residual branches, such that signals do not explode with depth; a given value as is.

    A branch whose outputs are as large as its inputs, as initialization makes it, enlarges the sum by a factor at each
    layer. Branches that end in a linear map have mean 0, so that their squares add up, and 1 / sqrt(count) keeps the
    sum of `count` of them at one branch's size. Source: Hayou, Clerico, He, Deligiannidis, Doucet and Rousseau, "Stable
    ResNet", AISTATS 2021, uniform scaling.

    Branches that end in an activation have a mean, which adds up itself: 1 / count. Source: Hanin and Rolnick, "How to
    start training: The effect of initialization and architecture", NeurIPS 2018, where the logarithm of the length is
    of the order of the sum of the scales.

    A normalized branch has one size whatever came in, so that the sum grows in proportion to depth only: 1.

    Args:
        value: Of the configuration; None for the rule above.
        count: Branches of the network, one after another.
        normalization: Within each branch.
        has_mean: Whether a branch ends in an activation.

    Raises:
        ConfigError: If the value is neither None nor a number above 0.

    Examples:
        >>> scale_of_branches(None, 16, Normalization(), has_mean=False)
        0.25
        >>> scale_of_branches(None, 16, Normalization(), has_mean=True)
        0.0625
    """
    if value is not None:
        return check_number(value, "model.branch_scale", above=0, usual=1.0)
    if normalization.name != "none" or count == 0:
        return 1.0
    return 1 / count if has_mean else float(count**-0.5)


def added(skip: Tensor, branch: Tensor, scale: float) -> Tensor:
    """Skip + scale * branch, rounded twice: one fused operation would round a loop's last numbers otherwise."""
    return skip + branch if scale == 1 else skip + scale * branch
