"""Trains recorded members again. Run as a script, by path, with the sources of the recorded commit on PYTHONPATH.

So nothing of the present sources may be imported here: what is named `eksplora` below is that of the recorded commit.
The contract with it is small: `eksplora.types` (Job, Training, Member, Decision), `eksplora.provenance.code_sha256` and
a function `work(kind, job, report)`, under one of several names: it was renamed.
"""

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any


class Notes:
    """Takes down what comes of the members; members that a pruner gave up are given up after the same epoch."""

    def __init__(self, ends: dict[str, int], prune: Any, go_on: Any) -> None:
        """`ends` says after which epoch a member (`<trial>/<index>`) was pruned."""
        self.results: list[dict[str, Any]] = []
        self.split_for = ""
        self._ends, self._prune, self._go_on = ends, prune, go_on

    def epochs(self, reports: Sequence[Any]) -> list[Any]:
        """Say how far it is; answer as the driver did."""
        if sys.stdout.isatty():
            print(f"\repoch {max(report.epoch for report in reports)}", end="", flush=True)
        ends = [self._ends.get(f"{report.trial}/{report.member}") for report in reports]
        return [
            self._prune if end is not None and report.epoch >= end else self._go_on
            for report, end in zip(reports, ends, strict=True)
        ]

    def stop_requested(self) -> bool:
        """Nobody asks for a stop but by a signal, which ends the process."""
        return False

    def member(self, result: Any) -> None:
        """Note a result."""
        self.results.append({**asdict(result), "status": str(result.status)})

    def split(self, size: int, reason: str) -> None:
        """The population is too large for this machine now."""
        self.split_for = reason


def work_of(names: Sequence[str]) -> Any:
    """The first function of these, as `package.module:function`, that the recorded sources have."""
    for name in names:
        module, _, function = name.partition(":")
        try:
            return getattr(importlib.import_module(module), function)
        except ModuleNotFoundError as error:
            if not module.startswith(str(error.name)):
                raise
    raise ModuleNotFoundError(f"the recorded sources have none of {', '.join(names)}")


def main(path: str) -> None:
    """Train what the file at `path` asks for, and write what came of it where it says."""
    request = json.loads(Path(path).read_text(encoding="utf-8"))
    sys.path.append(str(Path.cwd()))  # parts may lie beside conf/; after all else, as in the recorded command
    import eksplora
    from eksplora.provenance import code_sha256
    from eksplora.types import Decision, Job, Member, Training

    # Earlier versions hash whole rooms; later ones what the recorded parts reach.
    parts = [request["code.parts"]] if request["code.parts"] else []
    found: dict[str, Any] = {"code.sha256": code_sha256(Path(str(eksplora.__file__)).parent, *parts)}
    if found["code.sha256"] == request["code.sha256"]:
        # This file runs with the recorded code, whose members may have fewer attributes: of these, all have defaults.
        members = [
            Member(**{key: value for key, value in one["member"].items() if key in Member.__dataclass_fields__})
            for one in request["trainings"]
        ]
        trainings = [
            Training(**{**one, "member": member}) for one, member in zip(request["trainings"], members, strict=True)
        ]
        job = Job(0, trainings, request["folder"], request["threads"], 1e9, False)
        notes = Notes(request["pruned"], Decision.PRUNE, Decision.GO_ON)
        work_of(request["work"])("job", job, notes)
        if sys.stdout.isatty():
            print("\r\x1b[K", end="", flush=True)  # the epochs are gone
        found |= {"results": notes.results, "split": notes.split_for}
    Path(request["output"]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
