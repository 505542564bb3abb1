import numpy as np
import torch
from linear_members import Linear, perceptrons, table
from sklearn.inspection import permutation_importance as of_sklearn
from torch import Tensor

from eksplora.explain.importance import permutation_importance


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().mean((1, 2))


def test_of_a_linear_model_it_is_twice_the_variance_that_the_feature_brings() -> None:
    networks, features = Linear(members=3, features=4), table(400, 4)
    for member in range(3):
        own = Linear(1, 4)
        own.weight, own.bias = networks.weight[member : member + 1], networks.bias[member : member + 1]
        targets = own(features[None])[0]  # the member makes no error, so nothing else moves
        found = permutation_importance(own, features, targets, squared, members=1, repeats=300, seed=0)
        expected = 2 * own.weight[0, :, 0].square() * features.var(0, correction=0)
        np.testing.assert_allclose(found[0], expected, rtol=0.02)


def test_it_is_that_of_scikit_learn() -> None:
    networks, features = Linear(members=2, features=3), table(60, 3)
    targets = features.sum(1, keepdim=True).sin()
    found = permutation_importance(networks, features, targets, squared, members=2, repeats=400, seed=0)
    for member in range(2):

        class Estimator:
            place = member

            def fit(self, *_: object) -> None: ...

            def score(self, x: np.ndarray, y: np.ndarray) -> float:
                outputs = networks(torch.from_numpy(np.array(x)).expand(2, -1, -1))[self.place]
                return -float((outputs - torch.from_numpy(y)).square().mean())

        theirs = of_sklearn(Estimator(), features.numpy(), targets.numpy(), n_repeats=400, random_state=1)
        noise = theirs.importances_std * (2 / 400) ** 0.5  # of the difference of two means of 400 repeats
        assert (np.abs(found[member] - theirs.importances_mean) < 4 * noise).all()


def test_members_that_are_alike_have_the_same_importance_bit_for_bit() -> None:
    networks = Linear(members=2, features=5)
    networks.weight[1], networks.bias[1] = networks.weight[0], networks.bias[0]
    features = table(30, 5)
    found = permutation_importance(networks, features, features[:, :1], squared, members=2, repeats=3, seed=0)
    assert (found[0] == found[1]).all()


def test_a_feature_that_no_network_uses_has_none() -> None:
    networks, features = Linear(members=2, features=3), table(50, 3)
    networks.weight[:, 1] = 0
    found = permutation_importance(networks, features, features[:, :1], squared, members=2, repeats=5, seed=0)
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found[:, 1], 0, atol=1e-12)


def test_blocks_of_rows_change_nothing(monkeypatch: object) -> None:
    networks, features = perceptrons(2, 3, 1, [8]), table(40, 3).float()
    targets = torch.zeros(40, 1)
    arguments = {"members": 2, "repeats": 4, "seed": 0}
    whole = permutation_importance(networks, features, targets, squared, **arguments)
    monkeypatch.setattr("eksplora.explain._members._ROWS", 14)  # type: ignore[attr-defined]
    np.testing.assert_allclose(
        permutation_importance(networks, features, targets, squared, **arguments), whole, rtol=1e-4, atol=1e-6
    )


def test_the_seed_decides_the_shuffles() -> None:
    networks, features = Linear(members=2, features=3), table(30, 3)
    first, again, other = (
        permutation_importance(networks, features, features[:, :1], squared, members=2, repeats=2, seed=seed)
        for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).any()
