"""A search: the experiment's own configuration where several members can compare, a study, and finer ones."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eksplora.errors import ConfigError
from eksplora.search.narrowing import at_bounds, narrowed
from eksplora.search.space import Space, describe
from eksplora.statistics.interval import t_interval
from eksplora.study.display import OWN
from eksplora.study.ledger import Ledger
from eksplora.study.run import Outcome, run_study
from eksplora.study.spec import StudySpec
from eksplora.study.trial import Trial, TrialOfStudy, values_of

Values = Mapping[str, Any]

LEAST_MEMBERS = 3
"""Below, the interval of a difference is so wide that no two trials are distinguishable."""


def check_stages(stages: int, n_seeds: int) -> None:
    """Refuse stages that nothing can be narrowed between.

    Raises:
        ConfigError: Naming the key.
    """
    if stages > 1 and n_seeds < LEAST_MEMBERS:
        raise ConfigError(
            f"study.stages={stages} narrows the space to the trials that are not distinguishable from the best, and "
            f"study.n_seeds={n_seeds} is too few. Set study.n_seeds={LEAST_MEMBERS} or more."
        )


def split_by_best(ledger: Ledger) -> tuple[list[Values], list[Values]]:
    """The values of the trials that are not distinguishable from the best, itself first, and of those that are worse.

    By Student's interval (95%) of the paired differences, one by one: a correction would only keep more.
    """
    ranked = ledger.ranked(ledger.trials.values())
    near: list[Values] = [trial.values for trial in ranked[:1]]
    far: list[Values] = []
    for trial in ranked[1:]:
        (far if _is_worse(trial, ranked[0], ledger.direction) else near).append(trial.values)
    return near, far


def _is_worse(trial: Trial, best: Trial, direction: str) -> bool:
    sign = 1 if direction == "minimize" else -1
    # Paired: member i has the same seed and split in both trials. Positive differences are worse.
    interval = t_interval([sign * (one - other) for one, other in zip(values_of(trial), values_of(best), strict=True)])
    return interval is not None and interval.low > 0


def run(spec: StudySpec, stages: int) -> Outcome:
    """Run a search of one or several stages; returns the last that ran, which is not over where a time limit ended it.

    Args:
        spec: The first stage; the last writes its results.
        stages: How many.

    Raises:
        ConfigError: If nothing can be narrowed between stages.
    """
    check_stages(stages, spec.budget.n_seeds)
    reference, space = _reference(spec), spec.space
    for stage in range(1, stages + 1):
        is_last = stage == stages
        outcome = run_study(
            replace(
                spec,
                name=spec.name if stage == 1 else f"{spec.name}-stage-{stage}",
                space=space,
                results=spec.results if is_last else None,
                reference=reference,
            )
        )
        if not outcome.is_over:
            return outcome
        _warn(outcome, space)
        if not is_last:
            space = narrowed(space, *split_by_best(outcome.ledger))
            _show(outcome, space)
    return outcome


def _reference(spec: StudySpec) -> TrialOfStudy | None:
    """The trial of the experiment's own configuration, of the same members as the trials; None for a single member.

    It is a study of its own, so that it takes no place among the trials.
    """
    if spec.budget.n_seeds < 2:
        return None
    # An empty space has one point: the configuration as it is.
    own = replace(spec, name=f"{spec.name}-baseline", space=(), num_trials=1, results=None, is_shown=False)
    outcome = run_study(replace(own, naming=lambda values: OWN, may_fail=True))
    return TrialOfStudy(outcome.ledger.best, outcome.folder) if outcome.is_over and outcome.ledger.best else None


def _warn(outcome: Outcome, space: Space) -> None:
    if outcome.ledger.best is not None:
        for line in at_bounds(space, outcome.ledger.best.values):
            print(f"warning: {line}", file=sys.stderr)


def _show(outcome: Outcome, space: Space) -> None:
    near, far = split_by_best(outcome.ledger)
    print(
        f"\n{len(near)} of {len(near) + len(far)} trials are not distinguishable from the best. The next stage searches"
    )
    for parameter in space:
        print(f"  {parameter.key}: {describe(parameter)}")
