"""A training that does nothing: what is left of a study's time is the driver's.

Importing this module imports all that a real worker imports, so that a study starts as slowly as a real one.
"""

from typing import Any

from eksplora.counter import derive
from eksplora.stage._job import JobReport, check
from eksplora.types import EpochReport, Job, Member, MemberResult, Status

EPOCHS = 10
CURVES = ("train/loss", "train/mae", "val/loss", "val/mae")
"""What a real training of the reference MLP reports."""


def run(kind: str, value: Any, report: JobReport) -> None:
    """Serve a worker's request as `_job.run` does; a `job` is answered at once, with made-up numbers."""
    if kind == "check":
        check(value)
    else:
        pretend(value, report)


def pretend(job: Job, report: JobReport) -> None:
    """Report `EPOCHS` epochs and a result for each member, without training anything."""
    for member in job.members:
        curves = {name: made_up(job.trial, member, name) for name in CURVES}
        for epoch in range(EPOCHS):
            report.epoch(
                EpochReport(job.trial, member.index, epoch + 1, {name: curves[name][epoch] for name in CURVES})
            )
        report.member(
            MemberResult(
                member=member.index,
                status=Status.FINISHED,
                value=curves["val/mae"][-1],
                best_epoch=EPOCHS,
                epochs=EPOCHS,
                step=EPOCHS,
                seconds=0.0,
                curves=curves,
            )
        )


def made_up(trial: int, member: Member, name: str) -> list[float]:
    """`EPOCHS` numbers in [0, 1) that look random, and are the same for the same trial and member."""
    return [derive(trial, member.index, name, epoch) / 2**63 for epoch in range(EPOCHS)]
