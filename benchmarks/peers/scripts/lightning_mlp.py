"""The reference MLP on Boston housing with Lightning: `python lightning_mlp.py boston.npz --epochs 200`.

Prints one line of JSON; the clock runs from building the network to the end of `fit`, after one epoch that does not
count. The hyperparameter searches beside this file import the network and `fit`.
"""

import argparse
import json
import time
import warnings
from collections.abc import Sequence

import numpy as np
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore", module="pytorch_lightning")  # its advice on worker processes, wrong for small data


class MLP(pl.LightningModule):
    """13 features, four hidden layers of 128 units, one number."""

    def __init__(self, lr: float = 1e-3, weight_decay: float = 0.0) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layers = nn.Sequential(
            nn.Linear(13, 128),
            nn.ReLU(),
            *[layer for _ in range(3) for layer in (nn.Linear(128, 128), nn.ReLU())],
            nn.Linear(128, 1),
        )

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch."""
        return self.score(batch, "train")

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the scores of a batch."""
        self.score(batch, "val")

    def score(self, batch: tuple[Tensor, Tensor], part: str) -> Tensor:
        """Log loss and mean absolute error, averaged over the epoch."""
        x, y = batch
        output = self.layers(x)
        loss = F.mse_loss(output, y)
        self.log_dict({f"{part}_loss": loss, f"{part}_mae": F.l1_loss(output, y)}, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr, weight_decay=self.hparams.weight_decay)


def fit(path: str, model: MLP, epochs: int, callbacks: Sequence[pl.Callback] = ()) -> pl.Trainer:
    """Train, with a validation after each epoch."""
    data = {name: torch.from_numpy(values) for name, values in np.load(path).items()}
    train = DataLoader(TensorDataset(data["x_train"], data["y_train"]), batch_size=32, shuffle=True)
    validation = DataLoader(TensorDataset(data["x_validation"], data["y_validation"]), batch_size=128)
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, train, validation)
    return trainer


def main() -> None:
    """Train once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=200)
    arguments = parser.parse_args()
    begun = time.perf_counter()
    fit(arguments.data, MLP(), epochs=1)
    warm = time.perf_counter()
    model = MLP()
    trainer = fit(arguments.data, model, arguments.epochs)
    done = time.perf_counter()
    answer = {
        "warm_up": warm - begun,
        "seconds": done - warm,
        "steps": trainer.global_step,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "score": trainer.callback_metrics["val_mae"].item(),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
