"""Maps of a hidden layer of networks, and how far it separates classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.explain.clustering import NAMES, scores
from eksplora.explain.embedding import MOST_ROWS, evenly, maps
from eksplora.explain.facts import ONE_MEMBER, Facts, clock, listed
from eksplora.records.explain import EmbeddingsRecord
from eksplora.records.measure import Measure
from eksplora.statistics.interval import estimate


def embedding_facts(
    hidden: NDArray[Any], *, labels: NDArray[Any], numbers: Sequence[int], is_classes: bool, seed: int
) -> Facts[EmbeddingsRecord]:
    """Maps of the first member's hidden layer; scores of all members.

    Args:
        hidden: What the last layers are given, (members, rows, units).
        labels: Class numbers or targets of the rows, (rows,) or (rows, targets), of which the first is taken.
        numbers: The rows' numbers.
        is_classes: Whether the labels are class numbers.
        seed: Of t-SNE, UMAP and k-means.

    Returns:
        Of at most 1500 rows, evenly taken; see `maps` and `scores`.
    """
    seconds = dict[str, float]()
    taken = evenly(hidden.shape[1], MOST_ROWS)
    rows, colour = hidden[:, taken], np.asarray(labels).reshape(hidden.shape[1], -1)[taken, 0]
    with clock(seconds, "embedding"):
        drawn, explained, notes = maps(rows[0], seed=seed)
    measured = None
    if is_classes:
        with clock(seconds, "clustering"):
            measured, others = _scores(rows, colour, seed)
        notes = list(dict.fromkeys([*notes, *others]))
    facts = EmbeddingsRecord(
        of="last hidden layer of member 0",
        units=hidden.shape[2],
        colour=[int(label) for label in colour] if is_classes else listed(colour),
        row=[int(numbers[index]) for index in taken],
        maps={name: listed(points) for name, points in drawn.items()},
        explained=explained,
        scores=measured,
        notes=notes,
    )
    return Facts(facts, seconds)


def _scores(rows: NDArray[Any], labels: NDArray[Any], seed: int) -> tuple[dict[str, Measure], list[str]]:
    """Each score over members, and what a reader should know."""
    each = [scores(own, labels, seed=seed) for own in rows]
    notes = [ONE_MEMBER] if len(rows) == 1 else []
    for number, (_, reasons) in enumerate(each):
        notes += [
            reason if len(rows) == 1 or _is_shared(reason, each) else f"Member {number}: {reason}" for reason in reasons
        ]
    values = {name: [found[name] for found, _ in each] for name in NAMES}
    return {name: Measure(over_members=estimate(own), members=own) for name, own in values.items()}, notes


def _is_shared(reason: str, each: Sequence[tuple[Any, Sequence[str]]]) -> bool:
    return all(reason in reasons for _, reasons in each)
