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
distinguishable: the sample is too small. Comparisons are paired by member. That all of several hold is shown when each
is shown at the level alpha (an intersection-union test: Berger, "Multiparameter hypothesis testing and acceptance
sampling", Technometrics 24, 1982); that one of them is the opposite only after Holm's correction for their number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eksplora.statistics.correction import holm
from eksplora.statistics.equivalence import equivalence_p
from eksplora.statistics.generalization import Scope
from eksplora.statistics.interval import t_interval
from eksplora.statistics.paired import least_pairs, max_t, sign_flip, smallest_p
from eksplora.statistics.power import members_needed
from eksplora.statistics.sentence import in_words
from eksplora.statistics.verdict import RESOLUTION, Comparison, Verdict, compare, compare_all

Columns = Mapping[str, Mapping[str, Sequence[float]]]
"""Row -> column -> the values of its members, in the order of their numbers; all rows have the same members."""


LEAST_ALIKE = 3
"""Members with which a margin can be spoken of: a spread of two is a single number."""


class Finding(StrEnum):
    """Finding on a claim."""

    REPLICATED = "replicated"
    NOT_REPLICATED = "not replicated"
    NOT_DISTINGUISHABLE = "not distinguishable"


@dataclass(frozen=True)
class Judgement:
    """A claim, judged.

    Attributes:
        finding: What is found.
        evidence: The comparisons that it rests on, a sentence each.
        members_needed: About how many members would decide, where it is not distinguishable; None where none is known.
        refuting_p: The p of its opposite, adjusted for the comparisons in it.
        showing_p: The p of the claim: the largest of its comparisons, 1 where one points the other way.
    """

    finding: Finding
    evidence: tuple[str, ...]
    members_needed: int | None = None
    refuting_p: float = 1.0
    showing_p: float = 1.0

    @property
    def p(self) -> float:
        """The p of what is found: of the claim, or of its opposite where that is nearer."""
        return min(self.showing_p, self.refuting_p)


def judged_together(found: Sequence[Judgement], alpha: float) -> list[Finding]:
    """The findings on claims that a page makes jointly: any of them is wrong with chance `alpha` at most (Holm).

    Examples:
        >>> alone = [Judgement(Finding.REPLICATED, (), showing_p=p) for p in (0.01, 0.04)]
        >>> [finding.value for finding in judged_together(alone, 0.025)]
        ['replicated', 'not distinguishable']
    """
    if not found:
        return []
    ps = holm([one.p for one in found])
    return [one.finding if p <= alpha else _OPEN for one, p in zip(found, ps, strict=True)]


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
        if form == "all" and not said:
            raise ValueError("a claim of the form 'all' joins none. Give one at least.")
        if form == "all":
            return _joined([self(part) for part in said], self.alpha)
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
        except TypeError as error:
            raise ValueError(f"a claim of the form '{form}' is incomplete: {error}. See statistics/claim.py.") from None

    def _check_rows(self, form: str, said: Mapping[str, Any]) -> None:
        """Refuse a claim about too few rows: it would be true of nothing."""
        least = 2 if form in ("alike", "rises", "falls") else 1
        short = [key for key in ("rows", "than") if key in said and len(said[key]) < (least if key == "rows" else 1)]
        if short:
            raise ValueError(f"a claim of the form '{form}' needs {least} or more {short[0]}, got {said[short[0]]}.")
        if form == "best" and len(self.columns) < 2:
            raise ValueError("a claim of the form 'best' needs a second row that finished.")

    def _values(self, row: str, column: str) -> NDArray[np.float64]:
        known = {**self.others, **self.columns}
        if row not in known:
            raise ValueError(f"a claim names the row '{row}'. Valid: {', '.join(known)}.")
        if column not in known[row]:
            raise ValueError(f"a claim names the column '{column}'. Valid: {', '.join(known[row])}.")
        return np.asarray(known[row][column], dtype=np.float64)

    # --- forms -------------------------------------------------------------------------------------------------------

    def _better(self, *, rows: Sequence[str], than: Sequence[str], column: str, by: float = 0.0) -> Judgement:
        return self._compared([(row, other) for row in rows for other in than], column, Verdict.BETTER, by)

    def _worse(self, *, rows: Sequence[str], than: Sequence[str], column: str, by: float = 0.0) -> Judgement:
        return self._compared([(row, other) for row in rows for other in than], column, Verdict.WORSE, by)

    def _best(self, *, row: str, column: str) -> Judgement:
        return self._compared([(row, other) for other in self.columns if other != row], column, Verdict.BETTER)

    def _compared(self, pairs: Sequence[tuple[str, str]], column: str, wanted: Verdict, by: float = 0.0) -> Judgement:
        """Every pair is to be as wanted, each at the level alpha; one that is the opposite, by Holm, refutes it.

        With a margin the rows are compared with references that are so much better (or worse) than those named.
        """
        values = [(self._values(row, column), self._values(other, column)) for row, other in pairs]
        direction = self.directions[column]
        shift = by if (direction == "maximize") is (wanted is Verdict.BETTER) else -by
        samples = [(own, other + shift) for own, other in values]
        each = [compare(*sample, direction=direction, alpha=self.alpha) for sample in samples]
        together = compare_all(samples, direction=direction, alpha=self.alpha)
        opposite = Verdict.WORSE if wanted is Verdict.BETTER else Verdict.BETTER
        moved = f" {'+' if shift > 0 else '-'} {by:g}" if by else ""
        words = (
            in_words(one, name=row, reference=f"{other}{moved}") for one, (row, other) in zip(each, pairs, strict=True)
        )
        finding = _finding(
            shown=all(one.verdict is wanted for one in each), refuted=any(one.verdict is opposite for one in together)
        )
        needed = _most_needed(each, wanted) if finding is _OPEN else None
        sign = {"maximize": 1, "minimize": -1}[direction] * (1 if opposite is Verdict.BETTER else -1)
        refuting = min((one.p for one in together if sign * one.difference > 0), default=1.0)
        showing = max(one.p if sign * one.difference < 0 else 1.0 for one in each)
        return Judgement(finding, tuple(f"{column}: {sentence}" for sentence in words), needed, refuting, showing)

    def _alike(self, *, rows: Sequence[str], within: float, column: str) -> Judgement:
        """Equivalence of every pair shows it; an interval of one (Bonferroni's) outside of the margin refutes it."""
        differences = {
            (row, other): self._values(row, column) - self._values(other, column)
            for row, other in combinations(rows, 2)
        }
        ps = [equivalence_p(sample, within) for sample in differences.values()]
        count = min(len(sample) for sample in differences.values())
        if count < LEAST_ALIKE:
            members = f"{count} member{'s' * (count != 1)}"
            said = f"{column} {_ON}: {members} cannot show how much rows differ: {LEAST_ALIKE} or more can"
            return Judgement(_OPEN, (said,), LEAST_ALIKE)
        words, refuted, refuting, needed = [], False, 1.0, list[int | None]()
        for ((row, other), sample), p in zip(differences.items(), ps, strict=True):
            interval = t_interval(sample, level=1 - self.alpha / max(1, len(differences)))
            is_out = interval is not None and (interval.low > within or interval.high < -within)
            refuted = refuted or is_out
            refuting = min(refuting, len(differences) * _outside_p(sample, within))
            if p > self.alpha:
                needed.append(_needed_for_equivalence(sample, within, self.alpha, len(differences)))
            shown = "no interval" if interval is None else f"[{interval.low:.3g}, {interval.high:.3g}]"
            said = "more than" if is_out else "at most" if p <= self.alpha else "perhaps more than"
            words.append(
                f"{column} {_ON}: {row} and {other} differ by {sample.mean():.3g} {shown}: {said} {within:g}, "
                f"p = {p:.3g}"
            )
        finding = _finding(shown=all(p <= self.alpha for p in ps), refuted=refuted)
        return Judgement(finding, tuple(words), _largest(needed) if finding is _OPEN else None, refuting, max(ps))

    def _rises(self, *, rows: Sequence[str], column: str) -> Judgement:
        return self._trend(rows, column, 1)

    def _falls(self, *, rows: Sequence[str], column: str) -> Judgement:
        return self._trend(rows, column, -1)

    def _trend(self, rows: Sequence[str], column: str, sign: int) -> Judgement:
        """Each member's slope over the positions in the list, by least squares, against zero by sign flips.

        A slope alone would call a curve that turns a trend: a step that is shown to go the other way refutes it. Slope
        and steps are judged together for that (maxT).
        """
        table = np.stack([self._values(row, column) for row in rows])  # (rows, members)
        # Centred, so that the slope is one dot product per member. (rows,)
        positions = np.arange(len(rows)) - (len(rows) - 1) / 2
        # (members,)
        slopes = positions @ table / (positions @ positions)
        word = "rises" if sign > 0 else "falls"
        sentence = f"{column} {_ON} changes by {_shown(slopes)} per step from {rows[0]} to {rows[-1]}"
        slope = self._against_zero(sign * slopes, f"{sentence}; said: it {word}")
        moves = [slopes, *np.diff(table, axis=0)]
        # Every value may be off by a 32-bit float's rounding.
        ps = max_t(moves, resolutions=[RESOLUTION * float(np.abs(table).max())] * len(moves))
        against = {index: float(p) for index, p in enumerate(ps) if sign * moves[index].mean() < 0}
        turns = [
            f"{column}: from {rows[index - 1]} to {rows[index]} it changes by {_shown(moves[index])} (p = {p:.3g})"
            for index, p in against.items()
            if index and p <= self.alpha
        ]
        refuting = min(against.values(), default=1.0)
        finding = _finding(shown=slope.finding is Finding.REPLICATED, refuted=refuting <= self.alpha)
        return Judgement(
            finding,
            (*slope.evidence, *turns),
            slope.members_needed if finding is _OPEN else None,
            refuting,
            slope.showing_p,
        )

    def _below(self, *, rows: Sequence[str], bound: float, column: str) -> Judgement:
        rooms = {row: bound - self._values(row, column) for row in rows}
        return _joined(
            [self._bounded(row, room, column, f"below {bound:g}") for row, room in rooms.items()], self.alpha
        )

    def _above(self, *, rows: Sequence[str], bound: float, column: str) -> Judgement:
        rooms = {row: self._values(row, column) - bound for row in rows}
        return _joined(
            [self._bounded(row, room, column, f"above {bound:g}") for row, room in rooms.items()], self.alpha
        )

    def _bounded(self, row: str, room: NDArray[np.float64], column: str, said: str) -> Judgement:
        return self._against_zero(room, f"{column} of {row} {_ON} is {_shown(self._values(row, column))}; said: {said}")

    def _ratio(self, *, row: str, of: str, at_most: float, column: str) -> Judgement:
        """Logarithms of the members' ratios, against that of the bound, by sign flips.

        Members that were trained together share one measurement, their population's: it counts once.
        """
        ratios = np.array(distinct(self._values(row, column) / self._values(of, column)))
        return self._against_zero(
            np.log(at_most) - np.log(ratios),
            f"{column} of {row} {_ON} is {_shown(ratios)} of that of {of}; said: at most {at_most:g}",
            "measurement",
        )

    def _against_zero(self, sample: NDArray[np.float64], sentence: str, unit: str = "member") -> Judgement:
        """Whether the mean of a sample is above zero (shown), below (refuted), or not distinguishable from it."""
        p = sign_flip(sample)
        is_sure, positive = p <= self.alpha, float(sample.mean()) > 0
        finding = _finding(shown=is_sure and positive, refuted=is_sure and not positive)
        count = f"{len(sample)} {unit}s" if len(sample) != 1 else f"1 {unit}"
        showing, refuting = (p, 1.0) if positive else (1.0, p)
        words = f"{sentence} (p = {p:.3g}, {count})"
        if finding is not _OPEN:
            return Judgement(finding, (words,), None, refuting, showing)
        if smallest_p(len(sample)) > self.alpha:
            needed: int | None = least_pairs(self.alpha)
            words += f"; {count} cannot reach the {self.alpha:g} level: {needed} or more can"
        else:
            needed = members_needed(sample, alpha=self.alpha)
            needed = None if needed is None else max(needed, len(sample) + 1)  # those that are there did not suffice
        return Judgement(finding, (words,), needed, refuting, showing)


def least_p(claim: Mapping[str, Any], *, rows: int, members: int) -> tuple[float, float]:
    """The least p with which so many members can show a claim, and with which any part of it that is false refutes it.

    Above alpha, the claim cannot be decided that way, whatever the members say. Sign flips of n members reach 2 / 2^n;
    refuting is corrected for the comparisons of a form (Holm) and for the claims that are joined. The t tests of
    `alike` reach any p from 3 members on.

    Args:
        claim: Of the forms above.
        rows: Rows of the study that it is about.
        members: Of each row; of `ratio` the measurements that are not copies of one another.

    Examples:
        >>> least_p({"better": {"rows": ["a"], "than": ["b", "c"], "column": "test"}}, rows=3, members=6)
        (0.03125, 0.0625)
    """
    ((form, said),) = claim.items()
    if form == "all":
        parts = [least_p(part, rows=rows, members=members) for part in said]
        return max(shown for shown, _ in parts), min(1.0, len(parts) * max(refuted for _, refuted in parts))
    if form == "alike":
        return (0.0, 0.0) if members >= LEAST_ALIKE else (1.0, 1.0)
    named = len(said.get("rows", ()))
    counts = {
        "better": named * len(said.get("than", ())),
        "worse": named * len(said.get("than", ())),
        "best": rows - 1,
        "below": named,
        "above": named,
    }
    return smallest_p(members), min(1.0, counts.get(form, 1) * smallest_p(members))


def distinct(values: Iterable[float]) -> list[float]:
    """Measurements that are not copies of one another, in their order: members trained together share their time."""
    return list(dict.fromkeys(map(float, values)))


_OPEN = Finding.NOT_DISTINGUISHABLE
_ON = f"on {Scope.THESE_ROWS}"


def _finding(*, shown: bool, refuted: bool) -> Finding:
    return Finding.NOT_REPLICATED if refuted else Finding.REPLICATED if shown else _OPEN


def _joined(parts: Sequence[Judgement], alpha: float) -> Judgement:
    """All of them: one that is refuted, by Holm over their number, refutes; one that is open leaves open."""
    refuting = float(holm([min(1.0, part.refuting_p) for part in parts]).min())
    finding = _finding(shown=all(part.finding is Finding.REPLICATED for part in parts), refuted=refuting <= alpha)
    needed = _largest([part.members_needed for part in parts if part.finding is not Finding.REPLICATED])
    evidence = tuple(sentence for part in parts for sentence in part.evidence)
    showing = max(part.showing_p for part in parts)
    return Judgement(finding, evidence, needed if finding is _OPEN else None, refuting, showing)


def _largest(numbers: Sequence[int | None]) -> int | None:
    """The largest, None where one is not known."""
    return None if None in numbers or not numbers else max(number for number in numbers if number is not None)


def _outside_p(sample: NDArray[np.float64], within: float) -> float:
    """The two-sided p of a mean difference that lies outside of a margin; 1 where it lies inside."""
    interval = t_interval(sample)
    room = abs(float(sample.mean())) - within
    if interval is None or room <= 0:
        return 1.0
    error = float(sample.std(ddof=1)) / len(sample) ** 0.5
    return float(2 * stats.t.sf(room / error, len(sample) - 1)) if error > 0 else smallest_p(len(sample))


def _needed_for_equivalence(sample: NDArray[np.float64], within: float, alpha: float, num_pairs: int) -> int | None:
    """About how many members would decide on which side of its margin a difference lies, if it is as it seems to be.

    Inside: two one-sided tests at alpha, each with the chance 0.9, both with 0.8 at least. Outside: one of the pairs.
    """
    toward = np.copysign(1.0, sample.mean()) * sample
    room = within - float(toward.mean())
    if room > 0:
        needed = members_needed(within - toward, alpha=min(2 * alpha, 0.99), power=0.9)
    else:
        needed = members_needed(toward - within, alpha=alpha / num_pairs)
    return None if needed is None else max(needed, len(sample) + 1)


def _most_needed(found: Sequence[Comparison], wanted: Verdict) -> int | None:
    """Members that would decide the comparisons that are undecided, if those are as they seem to be."""
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
