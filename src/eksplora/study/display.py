"""A study as a terminal shows it: trials, configurations and members by the names that a person knows them by."""

import math
from collections.abc import Sequence
from statistics import fmean

from eksplora.console.estimate import Key, Length
from eksplora.console.progress import Ahead, Progress
from eksplora.study.ledger import Ledger
from eksplora.study.packing import steps_of
from eksplora.study.plan import Plan
from eksplora.study.spec import Naming
from eksplora.study.trial import StudyPopulation, Trial
from eksplora.types import Config, EpochReport, MemberResult, Status

OWN = "the experiment's own"
"""The configuration of the experiment itself, to a person who watches it being trained."""


class Display:
    """Shows in a terminal what happens in a study; a context manager, as its `Progress` is."""

    def __init__(self, title: str, plan: Plan, ledger: Ledger, total: int, naming: Naming | None = None) -> None:
        """Show a study of `total` trials, from where its ledger stands; without a naming, trials have their numbers."""
        self._plan, self._ledger, self._total, self._naming = plan, ledger, total, naming
        self._progress = Progress(
            title=title,
            total=total,
            done=ledger.num_over,
            workers=plan.num_workers,
            ahead=self._ahead,
            ends_early=plan.spec.is_judged,
            limit_seconds=plan.spec.budget.timeout_seconds,
        )
        for trial in ledger.trials.values():
            self._remember(trial)
        self._show_best()

    def __enter__(self) -> "Display":
        """Show the line."""
        self._progress.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Take it away."""
        self._progress.__exit__(*error)

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self._progress.say(text)

    def tick(self) -> None:
        """Renew the line when that is due."""
        self._progress.tick()

    def stopping(self) -> None:
        """Show that running trainings are checkpointed."""
        self._progress.stopping()

    # --- what happens --------------------------------------------------------------------------------------------

    def started(self, population: StudyPopulation) -> None:
        """A population was handed to a worker."""
        keys = self._ledger.waiting(population) or population.keys
        lengths = {(number, member): self._length(self._ledger.trials[number], member) for number, member in keys}
        if any(_stops_early(self._ledger.trials[number].config) for number, _ in keys):
            self._progress.ends_early = True
        self._progress.started(population.number, self._name_of(keys), lengths)

    def epochs(self, population: StudyPopulation, reports: Sequence[EpochReport]) -> None:
        """Members of a population ended an epoch: the value shown is that of the best trial among them."""
        metric, values = self._ledger.metric, dict[int, list[float]]()
        for report in reports:
            # A diverged member's value would hide the others.
            if math.isfinite(value := report.metrics.get(metric, math.nan)):
                values.setdefault(report.trial, []).append(value)
        better = min if self._ledger.direction == "minimize" else max
        best = better(map(fmean, values.values())) if values else None
        self._progress.epoch(population.number, max(report.epoch for report in reports), best)

    def member(self, result: MemberResult) -> None:
        """A member is over."""
        self._progress.ended((result.trial, result.member), result.epochs)

    def left(self, population: int) -> None:
        """A worker trains a population no longer."""
        self._progress.left(population)

    def over(self, trial: Trial) -> None:
        """A trial has its final status."""
        self._show_best()
        outcome = f"{self._ledger.metric} {trial.value:.4g}" if trial.value is not None else _outcome(trial)
        self._progress.over(self.name(trial), outcome, trial.seconds, self._ledger.num_over)

    # --- names ---------------------------------------------------------------------------------------------------

    def name(self, trial: Trial) -> str:
        """Name of a trial."""
        return f"trial {trial.number}" if self._naming is None else self._naming(trial.values)

    def _name_of(self, keys: Sequence[Key]) -> str:
        """Name of a population: a trial, some of its members, or several trials."""
        numbers = list(dict.fromkeys(number for number, _ in keys))
        first = self.name(self._ledger.trials[numbers[0]])
        if len(numbers) > 1:
            return f"{len(numbers)} trials" if self._naming is None else f"{first} and {len(numbers) - 1} more"
        if len(keys) == self._plan.num_members:
            return first
        if len(keys) > 1:
            return f"{first}, {len(keys)} of {self._plan.num_members} members"
        return f"{first} {self._member_name(keys[0][1])}"

    def _member_name(self, member: int) -> str:
        """A member by its seed and its fold, each where there are several; counted from 0, as trials are."""
        if self._plan.is_spread:
            return f"member {member}" if self._plan.num_members > 1 else ""
        # Members count folds first: member = seed * folds + fold.
        seed, fold = divmod(member, len(self._plan.sizes))
        names = [f"seed {seed}"] * (self._plan.spec.budget.n_seeds > 1) + [f"fold {fold}"] * (len(self._plan.sizes) > 1)
        return ", ".join(names)

    # --- what is still to do -------------------------------------------------------------------------------------

    def _ahead(self) -> Ahead:
        """Trainings that wait or run; of those that come, as many repeat others as so far."""
        trials = self._ledger.trials
        own = [trial for trial in trials.values() if trial.repeats is None]
        lengths = {
            (trial.number, member.index): self._length(trial, member.index)
            for trial in own
            if not trial.status.is_final
            for member in trial.waiting
        }
        # A sampler may propose configurations again, which cost nothing.
        share = len(own) / len(trials) if trials else 1.0
        return Ahead(lengths, (self._total - len(trials)) * self._plan.num_members * share)

    def _length(self, trial: Trial, member: int) -> Length:
        """A baseline has no epochs: it is one step."""
        if "trainer" not in trial.config:
            return Length(1)
        fold = trial.members[member].fold
        return Length(max(1, trial.config["trainer"]["max_epochs"]), steps_of(trial.config, self._plan.sizes[fold]))

    def _remember(self, trial: Trial) -> None:
        for member, result in trial.results.items():
            if result.status in (Status.FINISHED, Status.PRUNED) and result.seconds > 0:
                self._progress.remember(self._length(trial, member), max(1, result.epochs), result.seconds)

    def _show_best(self) -> None:
        best = self._ledger.best
        if best is not None and best.value is not None:
            self._progress.best(best.value, self.name(best))


def _stops_early(config: Config) -> bool:
    return (config.get("early_stopping") or {}).get("patience") is not None


def _outcome(trial: Trial) -> str:
    return f"{trial.status} ({trial.message.strip().splitlines()[-1]})" if trial.message else str(trial.status)
