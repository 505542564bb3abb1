"""Gain of a layer's initial weights over LeCun's, because of the activation that follows."""

from functools import cache
from math import pi, sqrt

import numpy as np
import torch
from numpy.typing import NDArray

from eksplora.model.activations import ACTIVATIONS, Activation

REACH = 12.0
"""Standard deviations that the integral goes to: the normal density is 2e-32 there."""
NODES, WIDTH = 40, 0.5
"""Nodes and width of a piece of the integral: exact for polynomials up to degree 79."""
LEAST, MOST = 2.0**-10, 2.0**10
"""Gains that are searched."""


@cache
def gain_before(activation: Activation) -> float | None:
    """The standard deviation of the weights before this activation, times sqrt(fan_in); None: Glorot's will do.

    The g with E[f(g z)^2] = 1, z from N(0, 1): inputs of second moment 1, as standardized features have, come out of
    the activation with second moment 1, layer after layer. Source: He, Zhang, Ren and Sun, "Delving deep into
    rectifiers", ICCV 2015, equations 7 to 15, which have sqrt(2) for the ReLU and sqrt(2 / (1 + slope^2)) for the leaky
    ones; here for any function. For SELU it is 1: Klambauer et al., "Self-normalizing neural networks", NIPS 2017.
    Where even weights of 0 give more (a softplus of beta below ln 2), it is 1 / sqrt(E[f(z)^2]), with which the second
    moment stays at E[f(z)^2].

    Bounded functions keep what comes out small by themselves, and the identity has nothing to correct: None.

    Examples:
        >>> round(gain_before(Activation("selu")), 12), gain_before(Activation("tanh"))
        (1.0, None)
    """
    if ACTIVATIONS[activation.name].bounded or activation.name == "identity":
        return None
    # No scale of the weights brings the outputs down to 1.
    if _second_moment(activation, LEAST) >= 1:
        return 1 / sqrt(_second_moment(activation, 1.0))
    # The second moment grows with the scale: bisection finds where it is 1.
    low, high = LEAST, MOST
    for _ in range(64):  # halvings of the logarithm: down to the last bit
        middle = sqrt(low * high)
        low, high = (middle, high) if _second_moment(activation, middle) < 1 else (low, middle)
    return low if high < MOST else None  # nothing of a normal number exceeds a threshold of 40 000


def _second_moment(activation: Activation, scale: float) -> float:
    """E[f(scale z)^2], z from N(0, 1), by Gauss and Legendre's rule on pieces without a corner of f inside."""
    corner = 1.0 if activation.parameter is None else activation.parameter  # thresholded_relu's default
    corners = [min(corner / scale, REACH)]
    edges = np.unique([*np.arange(-REACH, REACH + WIDTH, WIDTH), *corners])
    nodes, weights = _rule()
    # (pieces, 1)
    half = np.diff(edges)[:, None] / 2
    # (pieces, nodes): each piece has the nodes of the rule on [-1, 1], moved and stretched.
    z = edges[:-1, None] + half * (1 + nodes)
    with torch.no_grad():
        y = activation.layer().double()(torch.from_numpy(scale * z)).numpy()
    return float((half * weights * y**2 * np.exp(-(z**2) / 2)).sum() / sqrt(2 * pi))


@cache
def _rule() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights of Gauss and Legendre's rule on [-1, 1]; each search of a gain needs them 65 times."""
    return np.polynomial.legendre.leggauss(NODES)
