"""Train a recorded run again and say whether it is bit-identical."""

import os
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from eksplora import provenance
from eksplora.config import Request, check_recorded, own_places, part, project
from eksplora.config.schema import ReproduceConfig
from eksplora.console.work import Work, begin
from eksplora.errors import ConfigError, DataError, EksploraError, PreconditionError
from eksplora.events import spool as spools
from eksplora.events.line import to_json
from eksplora.installation import target
from eksplora.reproduction.patch import FileChange, described
from eksplora.reproduction.record import Recorded, recall
from eksplora.reproduction.retraining import check_data, train_again, worktree
from eksplora.study.definition import changed_outside_code, changed_versions
from eksplora.study.setup import tracker_of
from eksplora.study.trial import Key
from eksplora.tracker.base import SPOOL, Lookup, RunContent
from eksplora.types import Config
from eksplora.untrusted import is_name

DECIDING = ("machine.cpu", "machine.arch", "version.python", "version.torch", "version.numpy")
"""Keys of the provenance that decide on bits, for every training."""

OF_NETWORKS = ("version.pytorch-lightning", "version.torchmetrics")
OF_BASELINES = ("version.scikit-learn",)


def reproduce(request: Request) -> None:
    """Train a recorded run again and say whether it is bit-identical.

    Raises:
        PreconditionError: If it cannot be reproduced here: another machine type, version, thread count or data.
        EksploraError: If it differs; the message has the first step and metric.
        UserError: For what else the user can fix.
    """
    settings: ReproduceConfig = request.settings
    if not settings.run:
        raise ConfigError(f"run: give the id of a run in MLflow, from its page: {target('reproduce', run='<id>')}.")
    begin(request.root, settings.run)
    started = time.monotonic()
    tracker = tracker_of(request.config)
    with tracker.lookup() as lookup:
        shown = lookup.shown(settings.run)
        recorded = _recorded(settings, shown, lookup)
    trial = shown.trial if shown.trial is not None else recorded.best
    if trial is None:
        raise ConfigError(f"run={settings.run} is the study {shown.name}, which has no best trial. Give a trial's run.")
    keys = recorded.members(trial, shown.member)
    name = f"{shown.name}, trial {keys[0][0]}" + ("" if shown.member is None else f", member {shown.member}")
    _check(settings, recorded, keys, name)
    commit = recorded.provenance.get("git.commit", provenance.UNKNOWN)
    _say(f"{name}: commit {commit[:12]}, {_count(len(keys), 'member')}")
    again: dict[Key, dict[str, Any]] = {}
    patch = recorded.patch
    permit = partial(_permit, is_allowed=settings.diff or is_present(project(), recorded))
    with worktree(project(), commit, patch, permit=permit) as tree:
        _check_lock(tree, recorded)
        for together, group in groupby(keys, key=lambda key: (recorded.together[key], recorded.threads[key])):
            size, threads = len(together[0]), together[1][-1]
            _say(f"training a population of {_count(size, 'member')} on {_count(threads, 'thread')}")
            with Work(f"reproduce {name}") as work:
                work.step("training")
                again |= train_again(tree, recorded, list(group), Path(settings.paths.data))
    _conclude(name, recorded, again, time.monotonic() - started)


def _recorded(settings: ReproduceConfig, shown: RunContent, lookup: Lookup) -> Recorded:
    """The study of a run: from its folder on this machine, otherwise from the file that MLflow holds.

    Raises:
        DataError: If the run's study has a name that no study has.
    """
    if not is_name(shown.name):
        raise DataError(f"run={settings.run} says that its study is {shown.name!r}, which is no study's name.")
    local = Path(settings.paths.mlruns) / "studies" / shown.name / SPOOL
    is_known = local.is_file() and spools.last(local) is not None
    if is_known and spools.study_of(local).id == shown.study:  # not a later study of the same name
        return recall(spools.read(local), source=local)
    with tempfile.TemporaryDirectory() as folder:
        return recall(
            spools.read(lookup.spool(shown, str(settings.run), Path(folder))), source=f"the spool of {shown.name}"
        )


# --- the recorded diff ---------------------------------------------------------------------------------------------


def is_present(project: Path, recorded: Recorded) -> bool:
    """Whether the recorded diff is what differs from the same commit in the user's own working tree now.

    Such a diff is code that every command runs already. Any other is somebody's word: a folder under `mlruns/studies/`
    may have been copied from elsewhere, and nothing in it could show that, since all of it would have been copied.
    """
    here = provenance.collect(project)["git.commit"]
    return here == recorded.provenance.get("git.commit") and provenance.diff(project) == recorded.patch


def _permit(found: list[FileChange], *, is_allowed: bool) -> None:
    """Say what the recorded diff changes.

    Raises:
        PreconditionError: If it may not be run.
    """
    _say("\n".join(described(found)))
    if not is_allowed:
        raise PreconditionError(
            "the record's changes.diff is code that is in no commit and not in your working tree, and training again "
            "would run it. Read it (the artifact changes.diff of the study's run), then add diff=true."
        )


# --- preconditions -----------------------------------------------------------------------------------------------


def _check(settings: ReproduceConfig, recorded: Recorded, keys: Sequence[Key], name: str) -> None:
    """Refuse what cannot be compared here.

    Raises:
        ConfigError: If the recorded configuration names code that no file of `conf/` names.
        PreconditionError: Naming everything that is not as it was.
    """
    numbers = dict.fromkeys(number for key in keys for number, _ in recorded.together[key])
    for number in numbers:
        check_recorded(recorded.config(number))
        if not isinstance(recorded.config(number).get("data"), dict):
            raise DataError(f"trial {number} of {name} is of no data. The record was altered.")
    config = recorded.config(keys[0][0])
    data = {"batch_size": "full"} | own_places(config["data"], settings.paths.data)
    dataset = part({"data": data}, "data")
    # Nothing is fetched: where from would be the record's word.
    unmet = check_data(recorded, dataset.card()["arrays"])
    unmet += changed_outside_code(recorded.study.definition or {}, project())
    dataset.open("train")  # refuses files that are not what their card says
    if settings.strict:
        unmet += check_machine(recorded.provenance, provenance.collect(project()), is_baseline="baseline" in config)
        unmet += [one for one in changed_versions(recorded.study.definition or {}) if one not in unmet]
        unmet += check_threads([recorded.threads[key] for key in keys], len(os.sched_getaffinity(0)))
        unmet += check_device(str(recorded.results[keys[0]].device), config)
    if unmet:
        way_out = " strict=false trains all the same." if settings.strict else ""
        raise PreconditionError(f"{name} cannot be reproduced here: {'; '.join(unmet)}.{way_out}")


def check_machine(recorded: Mapping[str, str], present: Mapping[str, str], *, is_baseline: bool) -> list[str]:
    """Differences of machine and versions from the recorded ones, in words."""
    keys = DECIDING + (OF_BASELINES if is_baseline else OF_NETWORKS)
    return [
        f"{key} is {present.get(key)}, it was {recorded.get(key)}"
        for key in keys
        if present.get(key) != recorded.get(key)
    ]


def check_threads(threads: Collection[Sequence[int]], cores: int) -> list[str]:
    """Recorded numbers of threads that so many cores do not allow, in words.

    Args:
        threads: For each member the numbers it was trained with, one after the other.
        cores: What this machine has.
    """
    mixed = [f"threads: begun with {numbers[0]}, gone on with {numbers[-1]}" for numbers in threads if numbers[1:]]
    most = max(number for numbers in threads for number in numbers)
    lacking = [f"threads: it was trained on {most}, this machine has {cores} cores"] if most > cores else []
    return [*dict.fromkeys(mixed), *lacking]


def check_device(recorded: str, config: Config) -> list[str]:
    """Whether a configuration would be trained on another kind of device here, in words."""
    if config.get("trainer", {}).get("accelerator", "cpu") == "cpu":
        return []
    import torch  # 2 s

    present = "cuda" if torch.cuda.is_available() else "cpu"
    return [] if present == recorded else [f"device is {present}, it was {recorded}"]


def _check_lock(tree: Path, recorded: Recorded) -> None:
    """Refuse a worktree whose lock file is not the recorded one.

    Raises:
        PreconditionError: If it is another.
    """
    found = provenance.lock_sha256(tree)
    if found != recorded.provenance.get("lock.sha256"):
        raise PreconditionError("constraints.txt of the recorded commit and diff is not the one that was recorded.")


# --- the verdict -------------------------------------------------------------------------------------------------


def _conclude(name: str, recorded: Recorded, again: Mapping[Key, Mapping[str, Any]], seconds: float) -> None:
    for (number, member), result in again.items():
        difference = first_difference(to_json(recorded.results[number, member]), result)
        if difference:
            raise EksploraError(f"{name} differs: member {member}, {difference}.")
    epochs = sum(result["epochs"] for result in again.values())
    has_weights = any(result["weights_sha256"] for result in again.values())
    what = f"every metric of {_count(epochs, 'epoch')}" + (" and the weights' sha256" if has_weights else "")
    print(f"bit-identical: {name}: {what}, {_count(len(again), 'member')}, trained again in {seconds:.0f} s")


def first_difference(recorded: Mapping[str, Any], again: Mapping[str, Any]) -> str:
    """The first thing that differs between two results, in words; empty when they are the same, bit for bit."""
    steps = recorded["step"] // max(1, recorded["epochs"])
    curves, others = recorded["curves"], again["curves"]
    for epoch in range(max([len(curve) for curve in (*curves.values(), *others.values())], default=0)):
        for metric in dict.fromkeys([*curves, *others]):
            values = [one[epoch] if epoch < len(one := known.get(metric, [])) else None for known in (curves, others)]
            if repr(values[0]) != repr(values[1]):  # repr shows every bit of a number, and calls nan equal to nan
                return (
                    f"epoch {epoch + 1} (step {steps * (epoch + 1)}), {metric}: it was {values[0]}, it is {values[1]}"
                )
    if str(recorded["status"]) != str(again["status"]):
        return f"status: it was {recorded['status']}, it is {again['status']}"
    for key in ("epochs", "best_epoch", "step", "value", "weights_sha256"):
        if repr(recorded.get(key)) != repr(again.get(key)):
            return f"{key}: it was {recorded.get(key)}, it is {again.get(key)}"
    return ""


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + "s" * (number != 1)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
