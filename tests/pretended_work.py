"""A work function without torch: trainings take a few milliseconds of sleep, and what they give is known beforehand.

A population keeps a checkpoint (the epoch, and what came of members that are over) and appends every epoch that it
trains to `epochs.log` in the working folder, so that tests see what was trained twice. Files there disturb it: `fall`
kills it, `split` lets it give populations back, `diverge` and `stop_early` end members before the others.
"""

import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eksplora.counter import derive
from eksplora.errors import ConfigError
from eksplora.types import Config, Decision, EpochReport, Job, Member, MemberResult, Status, Training

EPOCH_SECONDS = float(os.environ.get("PRETENDED_EPOCH_SECONDS", "0.01"))
METRIC = "val/mae"


def run(kind: str, value: Any, report: Any) -> None:
    if kind == "job":
        size = numbers_in("split")
        if size and len(value.trainings) > size[0]:
            report.split(size[0], "pretended to be too large")
        else:
            Pretended(value, report).train()


class Pretended:
    """A population: an epoch costs a sleep per member that takes part in it."""

    def __init__(self, job: Job, report: Any) -> None:
        self.job, self.report = job, report
        self.state = Path(job.folder) / "a.json"
        self.state.parent.mkdir(parents=True, exist_ok=True)
        saved = json.loads(self.state.read_text()) if self.state.exists() else {"epoch": 0, "over": []}
        self.epoch: int = saved["epoch"]
        self.over = {(one["trial"], one["member"]): result_of(one) for one in saved["over"]}

    def train(self) -> None:
        for result in self.over.values():
            self.report.member(result)  # once more: the driver may have been killed before it heard of it
        while running := [one for one in self.job.trainings if key_of(one) not in self.over]:
            self.refuse(running)
            time.sleep(EPOCH_SECONDS * len(running))
            self.epoch += 1
            for one in running:
                note(f"{one.trial} {one.member.index} {self.epoch}")
            decisions = self.report.epochs([self.reported(one) for one in running])
            fall(running, self.epoch)
            for one, decision in zip(running, decisions, strict=True):
                self.finish(one, decision)
            self.save()
            if Decision.STOP in decisions:
                for one in self.job.trainings:
                    if key_of(one) not in self.over:
                        self.report.member(self.result(one, Status.INTERRUPTED))
                return

    def refuse(self, running: Sequence[Training]) -> None:
        """Raise where the configuration, or a file, says so."""
        bad = numbers_in("refuse")
        if bad and bad[0] in [one.trial for one in running]:
            raise ConfigError(f"model.widths: trial {bad[0]} is refused. Choose others.")
        bad = numbers_in("raise")
        if bad and bad[0] in [one.trial for one in running]:
            raise ValueError(f"trial {bad[0]} is broken")

    def reported(self, one: Training) -> EpochReport:
        return EpochReport(one.trial, one.member.index, self.epoch, {METRIC: self.curve(one)[-1]})

    def curve(self, one: Training) -> list[float]:
        return curve_of(one.config, one.member)[: self.epoch]

    def finish(self, one: Training, decision: Decision) -> None:
        """End a member whose epochs are done, or that is pruned, stops early or diverges."""
        key = key_of(one)
        if key == tuple(numbers_in("diverge") or ()) and self.epoch == 2:
            self.end(one, Status.DIVERGED)
        elif decision is Decision.PRUNE:
            self.end(one, Status.PRUNED)
        elif self.epoch == one.config["trainer"]["max_epochs"] or (
            key == tuple(numbers_in("stop_early") or ()) and self.epoch == 2
        ):
            self.end(one, Status.FINISHED)

    def end(self, one: Training, status: Status) -> None:
        self.over[key_of(one)] = result = self.result(one, status)
        self.report.member(result)

    def result(self, one: Training, status: Status) -> MemberResult:
        """What came of a member; a finished one has weights: a file of that name."""
        finished, path = status is Status.FINISHED, Path(one.folder) / "weights.safetensors"
        if finished:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("weights")
        curve = self.curve(one)
        return MemberResult(
            trial=one.trial,
            member=one.member.index,
            status=status,
            value=curve[-1] if finished else None,
            best_epoch=self.epoch,
            epochs=self.epoch,
            step=self.epoch,
            seconds=0.0,
            curves={METRIC: curve},
            weights=str(path) if finished else None,
            engine="fused" if len(self.job.trainings) > 1 else "single",
        )

    def save(self) -> None:
        temporary = self.state.with_suffix(".new")
        temporary.write_text(json.dumps({"epoch": self.epoch, "over": [asdict(one) for one in self.over.values()]}))
        temporary.rename(self.state)


def key_of(one: Training) -> tuple[int, int]:
    return one.trial, one.member.index


def result_of(saved: dict[str, Any]) -> MemberResult:
    return MemberResult(**saved | {"status": Status(saved["status"])})


def curve_of(config: Config, member: Member) -> list[float]:
    """Falls from epoch to epoch, to a level that depends on the configuration and the member.

    A trial whose batch size is 64 is a hopeless one.
    """
    level = derive(json.dumps(config["optimizer"]), member.seed, member.fold) / 2**63 + config["data"]["batch_size"]
    return [level + 1 / epoch for epoch in range(1, config["trainer"]["max_epochs"] + 1)]


def note(line: str) -> None:
    with Path("epochs.log").open("a") as file:
        file.write(line + "\n")


def numbers_in(name: str) -> list[int]:
    """The numbers in a file of the working folder; none without the file."""
    return list(map(int, Path(name).read_text().split())) if Path(name).exists() else []


def fall(running: Sequence[Training], epoch: int) -> None:
    """Die in the third epoch of the trial named in the file `fall`: the first time, or every time."""
    if epoch == 3 and (entry := numbers_in("fall")):
        trial, times = entry
        if trial in [one.trial for one in running] and times > 0:
            Path("fall").write_text(f"{trial} {times - 1}")
            os.kill(os.getpid(), signal.SIGKILL)
