import random

import pytest
from simulated import Frame, Pretended, frames

from eksplora.console.estimate import Length


def early(trial: int) -> int:
    return random.Random(trial).randint(30, 120)


def pruned(trial: int) -> int:
    return 200 if trial < 5 or random.Random(trial).random() < 0.3 else 10


def mixed(trial: int) -> Length:
    return Length(200, random.Random(trial).choice([6, 11, 21, 41]))


def shorter(trial: int) -> Length:
    return Length(20 * random.Random(trial).randint(1, 10), 11)


STUDIES = {
    "plain": Pretended(),
    "one training": Pretended(trials=1, workers=1),
    "one population of 8": Pretended(trials=1, members=8, together=8, workers=2),
    "early stopping": Pretended(trials=40, ends=early),
    "early stopping, 8 members": Pretended(trials=20, members=8, together=32, ends=early),
    "pruned": Pretended(trials=40, ends=pruned, batch=1),
    "batch sizes": Pretended(trials=30, length=mixed, batch=1),
    "batch sizes, all proposed": Pretended(trials=30, length=mixed, batch=30, together=4),
    "lengths": Pretended(trials=30, length=shorter, ends=lambda trial: shorter(trial).epochs),
    "resumed": Pretended(trials=40, past=25),
    "populations": Pretended(trials=64, together=8, batch=16),
    "odd at the end": Pretended(trials=9, workers=4, batch=4),
    "very short trainings": Pretended(trials=60, length=lambda trial: Length(3, 4), ends=lambda trial: 3, batch=2),
    "four candidates": Pretended(trials=4, members=10, together=10, batch=4, length=mixed),
}


LEAST = {"pruned": 0.65}
"""Share of frames that are right, where the first trials say nothing of the others: a pruner lets five pass."""
ENDS_EARLY = {name for name, study in STUDIES.items() if study.ends in (early, pruned)}


def near(frame: Frame, *, ends_early: bool) -> bool:
    """Within a factor of 1.5, or rightly less than ten seconds, or rightly "up to" before anything has ended early."""
    if frame.left is None:
        return False
    if ends_early and frame.is_bound and frame.left > frame.truth:
        return True
    return frame.truth / 1.5 <= frame.left <= frame.truth * 1.5 or max(frame.truth, frame.left) < 10


@pytest.mark.parametrize("name", STUDIES)
def test_an_estimate_is_there_after_the_first_epoch_and_near_the_truth_for_most_of_the_run(name: str) -> None:
    found = [frame for seed in range(2) for frame in frames(STUDIES[name], seed=seed, count=300)]
    present = sum(frame.left is not None for frame in found) / len(found)
    right = sum(near(frame, ends_early=name in ENDS_EARLY) for frame in found) / len(found)
    strictly = sum(near(frame, ends_early=False) for frame in found) / len(found)
    print(f"{name}: present {present:.0%}, right {right:.0%}, within 1.5 {strictly:.0%}")
    assert present >= 0.9
    assert right >= LEAST.get(name, 0.8)
