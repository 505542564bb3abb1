"""The driver: the one process that runs a study. It proposes, hands out jobs, judges and records; it trains nothing."""

import time
from collections import deque

from eksplora.errors import ConfigError, EksploraError, WorkerError
from eksplora.launch.launcher import Launcher, Message
from eksplora.search.proposer import Proposer
from eksplora.study.display import Display
from eksplora.study.ending import Ending, Failures
from eksplora.study.journal import Journal
from eksplora.study.ledger import Ledger
from eksplora.study.plan import Plan
from eksplora.study.pruning import Pruning
from eksplora.study.queue import Folders, PopulationQueue
from eksplora.study.supply import Supply
from eksplora.study.trial import StudyPopulation
from eksplora.types import Job, MemberResult, Status, Training

MOST_FAILED_STARTS = 3
"""Workers that may die before they get a job."""

POLL_SECONDS = 0.2
"""A request to stop is seen at most so late."""


class Driver:
    """Runs a study from where its ledger stands to the end of its budget, or until it is asked to stop."""

    def __init__(
        self,
        plan: Plan,
        *,
        ledger: Ledger,
        record: Journal,
        proposer: Proposer,
        workers: Launcher,
        shown: Display,
    ) -> None:
        """Take up the study; unfinished trials of an earlier run come first."""
        self.plan, self.ledger, self.record = plan, ledger, record
        self.proposer, self.workers, self.shown = proposer, workers, shown
        self.stop_reason = ""
        self._is_stopping = False
        self._inbox: deque[Message] = deque()
        self._error: EksploraError | None = None
        self._started_at = time.monotonic()
        self._num_failed_starts = 0
        self._pruning = Pruning(ledger, record, proposer)
        self._folders = Folders(plan.folder)
        self._folders.clean_up(ledger)
        self._populations = PopulationQueue(ledger, record, self._folders, shown.say)
        self._ending = Ending(
            ledger=ledger,
            record=record,
            proposer=proposer,
            populations=self._populations,
            folders=self._folders,
            shown=shown,
            max_failures=plan.spec.budget.max_failures,
        )
        self._failures = Failures(ledger, self._populations, self._ending, shown.say)
        self._supply = Supply(plan, ledger, record, proposer, self._populations, self._ending)

    def stop(self, reason: str) -> None:
        """Ask for an end: running populations are checkpointed. Safe to call from a signal handler."""
        self.stop_reason = self.stop_reason or reason

    def run(self) -> None:
        """Work until the budget is spent or a stop is asked for; on an error what runs is checkpointed first.

        Raises:
            WorkerError: If more trials fail than the plan allows, or workers die before they get a job.
            StorageError: If the disk is full.
        """
        while True:
            try:
                if self._advance():
                    break
            except EksploraError as error:
                self._error = self._error or error
                self.stop(str(error))
        self.ledger.interrupt()
        if self._error is not None:
            raise self._error

    def _advance(self) -> bool:
        """One round: hand out, wait for messages, take them in; returns whether all is done."""
        if self.stop_reason and not self._is_stopping:
            self._is_stopping = True
            self.workers.stop()
            self.shown.stopping()
            self.shown.say("stopping: what trains now is checkpointed (Ctrl-C leaves at once)")
        # Once stopping, nothing new begins; what runs is waited for.
        if not self._is_stopping:
            self._hand_out()
        is_busy = self.workers.is_busy or self._inbox  # what an error has left there is taken in first
        if not is_busy and (self._is_stopping or self._supply.is_empty):
            return True
        # A queue, since an error in one message must not lose those after it.
        self._inbox += self.workers.poll(POLL_SECONDS)
        self.shown.tick()
        while self._inbox:
            self._handle(self._inbox.popleft())
        self.record.flush_if_due(self.ledger.trials)
        self._watch_time()
        return False

    # --- handing out ---------------------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        self._supply.settle()
        for worker in self.workers.idle():
            population = self._supply.next()
            if population is None:
                return
            self.workers.submit(worker, self._job(population))
            self.shown.started(population)

    def _job(self, population: StudyPopulation) -> Job:
        return Job(
            number=population.number,
            trainings=[self._training(number, member) for number, member in population.keys],
            folder=str(self._folders.checkpoints(population)),
            threads=self.plan.threads,
            checkpoint_seconds=self.plan.spec.budget.checkpoint_seconds,
            is_judged=self.plan.spec.is_judged,
            test_rows=self.plan.spec.test_rows,
        )

    def _training(self, number: int, member: int) -> Training:
        trial = self.ledger.trials[number]
        return Training(number, trial.members[member], trial.config, str(self._folders.weights(trial, member)))

    # --- messages ------------------------------------------------------------------------------------------------

    def _handle(self, message: Message) -> None:
        match message.kind:
            case "epochs":
                self._take_epochs(message)
            case "member":
                self._take_member(message.value)
            case "split":
                self._take_split(message)
            case "done":
                self._take_done(message)
            case "refused":
                self._take_refused(message)
            case "error":
                self._take_error(message)
            case "died":
                self._replace(message)

    def _take_epochs(self, message: Message) -> None:
        population, reports = self._population(message), message.value
        assert population is not None
        try:
            for report in reports:
                self.record.epoch(self.ledger.trials[report.trial], report)
            # Recorded and judged before the answer: a verdict that was acted on is never lost.
            if self.plan.spec.is_judged:
                self._pruning.take(population, reports)
        finally:  # the worker waits for its answer, whatever happened here
            if self.plan.spec.is_judged:
                self.workers.decide(message.worker, self._pruning.decisions(population, reports))
        self.shown.epochs(population, reports)

    def _take_member(self, result: MemberResult) -> None:
        """Take in a result; one that is known comes again after a resumption from an older checkpoint."""
        trial = self.ledger.trials[result.trial]
        is_known = trial.status.is_final or result.member in trial.results
        if result.status is not Status.INTERRUPTED and not is_known:
            self.record.member(trial, result)
            self.ledger.take(result)
            self.shown.member(result)
            self._ending.conclude_if_over(trial)

    def _take_split(self, message: Message) -> None:
        """The worker has given a population back; it is free when it says that it is done."""
        population, (size, reason) = self._population(message), message.value
        assert population is not None
        if len(self.ledger.waiting(population)) > 1:
            self._populations.split(population, size, reason)
        else:
            self._failures.take(population, reason)

    def _take_done(self, message: Message) -> None:
        population = self._left(message)
        if population is None:
            return  # it was split
        if not self.ledger.waiting(population):
            self._ending.end_population(population)
        elif not self._is_stopping:
            self._failures.take(population, "the worker ended without a result")

    def _take_refused(self, message: Message) -> None:
        """A configuration that cannot be built fails its trial; a full disk or altered data end the study."""
        population, error = self._left(message), message.value
        # A full disk or altered data would fail every further trial too.
        if not isinstance(error, ConfigError):
            raise error
        if population is not None:
            self._failures.take(population, str(error))

    def _take_error(self, message: Message) -> None:
        population = self._left(message)
        if population is not None:
            self._failures.take(population, message.value)

    def _replace(self, message: Message) -> None:
        """A worker died: start another; its population goes on from its last checkpoint."""
        population, cause = self._left(message), message.value
        # While it stops there is nothing left to hand out.
        if not self._is_stopping:
            self.workers.add()
        if message.job is None:
            self._note_failed_start(cause)
        elif population is not None:
            self._failures.take_death(population, cause)

    def _note_failed_start(self, cause: str) -> None:
        """Workers that die without a job would be started for ever."""
        self._num_failed_starts += 1
        if self._num_failed_starts > MOST_FAILED_STARTS:
            raise WorkerError(f"workers die before they get a job ({cause}). Lower study.workers, or free memory.")

    # --- populations ---------------------------------------------------------------------------------------------

    def _population(self, message: Message) -> StudyPopulation | None:
        """Population that the sender trains or trained; None when it was split meanwhile."""
        return self.ledger.populations.get(message.job.number) if message.job is not None else None

    def _left(self, message: Message) -> StudyPopulation | None:
        """The population that a worker has left."""
        if message.job is not None:
            self.shown.left(message.job.number)
        return self._population(message)

    def _watch_time(self) -> None:
        limit = self.plan.spec.budget.timeout_seconds
        if limit is not None and time.monotonic() - self._started_at > limit:
            self.stop(f"study.timeout_seconds={limit:g} is over")
