"""Where trials keep checkpoints and weights, and what of it is kept: the weights of the best trial."""

import shutil
from pathlib import Path

from eksplora.stage._ledger import Ledger, Trial

WEIGHTS_SUFFIX = ".safetensors"


class TrialFolders:
    """The folders of a study's trials."""

    def __init__(self, root: Path) -> None:
        """Folders under `root`, made by the workers when they write their first file."""
        self.root = root

    def of(self, trial: Trial) -> Path:
        """The folder of a trial."""
        return self.root / f"{trial.number:04d}"

    def ended(self, trial: Trial, best: Trial | None, former: Trial | None) -> None:
        """A trial is over: keep the weights of the best, remove the rest of it and the former best."""
        for other in (trial, former):
            if other is not None and other is not best:
                shutil.rmtree(self.of(other), ignore_errors=True)
        for path in self.of(trial).glob("member-*/*"):
            if path.suffix != WEIGHTS_SUFFIX:
                path.unlink(missing_ok=True)

    def clean_up(self, ledger: Ledger) -> None:
        """Remove what a driver left behind that was killed after it wrote a trial's end."""
        for trial in ledger.trials.values():
            if trial.status.is_final and trial is not ledger.best and self.of(trial).exists():
                shutil.rmtree(self.of(trial), ignore_errors=True)
