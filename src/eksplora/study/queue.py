"""The populations of a study that are not over: which is next, how they are cut, and when they are over."""

import contextlib
import math
import shutil
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from eksplora.study.journal import Journal
from eksplora.study.ledger import Ledger
from eksplora.study.packing import divide, pack, signature
from eksplora.study.trial import Key, StudyPopulation, Trial


class Folders:
    """The folders of a study's trials (weights) and populations (checkpoints), made by the workers."""

    def __init__(self, root: Path) -> None:
        """Folders under `root`, the study's own."""
        self._trials, self._populations = root / "trials", root / "populations"

    def weights(self, trial: Trial, member: int) -> Path:
        """File for the weights of a member."""
        return self._trials / f"{trial.number:04d}" / f"member-{member}"

    def checkpoints(self, population: StudyPopulation) -> Path:
        """Folder of the checkpoints of a population."""
        return self._populations / f"{population.number:04d}"

    def forget_trial(self, trial: Trial) -> None:
        """Remove the weights of a trial; what its members predict is kept, to compare it with others."""
        folder = self._trials / f"{trial.number:04d}"
        for member in folder.glob("member-*"):
            (member / "weights.safetensors").unlink(missing_ok=True)
            _remove_if_empty(member)
        _remove_if_empty(folder)

    def forget_population(self, population: StudyPopulation) -> None:
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


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # something is in it, or it is gone
        folder.rmdir()


class PopulationQueue:
    """Hands out populations in their order; every change of one is recorded before anything else is done with it."""

    def __init__(self, ledger: Ledger, record: Journal, folders: Folders, say: Callable[[str], None]) -> None:
        """Take up those that an earlier driver left: begun ones first, so that their trials end."""
        self._ledger, self._record, self._folders, self._say = ledger, record, folders, say
        # False sorts before True: begun populations first.
        self._queue = sorted(ledger.populations.values(), key=lambda one: (not one.is_begun, one.number))
        self._begun = {one.number: one for one in self._queue if one.is_begun}
        # By signature: the largest size that a worker found to fit, and why.
        self._limits: dict[str, tuple[int, str]] = {}
        self._said: set[str] = set()  # lines on members that do not train together

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be trained."""
        return not any(map(self._ledger.waiting, self._queue))

    def pack(self, trials: Sequence[Trial], sizes: Sequence[int], workers: int) -> None:
        """Put the members of new trials together."""
        made = [self._ledger.new_population(keys) for keys in pack(trials, sizes, workers)]
        self._record.packed(made)
        self._queue += made

    def next(self) -> StudyPopulation | None:
        """The next one to hand out; it has begun when this returns."""
        while self._queue:
            population = self._queue.pop(0)
            if not population.is_begun:
                # A begun one keeps all its keys: its checkpoint holds them.
                population.keys = [key for key in population.keys if not self._is_ending(self._ledger.trials[key[0]])]
            # Pruning or a failure may have ended its trials while it waited.
            if not self._ledger.waiting(population):
                self.end(population)
            elif population.is_begun or not self._is_cut(population):
                self._begin(population)
                return population
        return None

    def put_back(self, population: StudyPopulation) -> None:
        """Its worker is gone: it is the next one."""
        self._queue.insert(0, population)

    def split(self, population: StudyPopulation, size: int, reason: str) -> None:
        """Let at most `size` trainings of this kind go together; later ones are cut before they are handed out."""
        line = f"populations of at most {size}: {reason}" if size > 1 else f"no populations: {reason}"
        if line not in self._said:
            self._said.add(line)
            self._say(line)
        # A worker's limit holds for all trials of the same shape.
        self._limits[self._mark(population)] = size, reason
        self._replace(population, divide(self._ledger.waiting(population), size), reason)

    def isolate(self, population: StudyPopulation, reason: str) -> None:
        """One population per trial, so that a trial that does harm does it to itself alone."""
        keys = self._ledger.waiting(population)
        self._replace(population, [list(group) for _, group in groupby(keys, key=lambda key: key[0])], reason)

    def end(self, population: StudyPopulation) -> None:
        """Nobody waits for it any more."""
        self._record.population_end(population)
        self._forget(population)

    def holds(self, trial: Trial) -> bool:
        """Whether a population that has begun still owes a result of the trial."""
        # A trial is over only when nobody can send a result of it any more.
        owed = {(trial.number, member.index) for member in trial.waiting}
        return bool(owed) and any(not owed.isdisjoint(population.keys) for population in self._begun.values())

    def _is_ending(self, trial: Trial) -> bool:
        """Whether no further member of it should begin; a pruned one still needs the result of one that is pruned."""
        return trial.status.is_final or trial.is_trained or (trial.pruned_at is not None and self.holds(trial))

    def _begin(self, population: StudyPopulation) -> None:
        if not population.is_begun:
            population.is_begun = True
            self._record.population(population)
        self._begun[population.number] = population

    def _is_cut(self, population: StudyPopulation) -> bool:
        """Cut a population that is known to be too large, as its worker would ask for."""
        size, reason = self._limits.get(self._mark(population), (math.inf, ""))
        if len(population.keys) <= size:
            return False
        self._replace(population, divide(population.keys, int(size)), reason)
        return True

    def _replace(self, population: StudyPopulation, parts: Sequence[Sequence[Key]], reason: str) -> None:
        made = [self._ledger.new_population(keys, reason) for keys in parts]
        self._record.packed(made, replaced=[population.number], reason=reason)
        self._forget(population)
        # In front, in the order of the population that they replace.
        self._queue[:0] = made

    def _forget(self, population: StudyPopulation) -> None:
        del self._ledger.populations[population.number]
        self._begun.pop(population.number, None)
        self._folders.forget_population(population)

    def _mark(self, population: StudyPopulation) -> str:
        return signature(self._ledger.trials[population.keys[0][0]].config)
