"""What a search hands on for its page: every trial in numbers, and what pruning has saved."""

from statistics import fmean
from typing import Any

from eksplora.stage._ledger import Ledger, Trial
from eksplora.types import Status


def every_trial(ledger: Ledger) -> list[dict[str, Any]]:
    """The trials in the order of their numbers."""
    return [_told(trial) for _, trial in sorted(ledger.trials.items())]


def _told(trial: Trial) -> dict[str, Any]:
    values = [result.value for _, result in sorted(trial.results.items()) if result.value is not None]
    return {
        "trial": trial.number,
        "status": str(trial.status),
        "value": trial.value,
        "std": trial.spread,
        "members": values if trial.value is not None else [],
        "epochs": trial.epochs,
        "seconds": trial.seconds,
        "repeats": trial.repeats,
        "values": trial.values,
    }


def saved_by_pruning(ledger: Ledger) -> dict[str, float]:
    """Trials that were given up, and about what that saved: their members' epochs, and seconds at the mean pace.

    An epoch counts once per member. The pace is that of the trial itself, so a slow configuration given up early counts
    for what it would have cost.
    """
    pruned = [trial for trial in ledger.with_status(Status.PRUNED) if trial.repeats is None]
    epochs = {trial.number: _epochs_left(trial) for trial in pruned}
    seconds = sum(epochs[trial.number] * _pace(trial) for trial in pruned)
    return {"trials": len(pruned), "epochs_saved": sum(epochs.values()), "seconds_saved": seconds}


def _epochs_left(trial: Trial) -> int:
    most = int(trial.config["trainer"]["max_epochs"])
    done = sum(result.epochs for result in trial.results.values())
    return most * len(trial.members) - done


def _pace(trial: Trial) -> float:
    """Seconds of an epoch of one member."""
    paces = [result.seconds / result.epochs for result in trial.results.values() if result.epochs]
    return fmean(paces) if paces else 0.0
