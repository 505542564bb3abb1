"""The end of trials and populations: recorded first, then reported to the proposer; then files are removed."""

from collections.abc import Callable

from eksplora.errors import WorkerError
from eksplora.search.proposer import Proposer
from eksplora.study.display import Display
from eksplora.study.journal import Journal
from eksplora.study.ledger import Ledger
from eksplora.study.queue import Folders, PopulationQueue
from eksplora.study.trial import StudyPopulation, Trial


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
            self._ledger.conclude(trial)
            self.end(trial)
        return is_over

    def end_population(self, population: StudyPopulation) -> None:
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
        self._ledger.fail(trial, message)
        self.end(trial)
        self._num_failed += 1
        if self._num_failed > self._max_failures:
            last = message.strip().splitlines()[-1]
            raise WorkerError(
                f"{self._num_failed} trials failed, more than study.max_failures={self._max_failures}; the last: {last}"
            )

    def end(self, trial: Trial) -> None:
        """Record a final status, then report it to the proposer and keep the weights of the best trial only."""
        # On disk first: a kill after this line loses nothing, one before it leaves the trial unfinished.
        self._record.trial_end(trial, {})
        former = self._ledger.best
        self._ledger.note_end(trial)
        best = self._ledger.best
        self._proposer.tell(trial.number, trial.status, trial.value)
        # Either the new trial or the former best has lost its claim to disk space.
        for other in (trial, former):
            if other is not None and other is not best and other.repeats is None:
                self._folders.forget_trial(other)
        self._shown.over(trial)


# --- what cannot be trained ----------------------------------------------------------------------------------------

MOST_DEATHS = 3
"""A trial on which a worker dies so often has failed: the machine runs out of memory, or the code crashes."""

MOST_DEATHS_TOGETHER = 2
"""After so many deaths on a population of several trials each goes on by itself."""

WAY_OUT = "Lower study.workers, data.batch_size or the size of the network."


class Failures:
    """Gives trials another try where that can help, and fails them where it cannot."""

    def __init__(
        self, ledger: Ledger, populations: PopulationQueue, ending: Ending, say: Callable[[str], None]
    ) -> None:
        """Report to the user through `say`."""
        self._ledger, self._populations, self._ending, self._say = ledger, populations, ending, say

    def take(self, population: StudyPopulation, message: str) -> None:
        """A population raised: one trial fails; of several each gets a try by itself.

        Raises:
            WorkerError: If more trials have failed than may.
        """
        trials = self._ledger.waiting_trials(population)
        if len(trials) == 1:
            self._ending.end_population(population)
            if not trials[0].status.is_final:  # otherwise a member of it had ended early
                self._ending.fail(trials[0], message)
        elif trials:
            last = message.strip().splitlines()[-1]
            self._say(f"{len(trials)} trials failed together ({last}); they go on one by one")
            self._populations.isolate(population, f"failed together: {last}")
        else:
            self._ending.end_population(population)

    def take_death(self, population: StudyPopulation, cause: str) -> None:
        """A worker died: the population goes on from its last checkpoint, in another one.

        Raises:
            WorkerError: If more trials have failed than may.
        """
        trials = self._ledger.waiting_trials(population)
        population.deaths += 1
        if len(trials) == 1:
            self._ledger.note_death(trials[0])
        died = f"a worker died ({cause})"
        if not trials:
            self._ending.end_population(population)
        elif len(trials) == 1 and trials[0].deaths >= MOST_DEATHS:
            self.take(population, f"the worker died {MOST_DEATHS} times ({cause}). {WAY_OUT}")
        elif len(trials) > 1 and population.deaths >= MOST_DEATHS_TOGETHER:
            self._say(f"{died} again; the {len(trials)} trials that it had go on one by one")
            self._populations.isolate(population, f"a worker died {population.deaths} times on all together")
        else:
            names = f"trial {trials[0].number} goes" if len(trials) == 1 else f"{len(trials)} trials go"
            self._say(f"{died}; {names} on in a new one")
            self._populations.put_back(population)
