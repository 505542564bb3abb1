"""Train one configuration of an experiment."""

import hydra
from omegaconf import DictConfig

from eksplora import build, command


@hydra.main(version_base="1.3", config_path="../conf", config_name="train")
def main(config: DictConfig) -> None:
    """Check the configuration, then import what is slow."""
    request = build.request("train", config)
    from eksplora.stage.train import train

    train(request)


if __name__ == "__main__":
    command.execute(main)
