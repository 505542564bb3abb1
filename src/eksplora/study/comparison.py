"""A study over named configurations: confirmation, ablation, the rows of an exploration, baselines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from eksplora.counter import fingerprint
from eksplora.search.space import Choice, Parameter
from eksplora.study.run import Outcome, run_study
from eksplora.study.spec import StudySpec
from eksplora.study.trial import Trial
from eksplora.types import Config

KEY = "configuration"
"""The key that is searched: the configurations' names."""


@dataclass(frozen=True)
class ComparedConfigurations:
    """Result of a study over named configurations.

    Attributes:
        outcome: The study.
        trials: The trial of each configuration, by name.
    """

    outcome: Outcome
    trials: Mapping[str, Trial]

    def trained(self, name: str) -> Trial:
        """The trial that trained a configuration: another name's, where that has an equal one."""
        trial = self.trials[name]
        return trial if trial.repeats is None else self.outcome.ledger.trials[trial.repeats]


def compare(
    spec: StudySpec,
    configs: Mapping[str, Config],
    *,
    key: str = KEY,
    base: str | None = None,
    naming: Callable[[str], str] = str,
) -> ComparedConfigurations:
    """Train named configurations on the same members, each once, to the end.

    Args:
        spec: The study: its name and budget; space and trials are the configurations.
        configs: The configurations by name.
        key: The key under which a trial's name is recorded.
        base: The name of the configuration that the others are changes of; None: the first.
        naming: What a person calls a configuration, from its name.

    Raises:
        EksploraError: If a time limit ends the study before every configuration is trained.
    """

    def configure(values: Mapping[str, Any]) -> Config:
        return configs[values.get(key, known)]

    first = next(iter(configs))
    known = first if base is None else base  # it stands in the study's definition, value by value
    # The space knows names only: what they stand for must change the study's identity too.
    others = {f"{key}.{name}": fingerprint(config) for name, config in configs.items() if name != known}
    outcome = run_study(
        replace(
            spec,
            space=(Parameter(key, Choice(tuple(configs))),),
            num_trials=None,
            configure=configure,
            checks=lambda space: (),
            depends={**spec.depends, **others},
            naming=lambda values: naming(str(values[key])),
        )
    )
    outcome.check_over()
    return ComparedConfigurations(outcome, {str(trial.values[key]): trial for trial in outcome.ledger.trials.values()})
