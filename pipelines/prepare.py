"""Prepare a data set: arrays, card, hashes."""

import hydra
from omegaconf import DictConfig

from eksplora import build, command


@hydra.main(version_base="1.3", config_path="../conf", config_name="prepare")
def main(config: DictConfig) -> None:
    """Check the configuration, then import what is slow."""
    request = build.request("prepare", config)
    from eksplora.stage.prepare import prepare

    prepare(request)


if __name__ == "__main__":
    command.execute(main)
