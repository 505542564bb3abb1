"""`ek.compare`: named configurations on the same members, and what may be said of them."""

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eksplora.config import Configurator, compose_request
from eksplora.errors import ConfigError
from eksplora.interface.asked import check_texts, check_values, numbers, settings_words
from eksplora.interface.confirmation import estimated, rows_of
from eksplora.interface.data import Target
from eksplora.interface.look import lines, table
from eksplora.interface.running import in_one_line, session
from eksplora.interface.searching import asked_for
from eksplora.records.confirm import Configuration
from eksplora.records.estimate import Estimate
from eksplora.types import Config
from eksplora.untrusted import is_name

if TYPE_CHECKING:
    from pandas import DataFrame

    from eksplora.study.spec import StudySpec


@dataclass(frozen=True, repr=False)
class StudyComparison:
    """Named configurations, compared member by member.

    Attributes:
        name: Of the study.
        metric: The objective.
        best: Name of the configuration with the best mean; the verdicts say whether it is more than luck.
        estimate: Its mean with interval and scope.
    """

    name: str
    metric: str
    best: str
    estimate: Estimate
    _known: tuple[Configuration, ...]

    @property
    def verdicts(self) -> list[str]:
        """A sentence on each other configuration against the best one, judged together."""
        return [one.versus_best.in_words for one in self._known if one.versus_best is not None]

    @property
    def configurations(self) -> "DataFrame":
        """A row for each configuration, best first, with mean, interval and verdict."""
        return rows_of(list(self._known)).drop(columns="found_by_search")

    def __repr__(self) -> str:
        return lines(f"Comparison {self.name}", self._facts())

    def _repr_html_(self) -> str:
        return table(f"Comparison {self.name}", self._facts())

    def _facts(self) -> dict[str, str]:
        verdicts = {f"verdict {number}": text for number, text in enumerate(self.verdicts, 1)}
        return {"best": self.best, **estimated(self.estimate, self.metric), **verdicts}


@in_one_line
def compare(
    configurations: Mapping[str, Mapping[str, Any]],
    *,
    data: object = None,
    target: Target = None,
    experiment: str | None = None,
    network: object = None,
    settings: Mapping[str, Any] | None = None,
    members: int = 20,
    workers: int | None = None,
    seed: int | None = None,
    name: str | None = None,
) -> StudyComparison:
    """Compare configurations that were chosen beforehand: each is trained on the same members, to its end.

    Args:
        configurations: Settings of each, by its name: `{"small": {"widths": [16]}, "large": {"widths": [128]}}`.
        data: As `search` takes it.
        target: As `search` takes it.
        experiment: As `search` takes it.
        network: As `search` takes it; for one of several, name it in the settings of each: `{"model": "mlp"}`.
        settings: Values that hold for all.
        members: Trainings of each configuration, each with a seed and a split of its own.
        workers: Processes that train at once; None: one for each core.
        seed: Of the study; None: 0.
        name: Of the study; None: made of the experiment. It ends with a fingerprint of what it depends on.

    Raises:
        UserError: For what the caller can correct, in one line.
        KeyboardInterrupt: After Ctrl-C; the same call goes on.
    """
    check_texts(name=name)
    _check_names(configurations)
    common = {} if settings is None else settings
    check_values("settings", common)
    given = numbers(members=members, workers=workers, seed=seed)
    every = {key: value for own in configurations.values() for key, value in own.items()}
    asked = asked_for(data, target, experiment, network, common if network is None else {**every, **common}, None)
    with session(asked.folders):
        words = [*asked.words, *given, "space=none", "sampler=grid", "pruner=none"]
        configs = {
            key: _config([*words, *settings_words(own, words, where=key)]) for key, own in configurations.items()
        }
        with redirect_stdout(io.StringIO()):
            return _compared(words, configs, name)


def _check_names(configurations: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse fewer than two configurations, and names that are no words.

    Raises:
        ConfigError: Naming what is wrong.
    """
    check_values("configurations", configurations)
    if len(configurations) < 2:
        raise ConfigError(f"configurations: {len(configurations)} given, a comparison needs two. Add another.")
    for key, own in configurations.items():
        if not is_name(key):
            raise ConfigError(f"configurations: {key!r} is no name. Use letters, digits, - and _.")
        check_values(key, own)


def _config(words: list[str]) -> Config:
    request = compose_request("search", words)
    return Configurator(request.root, request.overrides)({})


def _compared(words: list[str], configs: Mapping[str, Config], name: str | None) -> StudyComparison:
    from eksplora.confirmation.candidates import Candidate
    from eksplora.confirmation.choice import confirmed, described
    from eksplora.stage.spec import spec_of
    from eksplora.study import comparison

    request = compose_request("search", words)
    spec: StudySpec = spec_of(request, name or f"{request.settings.experiment}-compare")
    spec = replace(spec, is_versioned=True, results=Path(request.settings.paths.results).joinpath)
    found = comparison.compare(spec, configs)
    tried = [
        confirmed(Candidate(key, {}, config, None), found.trained(key), found.outcome.folder)
        for key, config in configs.items()
    ]
    known = described(tried, found.outcome.metric, spec.direction, 0.05)
    return StudyComparison(found.outcome.name, found.outcome.metric, known[0].name, known[0].known, tuple(known))
