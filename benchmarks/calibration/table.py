"""Outcomes of simulated studies as tables of the page."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from benchmarks.calibration.rate import Rate
from benchmarks.calibration.study import ALPHA, Case, Outcome
from benchmarks.table import Row, Section

MOST_CLAIMS = 0.065
"""The upper end of a rate of false claims of 5%."""
LEAST_COVERAGE = 0.93
LEAST_POWER = 0.8

Outcomes = Mapping[Case, Sequence[Outcome]]


def false_claims(title: str, text: str, outcomes: Outcomes) -> Section:
    """How often studies claim a difference that is none."""
    return Section(title, text, [_false(case, found) for case, found in outcomes.items()])


def _false(case: Case, found: Sequence[Outcome]) -> Row:
    rate = Rate.of(one.is_claimed for one in found)
    return _case(case, found) | {
        "equal because": str(case.null),
        "configurations": str(case.configurations),
        "studies": str(rate.trials),
        "false claims, %": rate.in_words(),
        "at most 5%": "yes" if rate.interval()[1] <= MOST_CLAIMS else _least("no", rate.interval()[0] > ALPHA),
    }


def _least(word: str, is_sure: bool) -> str:
    """A word, or a question where the interval holds the rate that is asked for."""
    return word if is_sure else "not shown"


def coverage(title: str, text: str, outcomes: Outcomes) -> Section:
    """How often intervals of values and of differences hold the true ones."""
    return Section(title, text, [_covered(case, found) for case, found in outcomes.items()])


def _covered(case: Case, found: Sequence[Outcome]) -> Row:
    difference = Rate.of(one.differences for one in found)
    value = Rate.of(one.mean for one in found)
    rates = [rate for rate in (difference, value) if rate.trials]
    is_low = [rate.interval()[1] < LEAST_COVERAGE for rate in rates]
    return _case(case, found) | {
        "true difference": "0" if case.gain == 1 else f"{_effect(found):.3f}",
        "interval of the difference holds it, %": difference.in_words() if difference.trials else "none printed",
        "interval of the value holds it, %": value.in_words() if value.trials else "none of this scope",
        "93% or more": "no"
        if any(is_low)
        else "yes"
        if all(rate.share >= LEAST_COVERAGE for rate in rates)
        else "not shown",
    }


def power(title: str, text: str, outcomes: Outcomes) -> Section:
    """How often studies say that the better configuration is better, and from what difference on mostly so."""
    rows = [_shown(case, found) for case, found in outcomes.items()]
    return Section(title, f"{text}\n\n{_what_can_be_shown(outcomes)}", rows)


def _shown(case: Case, found: Sequence[Outcome]) -> Row:
    rate = Rate.of(one.is_right for one in found)
    return _case(case, found) | {
        "true difference": f"{_effect(found):.3f}",
        "power, %": rate.in_words(),
        "80% or more": "yes" if rate.share >= LEAST_POWER else "no",
    }


def _what_can_be_shown(outcomes: Outcomes) -> str:
    """For each design, data and measure the least simulated difference that is shown in 80% of studies."""
    kinds: dict[tuple[str, str, str], list[float]] = {}
    for case, found in outcomes.items():
        own = kinds.setdefault((case.measure, case.setting.name, case.design), [])
        own += [_effect(found)] * (Rate.of(one.is_right for one in found).share >= LEAST_POWER)
    lines = [
        f"- {measure}, {data}, {design}: " + (f"{min(effects):.3f}" if effects else "none of those simulated")
        for (measure, data, design), effects in kinds.items()
    ]
    return "\n".join(["The least of these differences that is shown in 80% of the studies or more:", "", *lines])


def _effect(found: Sequence[Outcome]) -> float:
    return abs(fmean(one.effect for one in found if one.effect is not None))


def _case(case: Case, found: Sequence[Outcome]) -> dict[str, str]:
    return {
        "scope": str(found[0].scope),
        "design": case.design,
        "measure": case.measure,
        "data": case.setting.name,
    }
