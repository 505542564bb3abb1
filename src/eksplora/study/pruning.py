"""Pruning of trials whose members train together."""

from collections.abc import Sequence
from statistics import fmean

from eksplora.search.proposer import Proposer
from eksplora.study.journal import Journal
from eksplora.study.ledger import Ledger
from eksplora.study.trial import StudyPopulation, Trial
from eksplora.types import Decision, EpochReport, Status

FIRST = 0
"""Index of a trial's first member."""


class Pruning:
    """Asks the pruner about trials, epoch by epoch.

    A trial is judged by the members that are in one population with its first: by the mean of their values after an
    epoch, where a member that ended before counts with its last value.
    """

    def __init__(self, ledger: Ledger, record: Journal, proposer: Proposer) -> None:
        """Pruning the trials of a ledger."""
        self._ledger, self._record, self._proposer = ledger, record, proposer

    def take(self, population: StudyPopulation, reports: Sequence[EpochReport]) -> None:
        """Ask about the epochs that are new (after a resumption some come again) and record what the pruner says."""
        members = population.members
        verdicts = []
        for number, together in _by_trial(reports).items():
            trial, epoch = self._ledger.trials[number], max(report.epoch for report in together)
            # After a resumption epochs come again: the recorded verdict holds, and the pruner is not asked twice.
            is_open = trial.pruned_at is None and not trial.status.is_final
            if is_open and epoch not in trial.reports and FIRST in members[number]:
                value = self._value(trial, members[number], together)
                if value is not None:
                    verdicts.append((number, epoch, value, self._proposer.report(number, epoch, value)))
        if verdicts:  # recorded before the worker can act on them
            self._record.judged(verdicts)
        for number, epoch, value, gives_up in verdicts:
            self._ledger.note_verdict(number, epoch, value, gives_up=gives_up)

    def decisions(self, population: StudyPopulation, reports: Sequence[EpochReport]) -> list[Decision]:
        """The answer to each report: members that are judged end after the same epoch as before a resumption."""
        members, decisions = population.members, []
        for report in reports:
            end = self._ledger.trials[report.trial].pruned_at
            # Members apart from the first are not judged: they end as soon as the trial is given up.
            gives_up = end is not None and (report.epoch >= end or FIRST not in members[report.trial])
            decisions.append(Decision.PRUNE if gives_up else Decision.GO_ON)
        return decisions

    def _value(self, trial: Trial, members: Sequence[int], reports: Sequence[EpochReport]) -> float | None:
        """The mean that is reported to the pruner; None when a member diverged: the trial has no value any more."""
        metric = self._ledger.metric
        over = [trial.results[member] for member in members if member in trial.results]
        if any(result.status is not Status.FINISHED for result in over):
            return None
        # Members that early stopping ended count with their last value, so that the mean has no jump.
        now = {report.member: report.metrics[metric] for report in reports}
        return fmean([result.curves[metric][-1] for result in over if result.member not in now] + list(now.values()))


def _by_trial(reports: Sequence[EpochReport]) -> dict[int, list[EpochReport]]:
    together: dict[int, list[EpochReport]] = {}
    for report in reports:
        together.setdefault(report.trial, []).append(report)
    return together
