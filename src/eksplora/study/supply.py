"""Supply of populations: trials that an earlier driver left, then proposals, a batch at a time."""

from eksplora.counter import fingerprint
from eksplora.search.proposer import Proposer
from eksplora.study.ending import Ending
from eksplora.study.journal import Journal
from eksplora.study.ledger import Ledger
from eksplora.study.plan import Plan
from eksplora.study.queue import PopulationQueue
from eksplora.study.trial import StudyPopulation, Trial
from eksplora.types import Status


class Supply:
    """Gives one population after the other until the budget is spent."""

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        record: Journal,
        proposer: Proposer,
        populations: PopulationQueue,
        ending: Ending,
    ) -> None:
        """Report the results so far to the proposer."""
        self._plan, self._ledger, self._record, self._proposer = plan, ledger, record, proposer
        self._populations, self._ending = populations, ending
        self._unpacked: list[Trial] = []
        self._followers: dict[int, Trial] = {}
        self._is_taken_up = False
        # In the order of numbers: proposals are a function of the results in that order.
        for number, trial in sorted(ledger.trials.items()):
            proposer.restore(number, trial.values, trial.reports)
            if trial.status.is_final:
                proposer.tell(number, trial.status, trial.value)

    @property
    def budget(self) -> int:
        """Trials of the whole study."""
        limits = (self._plan.spec.num_trials, self._proposer.num_points)
        return min(limit for limit in limits if limit is not None)

    @property
    def is_empty(self) -> bool:
        """Whether all trials are proposed, and no training waits to be handed out."""
        waits = self._unpacked or self._followers or not self._populations.is_empty
        return not waits and len(self._ledger.trials) >= self.budget

    def next(self) -> StudyPopulation | None:
        """A population that waits, or one of new trials; None when the proposer wants results first, or all is out."""
        while (population := self._populations.next()) is None:
            num_trials = len(self._ledger.trials)
            self._propose_batch()
            if self._unpacked:
                self._populations.pack(self._unpacked, self._plan.sizes, self._plan.num_workers)
                self._unpacked = []
            elif num_trials == len(self._ledger.trials):
                return None
        return population

    def settle(self) -> None:
        """End what is over without a training: repeats of trials that have ended, and what an earlier driver left."""
        if not self._is_taken_up:
            self._take_up()
        for trial in list(self._followers.values()):
            assert trial.repeats is not None
            self._settle(trial, self._ledger.trials[trial.repeats])

    def _take_up(self) -> None:
        """Go on with the trials that an earlier driver left."""
        packed = {number for population in self._ledger.populations.values() for number, _ in population.keys}
        for trial in self._ledger.with_status(Status.RUNNING, Status.INTERRUPTED):
            self._record.trial(trial, self._plan.tags)  # once more: it was interrupted, and goes on
            if trial.repeats is not None:
                self._followers[trial.number] = trial
            elif not self._ending.conclude_if_over(trial) and trial.number not in packed:
                self._unpacked.append(trial)
        self._is_taken_up = True

    def _propose_batch(self) -> None:
        """Propose up to the end of the batch, which a killed driver may have begun, or proposed whole."""
        # Batches begin at multiples of their size, whenever a driver started: the same trials are asked together.
        first, size = len(self._ledger.trials), self._plan.batch
        if self._unpacked and first % size == 0:
            return
        for number in range(first, min(first - first % size + size, self.budget)):
            if not self._proposer.can_propose(number):
                return
            self._propose(number)

    def _propose(self, number: int) -> None:
        values = self._proposer.propose(number)
        config = self._plan.spec.configure(values)
        key = fingerprint(config)
        # An equal configuration gives equal bits: it is not trained twice.
        original = self._ledger.original(key)
        trial = Trial(number, values, config, key, self._plan.members, original.number if original else None)
        self._ledger.add(trial)
        self._record.trial(trial, self._plan.tags)
        if original is None:
            self._unpacked.append(trial)
        else:
            self._followers[number] = trial
            self._settle(trial, original)

    def _settle(self, trial: Trial, original: Trial) -> None:
        if original.status.is_final:
            self._ledger.repeat(trial, original)
            del self._followers[trial.number]
            self._ending.end(trial)
