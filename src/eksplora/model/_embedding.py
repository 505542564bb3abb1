"""Embeddings: a vector of numbers for each code of a category, of one network or of many members at once."""

import torch
from torch import Tensor, nn

MOST_NUMBERS = 50
"""Numbers of a vector, at most."""


def size_for(codes: int) -> int:
    """Numbers of a code's vector: half as many as there are codes, at most 50.

    Source: fast.ai, "Practical deep learning for coders", 2018, lesson 4: min(50, (codes + 1) // 2); for what vectors
    do: Guo and Berkhahn, "Entity embeddings of categorical variables", arXiv 1604.06737, 2016.

    Examples:
        >>> size_for(3), size_for(1000)
        (2, 50)
    """
    return min(MOST_NUMBERS, (codes + 1) // 2)


class Embedding(nn.Module):
    """A vector for each code: weight (codes, size) or (members, codes, size).

    Codes are whole numbers from 0, as floats. What is none of them (a missing one, not a number; one that is not known)
    has a vector of zeros. All vectors begin as zeros, so that a code which no row to learn from has keeps one: an
    element-wise optimizer does not move what has no gradient.
    """

    knows_members = True

    def __init__(self, codes: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(codes, size))

    def forward(self, codes: Tensor) -> Tensor:
        """(rows,) to (rows, size); with a member dimension first where the weight has one."""
        count = self.weight.shape[-2]
        is_known = (codes >= 0) & (codes < count) & (codes == codes.trunc())  # false where it is not a number
        places = torch.where(is_known, codes, 0.0).long()
        if self.weight.dim() == 3:
            # One table of all members' vectors: member m's begin at m * count.
            first = torch.arange(len(self.weight), device=codes.device)[:, None] * count
            found = self.weight.flatten(0, 1)[places + first]  # (members, rows, size)
        else:
            found = self.weight[places]  # (rows, size)
        return found * is_known.unsqueeze(-1)
