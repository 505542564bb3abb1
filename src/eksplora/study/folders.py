"""Where trainings keep checkpoints and weights, and what of it is kept: the weights of the best trial."""

import shutil
from pathlib import Path

from eksplora.study.ledger import Ledger, Population, Trial


class Folders:
    """The folders of a study's trials (weights) and populations (checkpoints), made by the workers."""

    def __init__(self, root: Path) -> None:
        """Folders under `root`, the study's own."""
        self._trials, self._populations = root / "trials", root / "populations"

    def weights(self, trial: Trial, member: int) -> Path:
        """Where the weights of a member go."""
        return self._trials / f"{trial.number:04d}" / f"member-{member}"

    def checkpoints(self, population: Population) -> Path:
        """Where the checkpoints of a population lie."""
        return self._populations / f"{population.number:04d}"

    def forget_trial(self, trial: Trial) -> None:
        """Remove the weights of a trial."""
        shutil.rmtree(self._trials / f"{trial.number:04d}", ignore_errors=True)

    def forget_population(self, population: Population) -> None:
        """Remove the checkpoints of a population that is over."""
        shutil.rmtree(self.checkpoints(population), ignore_errors=True)

    def clean_up(self, ledger: Ledger) -> None:
        """Remove what a driver left behind that was killed after it wrote an end."""
        for trial in ledger.trials.values():
            if trial.status.is_final and trial is not ledger.best:
                self.forget_trial(trial)
        known = {self.checkpoints(population) for population in ledger.populations.values()}
        for folder in self._populations.glob("*"):
            if folder not in known:
                shutil.rmtree(folder, ignore_errors=True)
