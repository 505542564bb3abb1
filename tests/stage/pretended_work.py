"""A work function without torch: trainings take a few milliseconds of sleep, and what they give is known beforehand.

It keeps a checkpoint (the number of epochs done) and appends every epoch that it trains to `epochs.log` in the working
folder, so that tests see what was trained twice.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from eksplora.counter import derive
from eksplora.types import Decision, EpochReport, Job, Member, MemberResult, Status

EPOCH_SECONDS = float(os.environ.get("PRETENDED_EPOCH_SECONDS", "0.01"))
METRIC = "val/mae"


def run(kind: str, value: Any, report: Any) -> None:
    if kind == "job":
        for member in value.members:
            result = pretend(value, member, report)
            report.member(result)
            if result.status is not Status.FINISHED:
                return


def pretend(job: Job, member: Member, report: Any) -> MemberResult:
    """Epochs that cost a sleep; a trial whose batch size is 64 is a hopeless one."""
    folder = Path(job.folder) / f"member-{member.index}"
    folder.mkdir(parents=True, exist_ok=True)
    state, curve = folder / "a.json", curve_of(job.config, member)
    epoch, status = json.loads(state.read_text()) if state.exists() else 0, Status.FINISHED
    while epoch < len(curve) and status is Status.FINISHED:
        time.sleep(EPOCH_SECONDS)
        epoch += 1
        note(f"{job.trial} {member.index} {epoch}")
        decision = report.epoch(EpochReport(job.trial, member.index, epoch, {METRIC: curve[epoch - 1]}))
        fall(job, epoch)
        temporary = state.with_suffix(".new")
        temporary.write_text(json.dumps(epoch))
        temporary.rename(state)
        status = {Decision.PRUNE: Status.PRUNED, Decision.STOP: Status.INTERRUPTED}.get(decision, status)
    is_over = status is Status.FINISHED
    curves = {METRIC: curve[:epoch]}
    return MemberResult(member.index, status, curve[-1] if is_over else None, epoch, epoch, epoch, 0.0, curves)


def curve_of(config: dict[str, Any], member: Member) -> list[float]:
    """Falls from epoch to epoch, to a level that depends on the configuration and the member."""
    level = derive(json.dumps(config["optimizer"]), member.seed) / 2**63 + config["data"]["batch_size"]
    return [level + 1 / epoch for epoch in range(1, config["trainer"]["max_epochs"] + 1)]


def note(line: str) -> None:
    with Path("epochs.log").open("a") as file:
        file.write(line + "\n")


def fall(job: Job, epoch: int) -> None:
    """Die in the third epoch of the trial named in the file `fall`: the first time, or every time."""
    path = Path("fall")
    if epoch == 3 and path.exists():
        trial, times = map(int, path.read_text().split())
        if trial == job.trial and times > 0:
            path.write_text(f"{trial} {times - 1}")
            os.kill(os.getpid(), signal.SIGKILL)
