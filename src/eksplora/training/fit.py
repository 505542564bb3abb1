"""Train one member with Lightning: from a job's member to its result."""

import hashlib
import logging
import os
import threading
import time
import warnings
from multiprocessing import parent_process
from pathlib import Path

import pytorch_lightning as pl
import safetensors.torch
import torch

from eksplora.training import checkpoint
from eksplora.training.batches import EvaluationChunks
from eksplora.training.module import MemberModule
from eksplora.training.recipe import Recipe
from eksplora.types import Job, Member, MemberResult, Report, Split, Status

for _name in ("pytorch_lightning", "lightning_fabric"):
    logging.getLogger(_name).setLevel(logging.ERROR)  # their hints are about loaders and loggers of their own

WEIGHTS = "weights.safetensors"


def fit(recipe: Recipe, member: Member, split: Split, job: Job, report: Report) -> MemberResult:
    """Train a member from its last good checkpoint, or from the start.

    Raises:
        StorageError: If checkpoints or weights cannot be written.
    """
    folder = Path(job.folder) / f"member-{member.index}"
    state = checkpoint.load(folder, config_hash=recipe.config_hash)
    module = MemberModule(
        recipe=recipe,
        member=member,
        split=split,
        trial=job.trial,
        folder=folder,
        checkpoint_seconds=job.checkpoint_seconds,
        report=report,
        state=state,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")  # as above
        trainer = _trainer(recipe, module)
        trainer.fit(module, module.chunks, EvaluationChunks(split.validation))
    if trainer.strategy.launcher is not None and trainer.world_size > 1:
        _take_over(module, folder)
    return _result(module, folder, str(trainer.strategy.root_device.type))


def _trainer(recipe: Recipe, module: MemberModule) -> pl.Trainer:
    """A trainer for the epochs that remain; what it would write or print is left out."""
    return recipe.trainer(
        max_epochs=recipe.max_epochs - module.epoch,
        logger=False,
        callbacks=[_OwnProcesses()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )


class _OwnProcesses(pl.Callback):
    """With several devices the training runs in processes of its own: its state comes back as a checkpoint."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Be as quiet as the asking process, and leave when it does: another may train in the same folder next."""
        if trainer.world_size > 1:
            warnings.filterwarnings("ignore", module="pytorch_lightning")
            threading.Thread(target=_leave_with_parent, daemon=True).start()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the final state when this is not the process that asked for the training."""
        if trainer.world_size > 1 and isinstance(pl_module, MemberModule):
            pl_module.save()


def _leave_with_parent() -> None:
    """End this process when its parent's ends, however that ends."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _take_over(module: MemberModule, folder: Path) -> None:
    """Fill the module of the asking process from the final state of the training's processes."""
    state = checkpoint.load(folder, config_hash=module.recipe.config_hash)
    assert state is not None, f"no final state in {folder}"
    module._restore(state)
    module._resumed_at = time.monotonic()  # the state's seconds hold all so far
    module.status, module.message = Status(state["status"]), state["message"]


def _result(module: MemberModule, folder: Path, device: str) -> MemberResult:
    recipe, finished = module.recipe, module.status is Status.FINISHED
    keeps_best = recipe.early_stopping.restore_best_weights
    epoch = module.best_epoch if keeps_best else module.epoch
    path, digest = _save_weights(module, folder) if finished else (None, None)
    return MemberResult(
        member=module.member.index,
        status=module.status,
        value=module.curves[f"val/{recipe.metric_name}"][epoch - 1] if finished else None,
        best_epoch=epoch,
        epochs=module.epoch,
        step=module.step,
        seconds=module.elapsed_seconds(),
        curves=module.curves,
        weights=path,
        weights_sha256=digest,
        device=device,
        message=module.message,
    )


def _save_weights(module: MemberModule, folder: Path) -> tuple[str, str]:
    """Write the member's weights, with the scaling of its features, as safetensors."""
    if module.best_weights is not None:
        torch.nn.utils.vector_to_parameters(module.best_weights.to(module.device), module.network.parameters())
    data = module.recipe.data
    tensors = {f"network.{name}": value.contiguous().cpu() for name, value in module.network.state_dict().items()}
    tensors |= {"shift": torch.from_numpy(data.shift).clone(), "scale": torch.from_numpy(data.scale).clone()}
    content = safetensors.torch.save(tensors)
    checkpoint.write_atomically(folder / WEIGHTS, content)
    return str(folder / WEIGHTS), hashlib.sha256(content).hexdigest()
