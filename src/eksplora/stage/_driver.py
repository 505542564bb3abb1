"""The driver: the one process that runs a study. It proposes, hands out jobs, judges and records; it trains nothing."""

import time
from collections import deque

from eksplora.counter import fingerprint
from eksplora.errors import ConfigError, EksploraError, WorkerError
from eksplora.launch.local import LocalWorkers, Message, Worker
from eksplora.report.progress import Progress
from eksplora.search.proposer import Proposer
from eksplora.stage._folders import TrialFolders
from eksplora.stage._ledger import Ledger, Trial
from eksplora.stage._plan import Plan
from eksplora.stage._record import Record
from eksplora.types import Decision, EpochReport, Job, MemberResult, Status

MOST_DEATHS = 3
"""A trial on which a worker dies so often has failed: the machine runs out of memory, or the code crashes."""

POLL_SECONDS = 0.2
"""A request to stop is seen at most so late."""


class Driver:
    """Runs a study from where its ledger stands to the end of its budget, or until it is asked to stop."""

    def __init__(
        self,
        plan: Plan,
        *,
        ledger: Ledger,
        record: Record,
        proposer: Proposer,
        workers: LocalWorkers,
        progress: Progress,
    ) -> None:
        """Take up the study; unfinished trials of an earlier run come first."""
        self.plan, self.ledger, self.record = plan, ledger, record
        self.proposer, self.workers, self.progress = proposer, workers, progress
        self.stop_reason = ""
        self._is_stopping = False
        self._inbox: deque[Message] = deque()
        self._error: EksploraError | None = None
        self._started_at = time.monotonic()
        unfinished = ledger.with_status(Status.RUNNING, Status.INTERRUPTED)
        self._queue = [trial for trial in unfinished if trial.repeats is None]
        self._followers = {trial.number: trial for trial in unfinished if trial.repeats is not None}
        self._num_failed = 0
        self._num_stillborn = 0
        self.folders = TrialFolders(plan.folder / "trials")
        self.folders.clean_up(ledger)
        self._teach()

    @property
    def budget(self) -> int:
        """Trials of the whole study."""
        limits = [limit for limit in (self.plan.num_trials, self.proposer.num_points) if limit is not None]
        return min(limits)

    def stop(self, reason: str) -> None:
        """Ask for an end: running trials are checkpointed. Safe to call from a signal handler."""
        self.stop_reason = self.stop_reason or reason

    def run(self) -> None:
        """Work until the budget is spent or a stop is asked for; on an error running trials are checkpointed first.

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
        if self._error is not None:
            raise self._error

    def _advance(self) -> bool:
        """One round: hand out, wait for messages, take them in; returns whether all is done."""
        if self.stop_reason and not self._is_stopping:
            self._is_stopping = True
            self.workers.stop()
            self.progress.say("stopping: running trials are checkpointed (Ctrl-C leaves at once)")
        if not self._is_stopping:
            self._hand_out()
        if not self._is_busy() and (self._is_stopping or self._is_done()):
            return True
        self._inbox += self.workers.poll(POLL_SECONDS)
        while self._inbox:  # what an error leaves here is taken in the next round
            self._handle(self._inbox.popleft())
        self.record.flush_if_due(self.ledger.trials)
        self._watch_time()
        return False

    # --- handing out ---------------------------------------------------------------------------------------------

    def _teach(self) -> None:
        """Tell the proposer what happened before."""
        for number, trial in sorted(self.ledger.trials.items()):
            self.proposer.restore(number, trial.values, trial.reports)
            if trial.status.is_final:
                self.proposer.tell(number, trial.status, trial.value)

    def _is_done(self) -> bool:
        return not self._queue and not self._followers and len(self.ledger.trials) >= self.budget

    def _is_busy(self) -> bool:
        return any(worker.job is not None for worker in self.workers.workers)

    def _hand_out(self) -> None:
        self._settle_followers()
        idle = self.workers.idle()
        while idle and (trial := self._next_trial()) is not None:
            if trial.repeats is not None:
                continue
            if trial.is_trained:  # the driver was killed before it could write the trial's end
                self._conclude(trial)
            else:
                self.workers.submit(idle.pop(0), self._job(trial))
                self.progress.started(trial.number)

    def _next_trial(self) -> Trial | None:
        """An unfinished trial, or a new one when the budget and the proposer allow."""
        if self._queue:
            trial = self._queue.pop(0)
            self.record.trial(trial, self.plan.tags)  # once more: it was interrupted, and goes on
            return trial
        number = len(self.ledger.trials)
        if number >= self.budget or not self.proposer.can_propose(number):
            return None
        return self._propose(number)

    def _propose(self, number: int) -> Trial:
        values = self.proposer.propose(number)
        config = self.plan.configure(values)
        key = fingerprint(config)
        original = self.ledger.original(key)
        trial = Trial(number, values, config, key, self.plan.members, original.number if original else None)
        self.ledger.add(trial)
        self.record.trial(trial, self.plan.tags)
        if original is not None:
            self._followers[number] = trial
            self._settle(trial, original)
        return trial

    def _settle_followers(self) -> None:
        """A configuration met before takes over the result of the trial that trained it."""
        for trial in list(self._followers.values()):
            assert trial.repeats is not None
            self._settle(trial, self.ledger.trials[trial.repeats])

    def _settle(self, trial: Trial, original: Trial) -> None:
        if original.status.is_final:
            trial.status, trial.value = original.status, original.value
            trial.message = f"same configuration as trial {original.number}"
            del self._followers[trial.number]
            self._end(trial)

    def _job(self, trial: Trial) -> Job:
        return Job(
            trial=trial.number,
            config=trial.config,
            members=trial.waiting,
            folder=str(self.folders.of(trial)),
            threads=self.plan.threads,
            checkpoint_seconds=self.plan.checkpoint_seconds,
            is_judged=self.plan.is_judged,
        )

    # --- messages ------------------------------------------------------------------------------------------------

    def _handle(self, message: Message) -> None:
        worker, value = message.worker, message.value
        match message.kind:
            case "epoch":
                self._take_epoch(worker, value)
            case "member":
                self._take_member(worker, value)
            case "done":
                self._take_done(worker)
            case "refused":
                self._take_refused(worker, value)
            case "error":
                self._fail(self._release(worker), value)
            case "died":
                self._replace(worker, value)

    def _take_epoch(self, worker: Worker, report: EpochReport) -> None:
        trial = self.ledger.trials[report.trial]
        is_new = self.ledger.note_epoch(report)
        if not self.plan.is_judged:
            self.record.epoch(trial, report)
        else:
            try:
                self._judge(trial, report, is_new=is_new)
            finally:  # the worker waits for its answer, whatever happened here
                gives_up = trial.is_pruned_at(report.member, report.epoch)
                self.workers.decide(worker, Decision.PRUNE if gives_up else Decision.GO_ON)
        self.progress.epoch(trial.number, report.epoch)

    def _judge(self, trial: Trial, report: EpochReport, *, is_new: bool) -> None:
        """Ask the pruner about an epoch; epoch and verdict are written together, before the worker can act on them."""
        if is_new and self.proposer.report(trial.number, report.epoch, trial.reports[report.epoch]):
            trial.pruned_at = report.epoch
        self.record.epoch(trial, report)
        self.record.flush(trial, report.member)

    def _take_member(self, worker: Worker, result: MemberResult) -> None:
        assert worker.job is not None
        trial = self.ledger.trials[worker.job.trial]
        if result.status is not Status.INTERRUPTED:
            self.record.member(trial, result)
            trial.results[result.member] = result

    def _take_done(self, worker: Worker) -> None:
        trial = self._release(worker)
        if trial.is_trained:
            self._conclude(trial)
        else:
            trial.status = Status.INTERRUPTED  # it was asked to stop; its checkpoint is there

    def _take_refused(self, worker: Worker, error: EksploraError) -> None:
        """A configuration that cannot be built fails its trial; a full disk or altered data end the study."""
        trial = self._release(worker)
        if not isinstance(error, ConfigError):
            trial.status = Status.INTERRUPTED
            raise error
        self._fail(trial, str(error))

    def _fail(self, trial: Trial, message: str) -> None:
        trial.status, trial.message = Status.FAILED, message
        self._end(trial)
        self._num_failed += 1
        if self._num_failed > self.plan.max_failures:
            last = message.strip().splitlines()[-1]
            raise WorkerError(
                f"{self._num_failed} trials failed, more than study.max_failures={self.plan.max_failures}; "
                f"the last: {last}"
            )

    def _replace(self, worker: Worker, exit_code: int | None) -> None:
        """A worker died: start another; its trial goes on from its last checkpoint."""
        job, worker.job = worker.job, None
        if not self._is_stopping:
            self.workers.add()
        if job is None:
            self._note_stillborn(exit_code)
            return
        trial = self.ledger.trials[job.trial]
        trial.deaths += 1
        if trial.deaths >= MOST_DEATHS:
            self._fail(trial, f"the worker died {trial.deaths} times, last with exit code {exit_code}")
            return
        self._queue.insert(0, trial)
        self.progress.say(f"a worker died (exit code {exit_code}); trial {trial.number} goes on in a new one")

    def _note_stillborn(self, exit_code: int | None) -> None:
        """Workers that die without a job would be started for ever."""
        self._num_stillborn += 1
        if self._num_stillborn > MOST_DEATHS:
            raise WorkerError(
                f"workers die before they get a job (exit code {exit_code}); is there memory enough for study.workers?"
            )

    def _release(self, worker: Worker) -> Trial:
        assert worker.job is not None
        job, worker.job = worker.job, None
        return self.ledger.trials[job.trial]

    # --- the end of a trial --------------------------------------------------------------------------------------

    def _conclude(self, trial: Trial) -> None:
        trial.conclude()
        self._end(trial)

    def _end(self, trial: Trial) -> None:
        """Record a final status first, then tell the proposer and clean up."""
        self.record.trial_end(trial, {})
        former = self.ledger.best
        self.ledger.note_end(trial)
        best = self.ledger.best
        self.proposer.tell(trial.number, trial.status, trial.value)
        if trial.repeats is None:
            self.folders.ended(trial, best, former)
        self.progress.ended(
            trial.number,
            outcome=f"{self.ledger.metric} {trial.value:.4g}" if trial.value is not None else _outcome(trial),
            seconds=trial.seconds,
            best=f"best {best.value:.4g} (trial {best.number})" if best else "",
            done=self.ledger.num_over,
        )

    def _watch_time(self) -> None:
        limit = self.plan.timeout_seconds
        if limit is not None and time.monotonic() - self._started_at > limit:
            self.stop(f"study.timeout_seconds={limit:g} is over")


def _outcome(trial: Trial) -> str:
    return f"{trial.status} ({trial.message.strip().splitlines()[-1]})" if trial.message else str(trial.status)
