"""Claims about the rows of a study, as data, and their judge: no code per claim.

A claim is a mapping with one key, its form; `column` names the column that it is about (see `Columns`):

    {better: {rows: [a, b], than: [c], column: test}}      every one of a, b is better than c; `by: 0.05`: by so much
    {worse: {rows: [a], than: [b, c], column: test}}       likewise, worse
    {best: {row: a, column: test}}                         a is better than every other row
    {alike: {rows: [a, b, c], within: 0.01, column: test}} no two of them differ by more
    {rises: {rows: [a, b, c], column: train}}              it rises from first to last, and no step is shown to fall;
                                                           falls: likewise
    {below: {rows: [a], bound: 0.15, column: test}}        their mean is below; above: likewise
    {ratio: {row: a, of: b, at_most: 0.75, column: seconds}}  a takes at most so much of b
    {all: [claim, claim]}                              every one of them

A claim is replicated when the members show it, not replicated when they show its opposite, and otherwise not
distinguishable: the sample is too small. It is judged for the widest scope that the column's members can speak for:
where the losses of rows are known, for other rows too; `ratio` always on these rows. Comparisons are paired by member
and row. That all of several hold is shown when each is shown at the level alpha (an intersection-union test: Berger,
"Multiparameter hypothesis testing and acceptance sampling", Technometrics 24, 1982); that one of them is the opposite
only after a correction for their number: Holm's on these rows, single-step minP beyond.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from eksplora.statistics.bound import beside_bound, value_in_words
from eksplora.statistics.contrast import Column, as_one, combined, contrast, sample_of_column, together
from eksplora.statistics.equivalence import LEAST_ALIKE, apart
from eksplora.statistics.evidence import against_zero, apart_in_words, most_needed
from eksplora.statistics.generalization import Sample, Scope
from eksplora.statistics.judgement import Judgement, joined, judgement, largest
from eksplora.statistics.sentence import in_words
from eksplora.statistics.verdict import RESOLUTION, Verdict, compare_samples

Columns = Mapping[str, Mapping[str, Column]]
"""Row -> column -> its members, in the order of their numbers; all rows have the same members."""


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
        if not isinstance(claim, Mapping) or len(claim) != 1:
            got = ", ".join(map(str, claim)) or "none" if isinstance(claim, Mapping) else repr(claim)
            raise ValueError(f"a claim has one form, got {got}. Join claims with all: [...].")
        ((form, said),) = claim.items()
        if form == "all" and not (isinstance(said, list | tuple) and said):
            raise ValueError("a claim of the form 'all' joins none. Give a list of one at least.")
        if form == "all":
            return joined([self(part) for part in said], self.alpha)
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
            self._check_rows(form, said)
            return judges[form](**said)
        except (TypeError, AttributeError) as error:
            raise ValueError(f"a claim of the form '{form}' is incomplete: {error}. See statistics/claim.py.") from None

    def _check_rows(self, form: str, said: Mapping[str, Any]) -> None:
        """Refuse a claim about too few rows: it would be true of nothing."""
        least = 2 if form in ("alike", "rises", "falls") else 1
        short = [key for key in ("rows", "than") if key in said and len(said[key]) < (least if key == "rows" else 1)]
        if short:
            raise ValueError(f"a claim of the form '{form}' needs {least} or more {short[0]}, got {said[short[0]]}.")
        if form == "best" and len(self.columns) < 2:
            raise ValueError("a claim of the form 'best' needs a second row that finished.")

    def _samples(self, rows: Sequence[str], column: str) -> list[Sample]:
        """Values of the members of some rows, as they can be compared."""
        return as_one([sample_of_column(self._column(row, column)) for row in rows])

    def _column(self, row: str, column: str) -> Column:
        known = {**self.others, **self.columns}
        if row not in known:
            raise ValueError(f"a claim names the row '{row}'. Valid: {', '.join(known)}.")
        if column not in known[row]:
            raise ValueError(f"a claim names the column '{column}'. Valid: {', '.join(known[row])}.")
        return known[row][column]

    # --- forms -------------------------------------------------------------------------------------------------------

    def _better(self, *, rows: Sequence[str], than: Sequence[str], column: str, by: float = 0.0) -> Judgement:
        return self._compared([(row, other) for row in rows for other in than], column, Verdict.BETTER, by)

    def _worse(self, *, rows: Sequence[str], than: Sequence[str], column: str, by: float = 0.0) -> Judgement:
        return self._compared([(row, other) for row in rows for other in than], column, Verdict.WORSE, by)

    def _best(self, *, row: str, column: str) -> Judgement:
        return self._compared([(row, other) for other in self.columns if other != row], column, Verdict.BETTER)

    def _compared(self, pairs: Sequence[tuple[str, str]], column: str, wanted: Verdict, by: float = 0.0) -> Judgement:
        """Every pair is to be as wanted, each at the level alpha; one that is the opposite, adjusted, refutes it.

        With a margin the rows are compared with references that are so much better (or worse) than those named.
        """
        samples, direction = self._samples([name for pair in pairs for name in pair], column), self.directions[column]
        shift = by if (direction == "maximize") is (wanted is Verdict.BETTER) else -by
        samples[1::2] = [combined([other], [1], shift) for other in samples[1::2]]
        places = [(place, place + 1) for place in range(0, len(samples), 2)]
        judged = partial(compare_samples, direction=direction, alpha=self.alpha, is_planned=True)
        each = [judged([samples[own], samples[other]], [(0, 1)])[0] for own, other in places]
        jointly = judged(samples, places) if len(pairs) > 1 else each
        opposite = Verdict.WORSE if wanted is Verdict.BETTER else Verdict.BETTER
        moved = f" {'+' if shift > 0 else '-'} {by:g}" if by else ""
        words = [
            in_words(one, name=row, reference=f"{other}{moved}") for one, (row, other) in zip(each, pairs, strict=True)
        ]
        sign = {"maximize": 1, "minimize": -1}[direction] * (1 if opposite is Verdict.BETTER else -1)
        refuting = min((one.p for one in jointly if sign * one.difference > 0), default=1.0)
        showing = max(one.p if sign * one.difference < 0 else 1.0 for one in each)
        return judgement(
            [f"{column}: {sentence}" for sentence in words],
            shown=all(one.verdict is wanted for one in each),
            refuted=any(one.verdict is opposite for one in jointly),
            ps=(showing, refuting),
            scopes=[one.scope for one in each],
            needed=most_needed([one for one in each if one.verdict is not wanted]),
        )

    def _alike(self, *, rows: Sequence[str], within: float, column: str) -> Judgement:
        """Equivalence of every pair shows it; an interval of one (Bonferroni's) outside of the margin refutes it."""
        samples = self._samples(rows, column)
        scope, count = samples[0].scope, min(len(one.values) for one in samples)
        if scope is Scope.THESE_ROWS and count < LEAST_ALIKE:
            members = f"{count} member{'s' * (count != 1)}"
            said = f"{column} on {scope}: {members} cannot show how much rows differ: {LEAST_ALIKE} or more can"
            return judgement(
                [said], shown=False, refuted=False, ps=(1.0, 1.0), scopes=[scope], needed=(LEAST_ALIKE, None)
            )
        pairs = list(combinations(range(len(rows)), 2))
        found = [
            apart(samples[own], samples[other], within, alpha=self.alpha, num_pairs=len(pairs)) for own, other in pairs
        ]
        refuting = min(1.0, len(pairs) * min(one.outside for one in found))
        left = [one.needed for one in found if one.inside > self.alpha]
        return judgement(
            [
                apart_in_words(
                    one, f"{column} on {one.scope}: {rows[own]} and {rows[other]}", within, len(pairs), self.alpha
                )
                for one, (own, other) in zip(found, pairs, strict=True)
            ],
            shown=not left,
            refuted=refuting <= self.alpha,
            ps=(max(one.inside for one in found), refuting),
            scopes=[one.scope for one in found],
            needed=(largest([members for members, _ in left]), largest([number for _, number in left])),
        )

    def _rises(self, *, rows: Sequence[str], column: str) -> Judgement:
        return self._trend(rows, column, 1)

    def _falls(self, *, rows: Sequence[str], column: str) -> Judgement:
        return self._trend(rows, column, -1)

    def _trend(self, rows: Sequence[str], column: str, sign: int) -> Judgement:
        """Each member's slope over the positions in the list, by least squares, against zero.

        A slope alone would call a curve that turns a trend: a step that is shown to go the other way refutes it. Slope
        and steps are judged together for that.
        """
        samples = self._samples(rows, column)
        # Centred, so that the slope is one sum with weights. (rows,)
        positions = np.arange(len(rows)) - (len(rows) - 1) / 2
        # Every value may be off by a 32-bit float's rounding.
        error = RESOLUTION * max(float(np.abs(one.values).max()) for one in samples)
        steps = [combined([second, first], [1, -1]) for first, second in pairwise(samples)]
        moves = [combined(samples, list(positions / (positions @ positions))), *steps]
        found = [contrast(move, resolution=error) for move in moves]
        slope = found[0]
        ps = together(found, self.alpha, error)
        against = {index: p for index, p in enumerate(ps) if sign * found[index].mean < 0}
        turns = [
            f"{column}: from {rows[index - 1]} to {rows[index]} it changes by {found[index].in_numbers} (p = {p:.3g})"
            for index, p in against.items()
            if index and p <= self.alpha
        ]
        refuting = min(against.values(), default=1.0)
        sentence = f"{column} on {slope.scope} changes by {slope.in_numbers} per step from {rows[0]} to {rows[-1]}"
        return against_zero(
            slope,
            f"{sentence}; said: it {'rises' if sign > 0 else 'falls'}",
            self.alpha,
            sign=sign,
            refuting=refuting,
            beside=turns,
        )

    def _below(self, *, rows: Sequence[str], bound: float, column: str) -> Judgement:
        return self._bounded(rows, bound, column, -1)

    def _above(self, *, rows: Sequence[str], bound: float, column: str) -> Judgement:
        return self._bounded(rows, bound, column, 1)

    def _bounded(self, rows: Sequence[str], bound: float, column: str, sign: int) -> Judgement:
        said = f"{'above' if sign > 0 else 'below'} {bound:g}"
        parts = []
        for row in rows:
            (sample,) = self._samples([row], column)
            beyond = beside_bound(sample, bound, sign)
            sentence = f"{column} of {row} on {beyond.scope} is {value_in_words(sample)}; said: {said}"
            parts.append(against_zero(beyond, sentence, self.alpha))
        return joined(parts, self.alpha)

    def _ratio(self, *, row: str, of: str, at_most: float, column: str) -> Judgement:
        """Logarithms of the members' ratios, against that of the bound, by sign flips.

        Members that were trained together share one measurement, their population's: it counts once.
        """
        own, other = (sample_of_column(self._column(name, column)).values for name in (row, of))
        ratios = np.array(distinct(own / other))
        shown = contrast(sample_of_column(ratios))
        return against_zero(
            contrast(sample_of_column(np.log(at_most) - np.log(ratios))),
            f"{column} of {row} on {shown.scope} is {shown.in_numbers} of that of {of}; said: at most {at_most:g}",
            self.alpha,
            unit="measurement",
        )


def distinct(values: Iterable[float]) -> list[float]:
    """Measurements that are not copies of one another, in their order: members trained together share their time."""
    return list(dict.fromkeys(map(float, values)))
