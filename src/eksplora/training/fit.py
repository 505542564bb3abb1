"""Train a population with Lightning: from members to results."""

import logging
import os
import threading
import warnings
from collections.abc import Sequence
from multiprocessing import parent_process
from pathlib import Path

import pytorch_lightning as pl
import torch

from eksplora.counter import fingerprint
from eksplora.training import checkpoint
from eksplora.training.member import MemberState
from eksplora.training.module import PopulationModule, is_state
from eksplora.training.observer import Observer
from eksplora.types import Job, Report, Status

torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing reads it; a fifth of a CNN's step
for _name in ("pytorch_lightning", "lightning_fabric"):
    logging.getLogger(_name).setLevel(logging.ERROR)  # their hints are about loaders and loggers of their own


def fit(members: Sequence[MemberState], job: Job, report: Report, observers: Sequence[Observer] = ()) -> None:
    """Train a population from its last good checkpoint, or from the start; each member's result goes to the report.

    Members that were over in the checkpoint are reported once more: a driver may have ended before it recorded them.

    Args:
        members: The members.
        job: Where checkpoints and weights go.
        report: Hears of epochs and results.
        observers: May look at every step and epoch.

    Raises:
        StorageError: If checkpoints or weights cannot be written.
    """
    folder = Path(job.folder)
    identity = fingerprint(
        [[member.recipe.config_hash, member.trial, list(vars(member.identity).values())] for member in members]
    )
    module = PopulationModule(
        members,
        folder=folder,
        identity=identity,
        checkpoint_seconds=job.checkpoint_seconds,
        report=report,
        state=checkpoint.load(folder, config_hash=identity, is_whole=lambda state: is_state(state, len(members))),
        observers=observers,
    )
    for member in module.members:
        if member.status.is_final:
            report.member(member.concluded())
    if not module.training_members():
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")  # as above
        warnings.filterwarnings("ignore", message="grad and param do not obey")  # they are views of a matrix's columns
        # A loss of the user's that torch maps one member after another: its gradients were compared, see mapped.py.
        warnings.filterwarnings("ignore", message="There is a performance drop")
        _trainer(module).fit(module, module.chunks, module.evaluation if module.validates else None)


def _trainer(module: PopulationModule) -> pl.Trainer:
    """A trainer for the epochs that remain; what it would write or print is left out."""
    epochs = max(member.recipe.max_epochs for member in module.members if member.status is Status.RUNNING)
    return module.members[0].recipe.trainer(
        max_epochs=epochs - module.epoch,
        logger=False,
        callbacks=[_OwnProcesses()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        # Lightning's trial validation would add rows to the metrics before training.
        num_sanity_val_steps=0,
        # The population divides each batch among devices itself.
        use_distributed_sampler=False,
    )


class _OwnProcesses(pl.Callback):
    """Callback for several devices: the training then runs in processes of its own, which talk to the driver."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Be as quiet as the asking process, and leave when it does: another may train in the same folder next."""
        if trainer.world_size > 1:
            warnings.filterwarnings("ignore", module="pytorch_lightning")
            threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End this process when its parent's ends, however that ends."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
