"""A search: the experiment's own configuration where several members can compare, a study, and finer ones."""

import sys
from collections.abc import Callable
from pathlib import Path

from eksplora.build import Request
from eksplora.schema import SearchConfig
from eksplora.search.narrowing import at_bounds, narrowed
from eksplora.search.space import Space, describe
from eksplora.stage._narrowing import check_stages, told_apart, values_of
from eksplora.stage._shown import OWN
from eksplora.stage._study import Outcome, Study, run_study


def run(request: Request, name: str, space: Space, results: Callable[[str], Path]) -> bool:
    """Run a search of one or several stages; returns whether it came to its end."""
    settings: SearchConfig = request.settings
    check_stages(settings.study.stages, settings.study.n_members)
    reference = _reference(request, name)
    for stage in range(1, settings.study.stages + 1):
        is_last = stage == settings.study.stages
        study = Study(
            name if stage == 1 else f"{name}-stage-{stage}",
            space,
            settings.study.n_trials,
            results=results if is_last else None,
            reference=reference,
        )
        outcome = run_study(request, study)
        if not outcome.is_over:
            return False
        _warn(outcome, space)
        if not is_last:
            space = narrowed(space, *told_apart(outcome.ledger))
            _tell(outcome, space)
    return True


def _reference(request: Request, name: str) -> list[float] | None:
    """The objective of the experiment's own configuration, of the same members as the trials'; None of a single one.

    It is a study of its own, so that it takes no place among the trials.
    """
    if request.settings.study.n_members < 2:
        return None
    study = Study(f"{name}-baseline", (), 1, is_shown=False, naming=lambda values: OWN, may_fail=True)
    outcome = run_study(request, study)
    return values_of(outcome.ledger.best) if outcome.is_over and outcome.ledger.best else None


def _warn(outcome: Outcome, space: Space) -> None:
    if outcome.ledger.best is not None:
        for line in at_bounds(space, outcome.ledger.best.values):
            print(f"warning: {line}", file=sys.stderr)


def _tell(outcome: Outcome, space: Space) -> None:
    near, far = told_apart(outcome.ledger)
    print(f"\n{len(near)} of {len(near) + len(far)} trials cannot be told from the best. The next stage searches")
    for parameter in space:
        print(f"  {parameter.key}: {describe(parameter)}")
