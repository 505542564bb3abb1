"""A training that does nothing: what is left of a study's time is the driver's.

Importing this module imports all that a real worker imports, so that a study starts as slowly as a real one.
"""

from typing import Any

from eksplora.counter import derive
from eksplora.types import EpochReport, Job, MemberResult, Report, Status, Training
from eksplora.work.job import check

EPOCHS = 10
CURVES = ("train/loss", "train/mae", "val/loss", "val/mae")
"""What a real training of the reference MLP reports."""


def run(kind: str, value: Any, report: Report) -> None:
    """Serve a worker's request as `_job.run` does; a `job` is answered at once, with made-up numbers."""
    if kind == "check":
        check(value)
    else:
        pretend(value, report)


def pretend(job: Job, report: Report) -> None:
    """Report `EPOCHS` epochs and a result for each member, without training anything."""
    curves = [{name: made_up(training, name) for name in CURVES} for training in job.trainings]
    for epoch in range(EPOCHS):
        metrics = [{name: values[epoch] for name, values in known.items()} for known in curves]
        report.epochs(
            [
                EpochReport(training.trial, training.member.index, epoch + 1, now)
                for training, now in zip(job.trainings, metrics, strict=True)
            ]
        )
    for training, known in zip(job.trainings, curves, strict=True):
        report.member(result(training, known))


def result(training: Training, curves: dict[str, list[float]]) -> MemberResult:
    """What came of a training that has made-up curves."""
    return MemberResult(
        trial=training.trial,
        member=training.member.index,
        status=Status.FINISHED,
        value=curves["val/mae"][-1],
        best_epoch=EPOCHS,
        epochs=EPOCHS,
        step=EPOCHS,
        seconds=0.0,
        curves=curves,
    )


def made_up(training: Training, name: str) -> list[float]:
    """`EPOCHS` numbers in [0, 1) that look random, and are the same for the same trial and member."""
    return [derive(training.trial, training.member.index, name, epoch) / 2**63 for epoch in range(EPOCHS)]
