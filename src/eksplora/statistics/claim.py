"""Claims about the rows of a study, as data, and their judge: no code per claim.

A claim is a mapping with one key, its form; `column` names the column that it is about (see `Columns`):

    {better: {rows: [a, b], than: [c], column: test}}      every one of a, b is better than c
    {worse: {rows: [a], than: [b, c], column: test}}       likewise, worse
    {best: {row: a, column: test}}                         a is better than every other row
    {alike: {rows: [a, b, c], within: 0.01, column: test}} no two of them differ by more
    {rises: {rows: [a, b, c], column: train}}              it rises with the place in the list; falls: likewise
    {below: {rows: [a], bound: 0.15, column: test}}        their mean is below; above: likewise
    {ratio: {row: a, of: b, at_most: 0.75, column: seconds}}  a takes at most so much of b
    {all: [claim, claim]}                              every one of them

A claim is replicated when the members show it, not replicated when they show its opposite, and otherwise not
distinguishable: their sample cannot tell. Comparisons are paired by member. That all of several hold is shown when each
is shown at the level alpha (an intersection-union test: Berger, "Multiparameter hypothesis testing and acceptance
sampling", Technometrics 24, 1982); that one of them is the opposite only after Holm's correction for their number.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.statistics.equivalence import equivalence_p
from eksplora.statistics.interval import t_interval
from eksplora.statistics.paired import least_pairs, sign_flip, smallest_p
from eksplora.statistics.power import members_needed
from eksplora.statistics.verdict import Comparison, Verdict, compare, compare_all, in_words

Columns = Mapping[str, Mapping[str, Sequence[float]]]
"""Row -> column -> the values of its members, in the order of their numbers; all rows have the same members."""


class Finding(StrEnum):
    """What is found of a claim."""

    REPLICATED = "replicated"
    NOT_REPLICATED = "not replicated"
    NOT_DISTINGUISHABLE = "not distinguishable"


@dataclass(frozen=True)
class Judgement:
    """A claim, judged.

    Attributes:
        finding: What is found.
        evidence: The comparisons that it rests on, a sentence each.
        members_needed: About how many members would tell, where it is not distinguishable; None where none is known.
    """

    finding: Finding
    evidence: tuple[str, ...]
    members_needed: int | None = None


@dataclass(frozen=True)
class Judge:
    """Judges claims about the rows of a study.

    Attributes:
        columns: What the members gave.
        directions: Per column what is better: `minimize` or `maximize`.
        alpha: Level of significance of each form.
        others: Further rows that a claim may name, such as those of other studies; `best` does not mean them.
    """

    columns: Columns
    directions: Mapping[str, str]
    alpha: float = 0.05
    others: Columns = field(default_factory=dict)

    def __call__(self, claim: Mapping[str, Any]) -> Judgement:
        """Judge a claim.

        Raises:
            ValueError: If it is not of the forms above, or names a row or column that does not exist.
        """
        if len(claim) != 1:
            raise ValueError(f"a claim has one form, got {', '.join(claim) or 'none'}. Join claims with all: [...].")
        ((form, said),) = claim.items()
        if form == "all":
            return _joined([self(part) for part in said])
        judges: dict[str, Callable[..., Judgement]] = {
            "better": self._better,
            "worse": self._worse,
            "best": self._best,
            "alike": self._alike,
            "rises": self._rises,
            "falls": self._falls,
            "below": self._below,
            "above": self._above,
            "ratio": self._ratio,
        }
        if form not in judges:
            raise ValueError(f"a claim's form '{form}' is unknown. Valid: all, {', '.join(judges)}.")
        try:
            return judges[form](**said)
        except TypeError as error:
            raise ValueError(f"a claim of the form '{form}' is incomplete: {error}. See statistics/claim.py.") from None

    def _values(self, row: str, column: str) -> NDArray[np.float64]:
        known = {**self.others, **self.columns}
        if row not in known:
            raise ValueError(f"a claim names the row '{row}'. Valid: {', '.join(known)}.")
        if column not in known[row]:
            raise ValueError(f"a claim names the column '{column}'. Valid: {', '.join(known[row])}.")
        return np.asarray(known[row][column], dtype=np.float64)

    # --- forms -------------------------------------------------------------------------------------------------------

    def _better(self, *, rows: Sequence[str], than: Sequence[str], column: str) -> Judgement:
        return self._compared([(row, other) for row in rows for other in than], column, Verdict.BETTER)

    def _worse(self, *, rows: Sequence[str], than: Sequence[str], column: str) -> Judgement:
        return self._compared([(row, other) for row in rows for other in than], column, Verdict.WORSE)

    def _best(self, *, row: str, column: str) -> Judgement:
        return self._compared([(row, other) for other in self.columns if other != row], column, Verdict.BETTER)

    def _compared(self, pairs: Sequence[tuple[str, str]], column: str, wanted: Verdict) -> Judgement:
        """Every pair is to be as wanted, each at the level alpha; one that is the opposite, by Holm, refutes it."""
        samples = [(self._values(row, column), self._values(other, column)) for row, other in pairs]
        direction = self.directions[column]
        each = [compare(*sample, direction=direction, alpha=self.alpha) for sample in samples]
        together = compare_all(samples, direction=direction, alpha=self.alpha)
        opposite = Verdict.WORSE if wanted is Verdict.BETTER else Verdict.BETTER
        words = (in_words(one, name=row, reference=other) for one, (row, other) in zip(each, pairs, strict=True))
        finding = _finding(
            shown=all(one.verdict is wanted for one in each), refuted=any(one.verdict is opposite for one in together)
        )
        needed = _most_needed(each, wanted) if finding is _OPEN else None
        return Judgement(finding, tuple(f"{column}: {sentence}" for sentence in words), needed)

    def _alike(self, *, rows: Sequence[str], within: float, column: str) -> Judgement:
        """Equivalence of every pair shows it; an interval of one (Bonferroni's) outside of the margin refutes it."""
        differences = {
            (row, other): self._values(row, column) - self._values(other, column)
            for row, other in combinations(rows, 2)
        }
        ps = [equivalence_p(sample, within) for sample in differences.values()]
        words, refuted = [], False
        for ((row, other), sample), p in zip(differences.items(), ps, strict=True):
            interval = t_interval(sample, level=1 - self.alpha / max(1, len(differences)))
            is_out = interval is not None and (interval.low > within or interval.high < -within)
            refuted = refuted or is_out
            shown = "no interval" if interval is None else f"[{interval.low:.3g}, {interval.high:.3g}]"
            said = "more than" if is_out else "at most" if p <= self.alpha else "perhaps more than"
            words.append(
                f"{column}: {row} and {other} differ by {sample.mean():.3g} {shown}: {said} {within:g}, p = {p:.3g}"
            )
        return Judgement(_finding(shown=all(p <= self.alpha for p in ps), refuted=refuted), tuple(words))

    def _rises(self, *, rows: Sequence[str], column: str) -> Judgement:
        return self._trend(rows, column, 1)

    def _falls(self, *, rows: Sequence[str], column: str) -> Judgement:
        return self._trend(rows, column, -1)

    def _trend(self, rows: Sequence[str], column: str, sign: int) -> Judgement:
        """Each member's slope over the places in the list, by least squares, against zero by sign flips."""
        table = np.stack([self._values(row, column) for row in rows])  # (rows, members)
        places = np.arange(len(rows)) - (len(rows) - 1) / 2
        slopes = places @ table / (places @ places)
        word = "rises" if sign > 0 else "falls"
        sentence = f"{column} changes by {_shown(slopes)} per step from {rows[0]} to {rows[-1]}"
        return self._against_zero(sign * slopes, f"{sentence}; said: it {word}")

    def _below(self, *, rows: Sequence[str], bound: float, column: str) -> Judgement:
        rooms = {row: bound - self._values(row, column) for row in rows}
        return _joined([self._bounded(row, room, column, f"below {bound:g}") for row, room in rooms.items()])

    def _above(self, *, rows: Sequence[str], bound: float, column: str) -> Judgement:
        rooms = {row: self._values(row, column) - bound for row in rows}
        return _joined([self._bounded(row, room, column, f"above {bound:g}") for row, room in rooms.items()])

    def _bounded(self, row: str, room: NDArray[np.float64], column: str, said: str) -> Judgement:
        return self._against_zero(room, f"{column} of {row} is {_shown(self._values(row, column))}; said: {said}")

    def _ratio(self, *, row: str, of: str, at_most: float, column: str) -> Judgement:
        """Logarithms of the members' ratios, against that of the bound, by sign flips."""
        ratios = self._values(row, column) / self._values(of, column)
        return self._against_zero(
            np.log(at_most) - np.log(ratios),
            f"{column} of {row} is {_shown(ratios)} of that of {of}; said: at most {at_most:g}",
        )

    def _against_zero(self, sample: NDArray[np.float64], sentence: str) -> Judgement:
        """Whether the mean of a sample is above zero (shown), below (refuted), or cannot be told."""
        p = sign_flip(sample)
        is_sure, positive = p <= self.alpha, float(sample.mean()) > 0
        finding = _finding(shown=is_sure and positive, refuted=is_sure and not positive)
        count = f"{len(sample)} members" if len(sample) != 1 else "1 member"
        words = f"{sentence} (p = {p:.3g}, {count})"
        if finding is not _OPEN:
            return Judgement(finding, (words,))
        if smallest_p(len(sample)) > self.alpha:
            needed: int | None = least_pairs(self.alpha)
            words += f"; {count} cannot tell at the {self.alpha:g} level: {needed} or more can"
        else:
            needed = members_needed(sample, alpha=self.alpha)
        return Judgement(finding, (words,), needed)


_OPEN = Finding.NOT_DISTINGUISHABLE


def _finding(*, shown: bool, refuted: bool) -> Finding:
    return Finding.NOT_REPLICATED if refuted else Finding.REPLICATED if shown else _OPEN


def _joined(parts: Sequence[Judgement]) -> Judgement:
    """All of them: one that is refuted refutes, one that is open leaves open."""
    findings = [part.finding for part in parts]
    finding = _finding(
        shown=all(one is Finding.REPLICATED for one in findings),
        refuted=any(one is Finding.NOT_REPLICATED for one in findings),
    )
    needed = [part.members_needed for part in parts if part.finding is _OPEN]
    known = None if None in needed or not needed else max(number for number in needed if number is not None)
    evidence = tuple(sentence for part in parts for sentence in part.evidence)
    return Judgement(finding, evidence, known if finding is _OPEN else None)


def _most_needed(found: Sequence[Comparison], wanted: Verdict) -> int | None:
    """Members that would tell the comparisons that could not be told, if those are as they seem to be."""
    needed = [
        max(one.members_needed, least_pairs(one.alpha / one.num_comparisons)) if one.members_needed else None
        for one in found
        if one.verdict is not wanted
    ]
    return None if None in needed else max(number for number in needed if number is not None)


def _shown(values: NDArray[np.float64]) -> str:
    interval = t_interval(values)
    mean = float(values.mean())
    return f"{mean:.4g}" if interval is None else f"{mean:.4g} [{interval.low:.4g}, {interval.high:.4g}]"
