"""What the workers of these tests do with a job: whatever its configuration says."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from eksplora.errors import DataError
from eksplora.types import EpochReport, MemberResult, Status

FINISHED = MemberResult(0, 0, Status.FINISHED, 1.5, 1, 1, 1, 0.0)


def run(kind: str, value: Any, report: Any) -> None:
    todo = value if kind == "check" else value.trainings[0].config
    match todo["do"]:
        case "finish":
            report.member(FINISHED)
        case "raise":
            raise ValueError("that was to be")
        case "refuse":
            raise DataError("data.csv is missing. Bring it.")
        case "die":
            report.member(FINISHED)
            os.kill(os.getpid(), signal.SIGKILL)
        case "epochs":
            decisions = report.epochs([EpochReport(0, member, 1, {"val/mae": 1.0}) for member in (0, 1)])
            report.member(replace(FINISHED, message=" ".join(decisions)))
        case "split":
            report.split(3, "the memory holds no more")
        case "wait":
            Path(todo["file"]).touch()
            while not report.stop_requested():
                time.sleep(0.01)
            report.member(MemberResult(0, 0, Status.INTERRUPTED, None, 0, 0, 0, 0.0))
