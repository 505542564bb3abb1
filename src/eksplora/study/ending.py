"""The end of trials and populations: recorded first; then the proposer is told, and what nobody needs is removed."""

from eksplora.errors import WorkerError
from eksplora.search.proposer import Proposer
from eksplora.study.display import Display
from eksplora.study.journal import Journal
from eksplora.study.ledger import Ledger, Population, Trial
from eksplora.study.plan import Folders
from eksplora.study.queue import PopulationQueue


class Ending:
    """Ends the trials of a study."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        record: Journal,
        proposer: Proposer,
        populations: PopulationQueue,
        folders: Folders,
        shown: Display,
        max_failures: int,
    ) -> None:
        """Up to `max_failures` trials may fail."""
        self._ledger, self._record, self._proposer = ledger, record, proposer
        self._populations, self._folders, self._shown = populations, folders, shown
        self._max_failures, self._num_failed = max_failures, 0

    def conclude_if_over(self, trial: Trial) -> bool:
        """End a trial when all members have results, or when one ended early and no other one is being trained."""
        is_over = not trial.status.is_final and trial.is_trained and not self._populations.holds(trial)
        if is_over:
            trial.conclude()
            self.end(trial)
        return is_over

    def end_population(self, population: Population) -> None:
        """All results of a population are in: trials of which another member had ended early may be over now."""
        self._populations.end(population)
        for number in population.members:
            trial = self._ledger.trials[number]
            if not self.conclude_if_over(trial) and trial.status.is_final and trial is not self._ledger.best:
                self._folders.forget_trial(trial)  # weights that came after its end

    def fail(self, trial: Trial, message: str) -> None:
        """End a trial that cannot be trained.

        Raises:
            WorkerError: If that is one too many.
        """
        trial.fail(message)
        self.end(trial)
        self._num_failed += 1
        if self._num_failed > self._max_failures:
            last = message.strip().splitlines()[-1]
            raise WorkerError(
                f"{self._num_failed} trials failed, more than study.max_failures={self._max_failures}; the last: {last}"
            )

    def end(self, trial: Trial) -> None:
        """Record a final status, then tell the proposer and keep the weights of the best trial only."""
        self._record.trial_end(trial, {})
        former = self._ledger.best
        self._ledger.note_end(trial)
        best = self._ledger.best
        self._proposer.tell(trial.number, trial.status, trial.value)
        for other in (trial, former):
            if other is not None and other is not best and other.repeats is None:
                self._folders.forget_trial(other)
        self._shown.over(trial)
