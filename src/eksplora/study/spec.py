"""A study to run, in plain values: what is searched, how much of it, and where it goes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eksplora.config.keys import StudyBudget
from eksplora.search.space import Space
from eksplora.study.trial import TrialOfStudy
from eksplora.types import Command, Config, Cut, Direction, Judges

Configure = Callable[[Mapping[str, Any]], Config]
"""Values of a trial -> its resolved configuration."""

Naming = Callable[[Mapping[str, Any]], str]
"""Values of a trial -> what a person calls its configuration."""


@dataclass(frozen=True, kw_only=True)
class StudySpec:
    """A study to run.

    Attributes:
        name: Its name: its folder and its MLflow run.
        experiment: The experiment that it is of: its page in MLflow.
        studies: The folder of all studies.
        metric: Name of the objective's metric, e.g. `mae`.
        direction: `minimize` or `maximize`.
        budget: How much is trained, and how.
        configure: What makes the configuration of a trial.
        config: The resolved configuration of the command: sampler, pruner and tracker are built from it, and it is
            recorded.
        choices: The choices of its groups; the sampler's and the pruner's name are tags of every trial.
        command: The command as it is recorded, see `eksplora.provenance.command_of`; None: it has none of its own.
        project: The project's folder: where its commit is asked for.
        work: The function that a worker runs for each job, as `package.module:function`.
        space: What is searched; empty for one configuration.
        num_trials: Trials in all, over every resumption; None: the whole grid.
        is_versioned: Whether the name ends with what the study depends on, so that another study gets another name.
        checks: Configurations of a space that a worker builds before a new study begins, by their names in errors.
        depends: What its results depend on besides configuration and space, as flat keys.
        results: Where a finished study's files go, from its name; None: they stay in the study's own folder.
        is_shown: Whether it ends with its table.
        test_rows: Rows of the test part on which finished members are measured, for reporting only, never for
            selection; 0: none.
        parent: Id and name of the exploration or audit that it is part of; the id begins with its kind.
        reference: The trial of the experiment's own configuration, to compare the best trials with.
        naming: What a person calls the configuration of a trial, from its values; None: trials go by their numbers.
        cut_for: Members among which another study divided its rows, to train on its splits; None: the study's own.
        judges: Which rows may validate: others than those by which its configurations were chosen.
        outer: The part of the rows that is held out, from 0, of how many, and what they are drawn by; None: none is.
        may_fail: Whether the command goes on when not one trial finishes: what comes after does not rest on it.
        is_ranked: Whether its trials are compared by their values, so that some rows must validate.
    """

    name: str
    experiment: str
    studies: Path
    metric: str
    direction: Direction
    budget: StudyBudget
    configure: Configure
    config: Config
    choices: Mapping[str, str]
    command: Command | None
    project: Path
    work: str
    space: Space = ()
    num_trials: int | None = 1
    is_versioned: bool = False
    checks: Callable[[Space], Iterable[tuple[str, Config]]] = lambda space: ()
    depends: Mapping[str, Any] = field(default_factory=dict)
    results: Callable[[str], Path] | None = None
    is_shown: bool = True
    test_rows: int = 0
    parent: tuple[str, str] | None = None
    reference: TrialOfStudy | None = None
    naming: Naming | None = None
    may_fail: bool = False
    is_ranked: bool = True
    judges: Judges = "all"
    cut_for: int | None = None
    outer: tuple[int, int, int] | None = None

    def cut(self, members: int) -> Cut:
        """Cut of the rows for so many members of a trial, unless it has the splits of another study."""
        fold, folds, seed = self.outer or (0, 0, 0)
        return Cut(self.cut_for or members, self.judges, fold, folds, seed)

    @property
    def is_judged(self) -> bool:
        """Whether a pruner is at work."""
        return self.choices.get("pruner") != "none"
