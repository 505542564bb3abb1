"""What the workers of these tests do with a job: whatever its configuration says."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from eksplora.errors import DataError
from eksplora.types import EpochReport, MemberResult, Status


def run(kind: str, value: Any, report: Any) -> None:
    todo = value if kind == "check" else value.config
    match todo["do"]:
        case "finish":
            report.member(MemberResult(0, Status.FINISHED, 1.5, 1, 1, 1, 0.0))
        case "raise":
            raise ValueError("that was to be")
        case "refuse":
            raise DataError("data.csv is missing. Bring it.")
        case "die":
            report.member(MemberResult(0, Status.FINISHED, 1.5, 1, 1, 1, 0.0))
            os.kill(os.getpid(), signal.SIGKILL)
        case "epochs":
            decision = report.epoch(EpochReport(0, 0, 1, {"val/mae": 1.0}))
            report.member(MemberResult(0, Status.FINISHED, 1.5, 1, 1, 1, 0.0, message=str(decision)))
        case "wait":
            Path(todo["file"]).touch()
            while not report.stop_requested():
                time.sleep(0.01)
            report.member(MemberResult(0, Status.INTERRUPTED, None, 0, 0, 0, 0.0))
