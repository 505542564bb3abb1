"""The smallest network by hand: two inputs, two hidden units with ReLU, one output with a sigmoid, learning XOR."""

import numpy as np
import pytest
import torch
from torch import nn

from eksplora.model.mlp import MLP

INPUTS, TARGETS = np.array([[0.0, 0.0], [0.0, 1.0]]), np.array([[0.0], [1.0]])
W1, B1 = np.array([[0.1, 0.2], [0.3, 0.4]]), np.zeros(2)  # a column per unit: x @ W
W2, B2 = np.array([[0.5], [0.6]]), np.zeros(1)
LEARNING_RATE = 0.5


def network() -> MLP:
    """Ours puts out log-odds: the sigmoid is inside the loss."""
    made = MLP(input_shape=[2], num_outputs=1, widths=[2], activation="relu", output_activation="identity", dropout=0.0)
    made.double()
    hand = {"hidden.0.0.weight": W1.T, "hidden.0.0.bias": B1, "output.weight": W2.T, "output.bias": B2}
    made.load_state_dict({name: torch.tensor(value) for name, value in hand.items()})
    return made


def test_outputs_losses_and_errors_are_those_on_paper() -> None:
    scores = network()(torch.tensor(INPUTS))
    targets = torch.tensor(TARGETS)
    losses = nn.BCEWithLogitsLoss(reduction="none")(scores, targets)
    outputs = scores.sigmoid()
    assert scores.flatten().tolist() == pytest.approx([0, 0.3 * 0.5 + 0.4 * 0.6])
    assert outputs.flatten().tolist() == pytest.approx([0.5, 0.596], abs=5e-4)
    assert losses.flatten().tolist() == pytest.approx([0.693, 0.517], abs=5e-4)
    assert (outputs - targets).flatten().tolist() == pytest.approx([0.5, -0.404], abs=5e-4)


def test_hidden_units_are_those_on_paper() -> None:
    hidden = network().hidden(torch.tensor(INPUTS))
    assert hidden.tolist() == [[0.0, 0.0], pytest.approx([0.3, 0.4])]


def by_hand() -> dict[str, np.ndarray]:
    """The weights after one step of gradient descent on the mean loss of the batch."""
    sums = INPUTS @ W1 + B1
    hidden = np.maximum(sums, 0)
    probabilities = 1 / (1 + np.exp(-(hidden @ W2 + B2)))
    error = (probabilities - TARGETS) / len(INPUTS)  # the gradient of the log-odds
    back = error @ W2.T * (sums > 0)
    return {
        "hidden.0.0.weight": (W1 - LEARNING_RATE * INPUTS.T @ back).T,
        "hidden.0.0.bias": B1 - LEARNING_RATE * back.sum(0),
        "output.weight": (W2 - LEARNING_RATE * hidden.T @ error).T,
        "output.bias": B2 - LEARNING_RATE * error.sum(0),
    }


def test_the_first_step_is_that_on_paper() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    nn.BCEWithLogitsLoss()(model(torch.tensor(INPUTS)), torch.tensor(TARGETS)).backward()
    optimizer.step()
    expected = by_hand()
    assert expected["output.bias"] == pytest.approx([-0.5 * (0.5 - 0.4037) / 2], abs=1e-4)
    assert expected["output.weight"][0] == pytest.approx(
        [0.5 + 0.5 * 0.3 * 0.4037 / 2, 0.6 + 0.5 * 0.4 * 0.4037 / 2], abs=1e-4
    )
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(value.numpy(), expected[name], rtol=1e-12, atol=1e-15)
