"""A study that is over without one finished trial: it has found nothing, so its command must not end as if it had."""

from collections import Counter

from eksplora.errors import EksploraError, Interrupted, WorkerError
from eksplora.stage._ledger import Ledger
from eksplora.types import Status

WAYS_OUT = {
    Status.DIVERGED: "Lower the learning rate (optimizer.lr, or its bounds in the space)",
    Status.FAILED: "Correct what the reason names",
    Status.PRUNED: "Choose pruner=none, or one that waits longer",
}
"""What helps, by how most trials ended."""


def fruitless(ledger: Ledger, stop_reason: str) -> EksploraError | None:
    """The error of a study whose trials are over and none of which has finished; None of any other study.

    Args:
        ledger: The trials.
        stop_reason: Why the study ended before its budget was spent; empty when it was spent.
    """
    if ledger.best is not None or not (ledger.trials or stop_reason):
        return None
    if stop_reason:
        error = Interrupted(f"no trial finished: {stop_reason}. The same command goes on; give it more time.")
        error.exit_code = EksploraError.exit_code
        return error
    statuses = Counter(trial.status for trial in ledger.trials.values())
    words = ", ".join(f"{count} {status}" for status, count in statuses.items())
    first = ledger.trials[min(ledger.trials)]
    reason = first.message.strip().splitlines()[-1] if first.message.strip() else str(first.status)
    way_out = WAYS_OUT[statuses.most_common(1)[0][0]]
    return WorkerError(f"no trial finished ({words}); trial {first.number}: {reason.rstrip('.')}. {way_out}.")
