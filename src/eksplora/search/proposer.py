"""Proposals as a function of history: Optuna's ask and tell in trial order.

The sampler is made anew for every trial, seeded from (study seed, trial number). Results are told in the order of trial
numbers. Trials are asked in batches: a trial is asked when exactly the trials before its batch, less `lag`, are told.
So what is proposed depends on the results, on `batch` and on `lag`, and neither on timing nor on interruptions.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, HyperbandPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from eksplora.counter import derive
from eksplora.search._distribution import distribution, suggest
from eksplora.search.sampler import GridSampler
from eksplora.search.space import Space, label
from eksplora.types import Status

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

STATES = {Status.FINISHED: TrialState.COMPLETE, Status.PRUNED: TrialState.PRUNED}


class Proposer:
    """Proposes trials of a study, judges their epochs, and learns their results.

    Attributes:
        study: The Optuna study, held in memory; it is rebuilt from the study's spool when the study goes on.
        has_memory: Whether the sampler learns from results.
        batch: Trials that are asked at once, from trial 0 on.
        lag: Results of the last `lag` trials before a batch are not waited for; samplers without memory wait for none.
    """

    def __init__(
        self,
        *,
        space: Space,
        sampler: Callable[[int], BaseSampler],
        pruner: BasePruner,
        direction: str,
        seed: int,
        name: str,
        lag: int,
        batch: int = 1,
    ) -> None:
        """Start with an empty history."""
        self._space, self._sampler, self._seed = space, sampler, seed
        # One sampler is made to learn its kind; `_reseed` makes another for every trial.
        first = sampler(self._seed_of(0))
        self.has_memory = not isinstance(first, GridSampler | optuna.samplers.RandomSampler)
        self.num_points = len(first.points) if isinstance(first, GridSampler) else None
        self.lag, self.batch = lag, batch
        goal = StudyDirection[direction.upper()]
        self.study = optuna.create_study(study_name=name, direction=goal, sampler=first, pruner=pruner)
        self._num_told = 0
        self._results: dict[int, tuple[Status, float | None]] = {}

    @property
    def num_proposed(self) -> int:
        """Trials asked so far."""
        return len(self.study.get_trials(deepcopy=False))

    def can_propose(self, number: int) -> bool:
        """Whether the results that proposal `number` rests on are in."""
        return not self.has_memory or all(n in self._results for n in range(self._num_told, self._base(number)))

    def propose(self, number: int) -> dict[str, Any]:
        """The values of trial `number`, the next one."""
        self._tell_before(self._base(number))
        self._reseed(number)
        trial = self.study.ask()
        assert trial.number == number, f"asked for trial {number}, Optuna gave {trial.number}"
        return suggest(trial, self._space)

    def restore(self, number: int, values: Mapping[str, Any], reports: Mapping[int, float]) -> None:
        """Take trial `number` as it was proposed before an interruption, with its objective after each epoch."""
        self._tell_before(self._base(number))
        known: dict[str, BaseDistribution] = {
            parameter.key: distribution(parameter.domain) for parameter in self._space if parameter.key in values
        }
        params = {key: label(values[key]) for key in known}
        keeps_rungs = isinstance(self.study.pruner, HyperbandPruner | SuccessiveHalvingPruner)
        noted = {} if keeps_rungs else dict(reports)
        trial = create_trial(state=TrialState.RUNNING, params=params, distributions=known, intermediate_values=noted)
        self.study.add_trial(trial)
        if keeps_rungs:  # these pruners note the rungs that a trial has passed while they judge its epochs
            for epoch in sorted(reports):
                self.report(number, epoch, reports[epoch])

    def report(self, number: int, epoch: int, value: float) -> bool:
        """Note the objective after an epoch (from 1); returns whether the pruner gives the trial up."""
        # `study.ask` hands out a trial once; a study that goes on has it by number only.
        trial = optuna.Trial(self.study, self.study.get_trials(deepcopy=False)[number]._trial_id)
        trial.report(value, epoch)
        return bool(trial.should_prune())

    def tell(self, number: int, status: Status, value: float | None) -> None:
        """Note a trial's result; it goes to Optuna in the order of trials."""
        self._results[number] = (status, value)

    def tell_all(self) -> None:
        """Give Optuna every result that is in, for the plots and the table at the end."""
        self._tell_before(self.num_proposed)
        for number in [n for n in self._results if n >= self._num_told]:
            self._tell(number)

    def _base(self, number: int) -> int:
        """The end of the results that proposal `number` may rest on."""
        return number - number % self.batch - (self.lag if self.has_memory else 0)

    def _tell_before(self, end: int) -> None:
        # Workers finish in any order; samplers read a history whose order is that of the numbers.
        while self._num_told < end and self._num_told in self._results:
            self._tell(self._num_told)
            self._num_told += 1

    def _tell(self, number: int) -> None:
        status, value = self._results[number]
        state = STATES.get(status, TrialState.FAIL)
        # Of a pruned trial Optuna takes the last value reported; of one that failed it learns nothing.
        self.study.tell(number, value if state is TrialState.COMPLETE else None, state=state)

    def _reseed(self, number: int) -> None:
        # A grid point follows from its number alone.
        if not isinstance(self.study.sampler, GridSampler):
            self.study.sampler = self._sampler(self._seed_of(number))

    def _seed_of(self, number: int) -> int:
        return derive(self._seed, "trial", number) % 2**32  # what numpy's generators take
