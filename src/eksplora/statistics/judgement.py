"""Finding on a claim, by itself and with others that a page makes jointly."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from eksplora.statistics.correction import holm
from eksplora.statistics.generalization import Scope


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
        rows_needed: About how many rows would; None where it is judged on these rows, or none is known.
        refuting_p: The p of its opposite, adjusted for the comparisons in it.
        showing_p: The p of the claim: the largest of its comparisons, 1 where one points the other way.
        scopes: What its comparisons are about, each once.
    """

    finding: Finding
    evidence: tuple[str, ...]
    members_needed: int | None = None
    rows_needed: int | None = None
    refuting_p: float = 1.0
    showing_p: float = 1.0
    scopes: tuple[Scope, ...] = ()

    @property
    def p(self) -> float:
        """The p of what is found: of the claim, or of its opposite where that is nearer."""
        return min(self.showing_p, self.refuting_p)


def judgement(
    evidence: Sequence[str],
    *,
    shown: bool,
    refuted: bool,
    ps: tuple[float, float],
    scopes: Sequence[Scope],
    needed: tuple[int | None, int | None] = (None, None),
) -> Judgement:
    """A judgement from what a form's tests say.

    Args:
        evidence: Its comparisons, a sentence each.
        shown: Whether each comparison is as claimed.
        refuted: Whether one is shown to be the opposite.
        ps: Of the claim, and of its opposite.
        scopes: Of the comparisons.
        needed: Members and rows that would decide, where it stays open.
    """
    finding = Finding.NOT_REPLICATED if refuted else Finding.REPLICATED if shown else Finding.NOT_DISTINGUISHABLE
    members, rows = needed if finding is Finding.NOT_DISTINGUISHABLE else (None, None)
    return Judgement(
        finding=finding,
        evidence=tuple(evidence),
        members_needed=members,
        rows_needed=rows,
        refuting_p=ps[1],
        showing_p=ps[0],
        scopes=tuple(dict.fromkeys(scopes)),
    )


def joined(parts: Sequence[Judgement], alpha: float) -> Judgement:
    """All of them: one that is refuted, by Holm over their number, refutes; one that is open leaves open."""
    refuting = float(holm([min(1.0, part.refuting_p) for part in parts]).min())
    left = [part for part in parts if part.finding is not Finding.REPLICATED]
    return judgement(
        [sentence for part in parts for sentence in part.evidence],
        shown=not left,
        refuted=refuting <= alpha,
        ps=(max(part.showing_p for part in parts), refuting),
        scopes=[scope for part in parts for scope in part.scopes],
        needed=(largest([part.members_needed for part in left]), largest([part.rows_needed for part in left])),
    )


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
    return [one.finding if p <= alpha else Finding.NOT_DISTINGUISHABLE for one, p in zip(found, ps, strict=True)]


def largest(numbers: Sequence[int | None]) -> int | None:
    """The largest, None where one is not known."""
    return None if None in numbers or not numbers else max(number for number in numbers if number is not None)
