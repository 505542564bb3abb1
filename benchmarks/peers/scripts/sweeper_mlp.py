"""The same network searched by Hydra's Optuna sweeper: `python sweeper_mlp.py --multirun data=/path/to/boston.npz`."""

import hydra
from lightning_mlp import MLP, fit
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path=".", config_name="sweeper_mlp")
def main(config: DictConfig) -> float:
    """One trial: the validation error after the last epoch."""
    trainer = fit(config.data, MLP(lr=config.lr, weight_decay=config.weight_decay), config.epochs)
    return trainer.callback_metrics["val_mae"].item()


if __name__ == "__main__":
    main()
